#!/bin/sh
# training.sh [PATH]: whole trainings on the real Fashion-MNIST: the same bits in another process and on another number of
# threads, and every method of the smoke profile well above chance. The program is PATH, or $BSO, or build/bso. Ends with
# "N passed, N failed".
set -u

bso=$(readlink -f "${1:-${BSO:-build/bso}}")
work=$(mktemp -d "${TMPDIR:-/tmp}/bso-training-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
# The packaged Fashion-MNIST, not the caller's own data.
unset BSO_DATA_DIR

check() { # description, command ...: the command succeeds
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok    $what"
    else
        failed=$((failed + 1))
        echo "FAIL  $what"
        cat "$work/log"
    fi
}

# The hash of the weights after a short training: threads, optimizer, gradient, batch.
hash_of() {
    OMP_NUM_THREADS=$1 "$bso" run --quiet --set optimizer="$2" --set gradient="$3" --set batch="$4" --set train_samples=96 \
        --set test_samples=64 --set epochs=2 --set augment=crop+flip --out "$work/run.h5" > "$work/log" 2>&1 || return 1
    "$bso" inspect "$work/run.h5" | grep -o 'hash [0-9a-f]\{16\}'
    rm -f "$work/run.h5"
}

for method in 'tbso ottt' 'bso ottt' 'adam_ste bptt' 'sgd_ste ottt' 'sgd bptt' 'adam ottt'; do
    for batch in 1 32; do
        # shellcheck disable=SC2086
        one=$(hash_of 1 $method $batch)
        # shellcheck disable=SC2086
        two=$(hash_of 2 $method $batch)
        check "$method, batch $batch: the same weights on 1 and 2 threads, in two processes" [ -n "$one" -a "$one" = "$two" ]
    done
done

"$bso" sweep experiments/smoke.conf --out "$work/smoke" > "$work/log" 2>&1
check "smoke: the sweep finishes" [ $? = 0 ]
"$bso" table "$work/smoke" >> "$work/log" 2>&1
check "smoke: the table is made" [ $? = 0 ]
for method in BSO T-BSO Adam-STE SGD-STE 'Full precision' 'Full precision (Adam)'; do
    # Third field: the method; ninth: its test accuracy in percent.
    # shellcheck disable=SC2016
    check "smoke: $method reaches 40 %" awk -F, -v method="$method" '
        $3 == method { rows++; if (!($9 >= 40)) low++ }
        END { exit !(rows > 0 && low == 0) }' "$work/smoke/tables/comparison.csv"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
