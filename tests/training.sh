#!/bin/sh
# training.sh [PATH]: whole trainings on the real Fashion-MNIST: the same bits in another process and on another number of
# threads, and every method of the smoke profile well above chance. The program is PATH, or $BSO, or build/bso. Ends with
# "N passed, N failed".
set -u

bso=$(readlink -f "${1:-${BSO:-build/bso}}")
work=$(mktemp -d "${TMPDIR:-/tmp}/bso-training-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cd "$(dirname "$0")/.." || exit 1
shown=log
. tests/lib/check.sh
# The packaged Fashion-MNIST, not the caller's own data.
unset BSO_DATA_DIR

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

# What a method reaches depends on no sanitizer.
if [ -n "${BSO_TEST_SHORT:-}" ]; then
    totals
    exit
fi

"$bso" sweep experiments/smoke.conf --only fashion-mnist --out "$work/smoke" > "$work/log" 2>&1
check "smoke: the sweep finishes" [ $? = 0 ]
"$bso" table "$work/smoke" >> "$work/log" 2>&1
check "smoke: the table is made" [ $? = 0 ]
# Columns by their names; no label of this sweep holds a comma.
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at["method"] " at T = " $at["T"] "," $at["test_accuracy_percent"] }' \
    "$work/smoke/tables/comparison.csv" > "$work/rows"
while IFS=, read -r method accuracy; do
    check "smoke: $method reaches 25 %" awk -v accuracy="$accuracy" 'BEGIN { exit !(accuracy >= 25) }'
done < "$work/rows"
check "smoke: every method is there" [ "$(grep -c '' "$work/rows")" = 17 ]

totals
