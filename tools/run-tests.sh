#!/bin/bash
# run-tests.sh PROGRAM TEST...: runs tests one after the other and adds up their cases.
#
# A TEST is a cmocka program, or a shell script (*.sh) that finds the program in $BSO and ends with "N passed, N failed".
# Only failing tests show their output. The last line is the total, "N passed, N failed"; the exit status is 1 if any
# case failed, or a test crashed, hung, or reported nothing.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: tools/run-tests.sh PROGRAM TEST..." >&2; exit 2; }
BSO=$(readlink -f "$1")
export BSO
shift
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-1000} # as the program sets it for itself
unset CMOCKA_MESSAGE_OUTPUT # the counts are read from its standard format
limit=${BSO_TEST_SECONDS:-600}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Sums cmocka's and the scripts' totals over a log: "passed failed skipped".
count() {
    awk '/^\[  PASSED  \] [0-9]+ test\(s\)/ { passed += $4 }
         /^\[  FAILED  \] [0-9]+ test\(s\)/ { failed += $4 }
         /^\[  SKIPPED \] [0-9]+ test\(s\)/ { skipped += $4 }
         /^[0-9]+ passed, [0-9]+ failed$/   { passed += $1; failed += $3 }
         END { print passed + 0, failed + 0, skipped + 0 }' "$log"
}

total_passed=0 total_failed=0
for test in "$@"; do
    command=("$test")
    case $test in
    *.sh) command=(bash "$test") ;;
    */*) ;;
    *) command=("./$test") ;;
    esac
    status=0
    SECONDS=0
    # The braces keep the shell's own word on a crash out of the way.
    { timeout --foreground -k 10 "$limit" "${command[@]}" >"$log" 2>&1 </dev/null || status=$?; } 2>/dev/null
    [ $status -ne 130 ] || exit 130
    read -r passed failed skipped < <(count)

    trouble=
    if [ $status -eq 124 ] || [ $status -eq 137 ]; then
        trouble="did not end within $limit s"
    elif [ $status -gt 128 ]; then
        trouble="killed by signal $((status - 128))"
    elif [ $status -ne 0 ]; then
        trouble="exit status $status"
    elif [ $((passed + failed + skipped)) -eq 0 ]; then
        trouble="reported no test"
    fi
    # What went wrong outside a counted case (a crash, a leak at exit) is one failure of its own.
    if [ -n "$trouble" ] && [ "$failed" -eq 0 ]; then failed=1; fi

    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    if [ "$failed" -eq 0 ]; then
        note=
        if [ "$skipped" -gt 0 ]; then note=", $skipped skipped"; fi
        printf 'ok    %-28s %4d passed%s  %3d s\n' "$(basename "$test")" "$passed" "$note" $SECONDS
    else
        printf 'FAIL  %-28s %4d passed, %d failed%s\n' "$(basename "$test")" "$passed" "$failed" "${trouble:+ ($trouble)}"
        sed 's/^/    | /' "$log"
    fi
done

echo "$total_passed passed, $total_failed failed"
[ $total_failed -eq 0 ] && [ $total_passed -gt 0 ]
