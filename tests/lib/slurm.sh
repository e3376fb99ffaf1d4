# slurm.sh: a Slurm of one node for a test, on loopback, with a munge, ports and folders of its own. To be sourced (bash), with $work
# set; as root. What is started here is stopped by slurm_stop, by its process ids, and ends with the test where that is killed.
#
#     slurm_available   can it be started here? Otherwise $why says why not
#     slurm_start       with a partition, urgent, whose jobs preempt those of the default one; returns 1 when the node does not come up; its logs are in $work/slurm
#     slurm_stop        jobs that are running end, too

slurm_available() {
    why=''
    if [ "$(id -u)" != 0 ]; then why="starting a Slurm takes root"; return 1; fi
    local command
    for command in munged slurmctld slurmd sbatch scontrol; do
        command -v $command > /dev/null || { why="$command is not installed (packages slurm-wlm and munge)"; return 1; }
    done
    id munge > /dev/null 2>&1 || { why="there is no user munge"; return 1; }
}

slurm_start() {
    local port=$((20000 + RANDOM % 20000)) cores state i
    slurm_folder=$work/slurm
    cores=$(nproc)
    chmod 755 "$work"
    mkdir -p "$slurm_folder/state" "$slurm_folder/spool"
    # munged looks at who may write to each folder above its files.
    munge_folder=$(mktemp -d "${TMPDIR:-/tmp}/bso-munge-XXXXXX") || return 1
    head -c 128 /dev/urandom > "$munge_folder/key"
    chmod 400 "$munge_folder/key"
    chmod 711 "$munge_folder"
    chown -R munge "$munge_folder"
    cat > "$slurm_folder/slurm.conf" << END
ClusterName=bso
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$munge_folder/socket,cred_expire=3
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=15
ReturnToService=2
SlurmdParameters=config_overrides
StateSaveLocation=$slurm_folder/state
SlurmdSpoolDir=$slurm_folder/spool
SlurmctldPidFile=$slurm_folder/slurmctld.pid
SlurmdPidFile=$slurm_folder/slurmd.pid
SlurmctldLogFile=$slurm_folder/slurmctld.log
SlurmdLogFile=$slurm_folder/slurmd.log
NodeName=localhost NodeAddr=127.0.0.1 CPUs=$cores State=UNKNOWN
PartitionName=test Nodes=localhost Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=localhost MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
END
    export SLURM_CONF=$slurm_folder/slurm.conf
    setpriv --pdeathsig TERM --reuid munge --clear-groups --inh-caps=-all munged --foreground --key-file "$munge_folder/key" --socket "$munge_folder/socket" \
        --pid-file "$munge_folder/pid" --seed-file "$munge_folder/seed" --log-file "$munge_folder/log" --num-threads 1 \
        > "$slurm_folder/munged.out" 2>&1 &
    munge_id=$!
    for i in $(seq 100); do [ -S "$munge_folder/socket" ] && break; sleep 0.1; done
    setpriv --pdeathsig TERM slurmctld -D -c > "$slurm_folder/slurmctld.out" 2>&1 &
    control_id=$!
    setpriv --pdeathsig TERM slurmd -D -N localhost > "$slurm_folder/slurmd.out" 2>&1 &
    node_id=$!
    for i in $(seq 200); do
        state=$(sinfo -h -o %t 2> /dev/null)
        [ "$state" = idle ] && return 0
        sleep 0.1
    done
    return 1
}

slurm_stop() {
    local id i=0
    [ -n "${munge_folder:-}" ] || return 0
    if [ -n "${control_id:-}" ]; then
        scancel -u root > /dev/null 2>&1
        for i in $(seq 100); do [ -n "$(squeue -h 2> /dev/null)" ] || break; sleep 0.1; done
    fi
    for id in "${node_id:-}" "${control_id:-}" "${munge_id:-}"; do
        [ -n "$id" ] || continue
        kill -TERM "$id" 2> /dev/null
        for i in $(seq 50); do kill -0 "$id" 2> /dev/null || break; sleep 0.1; done
        kill -KILL "$id" 2> /dev/null
        wait "$id" 2> /dev/null
    done
    rm -rf "$munge_folder"
    munge_folder=''
}
