#!/bin/bash
# slurm.sh: run_all.sh --slurm against a real Slurm of one node, which is started and stopped here: what it comes to equals a sweep without
# it, also where tasks are requeued, cancelled or run out of time. Skipped where Slurm cannot be started. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
bso=$(readlink -f "${BSO:-build/bso}")
. tests/lib/faults.sh
. tests/lib/slurm.sh
trap 'slurm_stop; rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL "${!SLURM_@}" "${!SBATCH_@}" # make's of the tests, and of a job around them

submit() { # options...: run_all.sh --slurm of the sweep file
    ./run_all.sh --slurm --profile "$conf" "$@" > "$work/out" 2> "$work/err" < /dev/null
    status=$?
    read -r -a ids <<< "$(sed -n 's/^submitted .*: jobs \([0-9 ]*\);.*/\1/p' "$work/out")"
}
in_time() { # tenths of a second, command...: succeeds within it
    local i=$1
    shift
    until "$@"; do
        i=$((i - 1))
        [ $i -gt 0 ] || return 1
        sleep 0.1
    done
}
# Slurm lets requeued jobs wait two minutes: here three seconds, but not less, or their node may still take them for killed ("Job credential
# revoked"), which ends them.
queue_empty() {
    local id reason start
    while read -r id reason start; do
        [ "$reason" = BeginTime ] || continue
        [ $(($(date -d "$start" +%s) - $(date +%s))) -le 117 ] || continue
        scontrol update "JobId=$id" StartTime=now > /dev/null 2>&1
    done < <(squeue -h -r -t PD -o '%i %r %S' 2> /dev/null)
    [ -z "$(squeue -h 2> "$work/squeue")" ] && [ ! -s "$work/squeue" ]
}
under_way() { [ -n "$(find "$1/runs" -name '*.checkpoint' 2> /dev/null)" ]; }
continued() { # DIR: trainings that have gone on from a checkpoint
    local file
    for file in "$1"/runs/*.h5; do "$bso" inspect "$file"; done | grep -c 'continued  *[1-9]'
}
outcome() { tail -n 1 "$dir"/slurm/tables-"${ids[-1]}".log | grep -q "exit status $1\$"; }
same_as_alone() { summary "$dir" > "$work/found"; diff "$work/wanted" "$work/found" > "$work/difference"; }
last_logs() { cat "$dir"/slurm/*.log > "$work/logs" 2> /dev/null; }

# What needs no Slurm.
wrong() { # word, options...
    local word=$1
    shift
    ./run_all.sh "$@" > "$work/out" 2> "$work/err"
    status=$?
    check "run_all.sh $*: exit status 2, says why" eval '[ $status = 2 ] && says "$word"'
}
shown='out err logs difference'
wrong 'not with --optimizers' --slurm --optimizers bso,tbso
wrong 'go with --slurm' --profile smoke -- --time=1
wrong 'unknown stage' --profile smoke --stage all

if [ "$bso" != "$PWD/build/bso" ]; then why="run_all.sh has its own program, build/bso"; else slurm_available; fi
if [ -n "$why" ]; then
    echo "skipped: $why"
    totals
    exit
fi
slurm_start
check "a Slurm of one node starts" [ $? = 0 ]
[ "$failed" = 0 ] || { totals; exit 1; }

sweep_file 30 '{ optimizer = ["tbso", "bso"]; gradient = "ottt"; }, { optimizer = "bop"; }'
"$bso" sweep "$conf" --out "$work/alone" > "$work/out" 2>&1 || check "a sweep without Slurm" false
"$bso" report "$work/alone" > "$work/out" 2>&1 || check "its report" false
summary "$work/alone" > "$work/wanted"

# Nothing is submitted where sbatch says no, and with --dry-run.
dir=$work/one
submit --results "$dir" -- --partition=none
check "sbatch refuses: exit 1, one line with its reason" \
    eval '[ $status = 1 ] && [ "$(grep -c "sbatch refuses.*invalid partition\|sbatch refuses.*Invalid partition" "$work/err")" = 1 ] && ! grep -q "^sbatch:" "$work/err"'
check "sbatch refuses: nothing is left in the queue" queue_empty
submit --results "$dir" --dry-run -- --array=0-1
check "--dry-run: says what it would submit" eval '[ $status = 0 ] && [ "$(grep -c "would submit" "$work/out")" = 2 ] && [ "$(grep -c "array=0-1" "$work/out")" = 1 ]'

# A task is requeued while it trains, another one runs out of time (the signal that Slurm sends then).
submit --results "$dir"
check "submits an array and what depends on it" eval '[ $status = 0 ] && [ ${#ids[@]} = 2 ] && says "trainings to submit: 3"'
check "the tables wait for the trainings" eval '[[ "$(squeue -h -o %E -j "${ids[1]}")" == *afterany:${ids[0]}* ]]'
check "the trainings begin" in_time 200 under_way "$dir"
check "a task is requeued" scontrol requeue "${ids[0]}_0"
check "a task is told that its time is nearly over" scancel --batch --signal=USR1 "${ids[0]}_1"
check "all jobs end" in_time 600 queue_empty
last_logs
check "the last job says that all is done" outcome 0
check "the second task queued itself again" grep -q 'out of time: queued again' "$dir/slurm/trainings-${ids[0]}_1.log"
check "trainings went on from checkpoints" [ "$(continued "$dir")" -ge 2 ]
check "tables and report are there" [ -s "$dir/tables/comparison.md" -a -s "$dir/report.html" ]
check "the same as without Slurm" same_as_alone

submit --results "$dir"
check "again: the tables alone are submitted" eval '[ $status = 0 ] && [ ${#ids[@]} = 1 ] && says "trainings to submit: 0"'
check "they end" in_time 300 queue_empty
check "well" outcome 0

# Everything that trains is cancelled: the last job says that something is missing, the same command does it.
dir=$work/two
submit --results "$dir"
in_time 200 under_way "$dir"
scancel "${ids[0]}"
check "cancelled: the jobs end" in_time 300 queue_empty
check "the outcome says that something is missing" outcome 1
left=$(find "$dir/runs" -name '*.h5' | wc -l)
submit --results "$dir"
check "again: what is missing is submitted" says "trainings to submit: $((3 - left))"
check "it ends" in_time 600 queue_empty
last_logs
check "well, going on from checkpoints" eval 'outcome 0 && [ "$(continued "$dir")" -ge 1 ]'
check "the same as without Slurm" same_as_alone

# A job that is more urgent takes the node from tasks that train.
dir=$work/urgent
submit --results "$dir"
in_time 200 under_way "$dir"
urgent=$(sbatch --parsable --partition=urgent --exclusive --output="$work/urgent.log" --wrap 'echo here; squeue -h -o "%T %i"')
check "all jobs end" in_time 600 queue_empty
last_logs
check "a more urgent job came in between" eval '[ "$(head -n 1 "$work/urgent.log")" = here ] && ! grep "RUNNING ${ids[0]}_" "$work/urgent.log"'
check "tasks were preempted" [ "$(grep -c "job .*, start [2-9]" "$work/logs")" -ge 1 ]
check "and went on from checkpoints" eval 'outcome 0 && [ "$(continued "$dir")" -ge 1 ]'
check "the same as without Slurm" same_as_alone

# A limit that really runs out: Slurm's own signal, a minute before two are over. Takes some minutes, so only on demand.
if [ "${BSO_FAULTS:-6}" -ge 20 ]; then
    dir=$work/limit
    sweep_file 2500 '{ optimizer = "tbso"; }'
    "$bso" sweep "$conf" --out "$work/unlimited" --threads 1 > "$work/out" 2>&1 || check "a sweep without a limit" false
    "$bso" report "$work/unlimited" > "$work/out" 2>&1
    summary "$work/unlimited" > "$work/wanted"
    submit --results "$dir" -- --time=2
    check "with a limit of two minutes: all jobs end" in_time 6000 queue_empty
    last_logs
    check "the limit came, once or more" grep -q 'out of time: queued again' "$work/logs"
    check "the training went on from its checkpoint" eval 'outcome 0 && [ "$(continued "$dir")" = 1 ]'
    check "the same as without a limit" same_as_alone
fi

# A part without trainings is one job, and its tables.
dir=$work/three
./run_all.sh --slurm --profile smoke --only regret --results "$dir" > "$work/out" 2> "$work/err"
check "--only regret is submitted" [ $? = 0 ]
check "it ends" in_time 400 queue_empty
check "and is there" [ -s "$dir/tables/regret_summary.md" ]
totals
