# check.sh: what the shell tests share: one counted check after the other. To be sourced by them (sh or bash), not run.
#
#     shown="FILE FILE"      set by the test, relative to $work: what a failed check prints the end of
#     check WHAT COMMAND...  passes when the command succeeds
#     totals                 the last line of a test; its status is that of the test

passed=0 failed=0

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
