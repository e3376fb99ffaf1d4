# check.sh: what the shell tests share: one counted check after the other. To be sourced by them (sh or bash), not run.
#
#     shown="FILE FILE"      set by the test, relative to $work: what a failed check prints the end of
#     check WHAT COMMAND...  passes when the command succeeds
#     totals                 the last line of a test; its status is that of the test
#
#     run ARGUMENTS...       the program, $bso: its output is in $work/out and $work/err, its status in $status
#     says WORDS             one of both holds them
#     works                  the status is 0, and nothing was said on standard error
# A test whose program or log is another one has a run and a says of its own.

passed=0 failed=0 status=0

check() {
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok    $what"
    else
        failed=$((failed + 1))
        echo "FAIL  $what"
        for file in $shown; do
            if [ -s "$work/$file" ]; then tail -n 12 "$work/$file" | sed "s/^/      $file: /"; fi
        done
    fi
}

totals() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}

run() {
    "$bso" "$@" > "$work/out" 2> "$work/err" < /dev/null
    status=$?
}

says() { grep -q -- "$1" "$work/out" "$work/err"; }
works() { [ "$status" = 0 ] && [ ! -s "$work/err" ]; }
