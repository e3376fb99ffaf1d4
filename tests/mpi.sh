#!/bin/bash
# mpi.sh: one training on several processes, by mpirun on this machine: the same bits as by the threads of one process, also
# where it was stopped, or a process was killed; nothing hangs. The program is bso-mpi beside $BSO or build/bso (make mpi).
set -u
bso=$(readlink -f "${BSO:-build/bso}")
parallel=$(dirname "$bso")/bso-mpi
. "$(dirname "$0")/lib/faults.sh"
trap 'rm -rf "$work"' EXIT

skip() {
    echo "SKIPPED: $1"
    check "skipped" true
    totals
    exit
}
command -v mpirun > /dev/null || skip "Open MPI is not here (apt-get install libopenmpi-dev openmpi-bin)"
[ -x "$parallel" ] || skip "there is no $parallel; make mpi builds it"
if nm "$bso" 2> /dev/null | grep -q __asan_init; then skip "MPI itself leaks, which AddressSanitizer tells"; fi

# 200 test samples: the last batch of 32 is one of 8, of which some shards have none.
settings=(--set dataset=mnist --set "data_dir=$data" --set network=8C3-AP2-8R3s2-8C3-GAP-FC --set batch=32
    --set test_samples=200 --set validation=0.1 --set threads=1 --set epochs=2)
# By this the processes of this test are found.
export BSO_MPI_TEST=$work OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

start() { # processes, program, arguments...: in the background, as $job
    local count=$1
    shift
    timeout -k 5 200 mpirun --oversubscribe --bind-to none -n "$count" "$@" > "$work/out" 2> "$work/err" < /dev/null &
    job=$!
}
mpi() { # processes, program, arguments...
    start "$@"
    wait "$job"
    status=$?
}
# What must be the same: weights, and all numbers that are not times or bytes.
numbers() { # FILE
    "$bso" inspect "$1" | grep -o 'hash [0-9a-f]*'
    "$bso" inspect "$1" --layers --operations
    "$bso" inspect "$1" --epochs | awk '{ for (i = 1; i <= 7; i++) printf "%s ", $i; for (i = 12; i <= NF; i++) printf "%s ", $i; print "" }'
}
same() { [ -s "$1" ] && [ -s "$2" ] && diff <(numbers "$1") <(numbers "$2") > "$work/diff"; }
fine() { [ "$status" = 0 ]; }
told_once() { [ "$(grep -c '^bso: ' "$work/err")" = 1 ] && grep -q "^bso: .*$1" "$work/err"; }
refused() { [ "$status" = "$1" ] && told_once "$2"; }
rank() { # number: the process
    local process
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/exe")" = "$parallel" ] || continue
        { tr '\0' '\n' < "$process/environ"; } 2> /dev/null > "$work/environ"
        grep -qxF "BSO_MPI_TEST=$work" "$work/environ" || continue
        if grep -qx "OMPI_COMM_WORLD_RANK=$1" "$work/environ"; then basename "$process"; fi
    done
}
nobody_left() { [ -z "$(rank 0)$(rank 1)$(rank 2)$(rank 3)" ]; }

