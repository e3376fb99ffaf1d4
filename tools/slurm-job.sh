#!/bin/bash
# slurm-job.sh RUN_ALL OPTION...: the job of `./run_all.sh --slurm` on a node: RUN_ALL with these options, and what Slurm's signals ask
# for. To be submitted by tools/slurm-submit.sh, which says where output goes; what to do is RUN_ALL's alone.
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@60
set -u

# Slurm runs a copy of this file, hence the path as an argument. Trainings write a checkpoint when they are told to stop, at the next
# batch, and go on from there another time.
child='' limit=''
# shellcheck disable=SC2317,SC2329  # called by the traps
stop() { if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; fi; }
# A minute before the time limit, by the option above.
# shellcheck disable=SC2317,SC2329  # called by the trap
near_limit() { limit=yes; stop; }
trap near_limit USR1
# Preempted, requeued or cancelled: which of them, and what comes next, is Slurm's business.
trap stop TERM INT

echo "== $(date '+%F %T') $(hostname) job ${SLURM_JOB_ID:-none}, start $((${SLURM_RESTART_COUNT:-0} + 1))"
cores=${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-}}
if [ -n "$cores" ]; then export OMP_NUM_THREADS=$cores; fi
"$@" </dev/null &
child=$!
while :; do
    status=0
    wait "$child" || status=$?
    kill -0 "$child" 2>/dev/null || break
done
echo "== $(date '+%F %T') exit status $status"
if [ -n "$limit" ] && [ "$status" -eq 143 ]; then
    echo "== out of time: queued again, to go on from the checkpoints"
    if scontrol requeue "$SLURM_JOB_ID"; then
        sleep 60 # Slurm ends it
        exit "$status"
    fi
    echo "== could not be queued again; ./run_all.sh --slurm submits what is missing"
fi
exit "$status"
