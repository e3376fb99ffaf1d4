#!/bin/bash
# test-races.sh PROGRAM: data races in trainings and sweeps, found by ThreadSanitizer in a PROGRAM that clang built with
# -fsanitize=thread. Archer tells it what OpenMP synchronises, so that nothing is suppressed; OpenBLAS and HDF5, which are not
# instrumented, are not looked into. Ends with "N passed, N failed". `make test-races` builds the program and runs this.
set -u
bso=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
. "$here/../tests/lib/faults.sh"
trap 'rm -rf "$work"' EXIT
cc=${CC:-clang}

archer=$(find /usr/lib/llvm-*/lib -name libarcher.so 2> /dev/null | sort -V | tail -n 1)
[ -n "$archer" ] || { echo "test-races.sh: Archer is missing; install libomp-dev" >&2; exit 1; }
export OMP_TOOL_LIBRARIES=$archer TSAN_OPTIONS='ignore_noninstrumented_modules=1 exitcode=66' OMP_NUM_THREADS=3

# Does this find races, and only races? One loop with one, one without.
racy() { # expression
    printf 'int main(void) { int sum = 0;\n#pragma omp parallel for %s\nfor (int i = 0; i < 1000; i++) sum += i;\nreturn sum == 499500 || 1 ? 0 : 1; }\n' \
        "$1" > "$work/race.c"
    "$cc" -O1 -g -fopenmp -fsanitize=thread -o "$work/race" "$work/race.c" && "$work/race" > "$work/out" 2> "$work/err"
    status=$?
}
racy ''
check "a race on purpose is found" [ "$status" = 66 ]
racy 'reduction(+ : sum)'
check "a reduction is none" [ "$status" = 0 ]

train() { # what, setting...
    local what=$1
    shift
    local settings=()
    for setting in "$@"; do settings+=(--set "$setting"); done
    run run --set dataset=mnist --set "data_dir=$data" --set network=8C3-AP2-8R3s2-8C3-GAP-FC --set batch=32 --set epochs=1 --set threads=3 \
        "${settings[@]}" --out "$work/run.h5" --checkpoint 0
    check "no race: $what" works
}
train "T-BSO, batches made ahead, flips and cosines" workers=2 measure=flips+cosine augment=crop+flip
train "BSO with errors and momentum in 8 bits" optimizer=bso error_bits=8 momentum_bits=8
train "BPTT on latent weights by Adam" optimizer=adam_ste gradient=bptt
train "NDOT in full precision" optimizer=sgd_momentum gradient=ndot
train "shards, each a rank in threads of its own" shards=4 workers=2 norm_batches=2 validation=0.1
train "shards under BPTT" shards=2 optimizer=adam_ste gradient=bptt
train "Bop2, batch norm estimated" optimizer=bop2 norm_batches=2

sweep_file 1 '{ optimizer = ["tbso", "bop"]; seed = [1, 2]; }'
"$bso" sweep "$conf" --out "$work/swept" --jobs 2 --threads 2 > "$work/first" 2>&1 &
first=$!
run sweep "$conf" --out "$work/swept" --jobs 2 --threads 2
second=$status
wait $first
check "no race: two sweeps on one folder" [ $? = 0 -a $second = 0 ]
run table "$work/swept"
check "no race: tables" works
run regret --out "$work/swept" --rounds 200 --seeds 2 --jobs 3
check "no race: regret" works
totals