for shards in 2 4; do
    for more in optimizer=tbso 'optimizer=adam_ste gradient=bptt' 'momentum_bits=8 norm_batches=2'; do
        options=("${settings[@]}" --set "shards=$shards")
        for setting in $more; do options+=(--set "$setting"); done
        rm -f "$work"/*.h5
        run run "${options[@]}" --out "$work/threads.h5" --quiet
        mpi "$shards" "$parallel" run "${options[@]}" --out "$work/processes.h5" --quiet
        check "$shards processes, $more: trained" fine
        check "$shards processes, $more: the same as $shards threads" same "$work/threads.h5" "$work/processes.h5"
    done
done
sent() { "$bso" inspect "$1" | grep -o 'sends .* exchanges'; }
check "processes exchange what threads do" [ "$(sent "$work/threads.h5")" = "$(sent "$work/processes.h5")" ]
check "the result says that they were processes" eval "'$bso' inspect '$work/processes.h5' | grep -q 'processes (MPI)'"
check "a file of one shard says nothing of it" eval \
    "'$bso' run ${settings[*]@Q} --set epochs=0 --out '$work/one.h5' --quiet > /dev/null && ! '$bso' inspect '$work/one.h5' | grep -q exchanges"

mpi 4 "$parallel" run "${options[@]}" --out "$work/processes.h5" --unless-done
check "what is done is not done again" eval 'fine && [ "$(grep -c "finished before" "$work/out")" = 1 ]'

# ---- stopped, killed ----

long=("${settings[@]}" --set shards=4 --set epochs=25)
"$bso" run "${long[@]}" --out "$work/whole.h5" --quiet > /dev/null
interrupt() { # signal, rank: when a checkpoint is there
    rm -f "$work"/long.h5*
    start 4 "$parallel" run "${long[@]}" --checkpoint 0 --out "$work/long.h5" --quiet
    while [ ! -e "$work/long.h5.checkpoint" ] && kill -0 "$job" 2> /dev/null; do sleep 0.1; done
    kill "-$1" "$(rank "$2")"
    wait "$job"
    status=$?
}
unfinished() { [ ! -e "$work/long.h5" ] && [ -s "$work/long.h5.checkpoint" ]; }
for case in 'TERM 1 143' 'KILL 2 137' 'KILL 0 137'; do
    read -r signal number expected <<< "$case"
    interrupt "$signal" "$number"
    check "SIG$signal to rank $number: all end, with status $expected" eval '[ "$status" = "$expected" ] && nobody_left'
    check "SIG$signal to rank $number: a checkpoint is left" unfinished
    if [ "$signal" = TERM ]; then check "SIGTERM: one word on it" told_once stopped; fi
    mpi 4 "$parallel" run "${long[@]}" --out "$work/long.h5"
    check "SIG$signal to rank $number: it goes on" eval 'fine && says "going on from a checkpoint"'
    check "SIG$signal to rank $number: to the same" same "$work/whole.h5" "$work/long.h5"
done
interrupt KILL 3
run_parallel() { "$parallel" run "${long[@]}" --out "$work/long.h5" > "$work/out" 2> "$work/err" < /dev/null; }
check "what processes began threads end" run_parallel
check "what processes began threads end: the same" same "$work/whole.h5" "$work/long.h5"

# ---- refused ----

mpi 2 "$parallel" run "${settings[@]}" --set shards=4 --out "$work/no.h5"
check "2 processes for 4 shards" refused 1 'shards=4.*set shards=2'
mpi 2 "$parallel" run "${settings[@]}" --out "$work/no.h5"
check "2 processes for 1 shard" refused 1 'shards=1.*set shards=2'
mpi 2 "$bso" run "${settings[@]}" --set shards=2 --out "$work/no.h5"
check "a program without MPI" eval 'refused 1 "bso-mpi" || [ "$(grep -c "without MPI.*bso-mpi" "$work/err")" -ge 1 ]'
alike=("$parallel" run "${settings[@]}" --set shards=2 --out "$work/no.h5")
mpi 1 "${alike[@]}" --set seed=1 : -n 1 "${alike[@]}" --set seed=2
check "processes with other settings" refused 1 'shard 2 of 2: seed=2, but shard 1 has seed=1'
mpi 1 -x BSO_KERNELS=portable "${alike[@]}" : -n 1 -x BSO_KERNELS=reference "${alike[@]}"
check "processes with other kernels" refused 1 'kernels=reference, but shard 1 has kernels=portable'
mpi 1 "${alike[@]}" : -n 1 -x BSO_KERNELS=none "${alike[@]}"
check "one that has not these kernels" refused 1 'BSO_KERNELS'
mpi 1 -x BSO_KERNELS=none "${alike[@]}" : -n 1 "${alike[@]}"
check "the first one has not" refused 1 'BSO_KERNELS'
mpi 1 "${alike[@]}" : -n 1 "${alike[@]}" --set shards=4
check "one of another number of shards" refused 1 'shards=4.*set shards=2'
mpi 1 "${alike[@]}" : -n 1 "$parallel" run "${settings[@]}" --set shards=2
check "one without --out" refused 1 '--out, --checkpoint or save of shard 2 and of shard 1 differ'
mpi 1 "${alike[@]}" --set "save=$work/saved.h5" : -n 1 "${alike[@]}"
check "one without save" refused 1 '--out, --checkpoint or save of shard 2 and of shard 1 differ'
cp -r "$data" "$work/other"
printf '\1' | dd of="$work/other/train-images-idx3-ubyte" bs=1 seek=1000 conv=notrunc 2> /dev/null
mpi 1 "${alike[@]}" : -n 1 "${alike[@]}" --set "data_dir=$work/other"
check "processes with other data" refused 1 'data=MNIST, CRC-32 [0-9a-f]*, .*but shard 1 has data=MNIST'
mpi 2 "$parallel" run "${settings[@]}" --set shards=2 --out "$work/nowhere/no.h5"
check "no such folder" refused 1 nowhere
mpi 2 "$parallel" run --set shards=2 --set batch=31
check "a batch that is no multiple" refused 1 'no multiple'
mpi 2 "$parallel" run --unheard-of
check "bad usage" refused 2 'unknown argument'
check "nothing is written where it is refused" [ ! -e "$work/no.h5" ]

totals
