#!/bin/bash
# run_all.sh: everything from a fresh checkout to the comparison: packages, build, trainings, tables, plots, report.
#
# It holds no experiment of its own: a profile is experiments/NAME.conf, and `build/bso` does the work. Finished
# trainings are kept, and those that were not have checkpoints, so that the same command goes on where an earlier one was
# stopped or killed; several of them, on several machines, share the work on one folder of results.
set -euo pipefail

usage() {
    cat <<'END'
usage: ./run_all.sh [options] [-- sbatch options]

Without options: the profiles quick and datasets.

  --profile NAME  smoke   every stage once on a little data; under 4 minutes on 2 cores
                  quick   the comparison on Fashion-MNIST, 5 seeds, regret and memory in full, the paper's other tables and
                          figures scaled down; up to an hour on 2 cores
                  datasets  every data set, small: real files where they are given, else the labelled stand-in;
                          up to 10 minutes on 2 cores
                  full    every table, figure and time step on all of Fashion-MNIST with 5 seeds, wider networks, CIFAR-10
                          where given; overnight on 16 cores, some nights on 2
                  paper   the paper's protocol on CIFAR-10 and CIFAR-100 in BSO_DATA_DIR, on CIFAR10-DVS, Speech
                          Commands and ImageNet (first stage) where they are there; far beyond 2 cores; for large machines
          FILE.conf  the trainings of a sweep file of your own, with tables, plots and report
  --optimizers A,B[,...]  instead of a profile: compare these methods or optimizers, the first one with the others;
                  what is not tuned yet is tuned first (see docs/add-an-optimizer.md)
  --only NAME     one table or figure of the paper, with what it takes and nothing else: table1, table2, table3, table4,
                  table5, fig3, fig4, fig5, regret, memory, flips, inference; or only the trainings whose method is NAME or
                  whose name contains it
  --dry-run       list the trainings and the estimated time; train nothing
  --retry-failed  train again what failed before; without it such trainings are named and left out
  --jobs N        trainings at once (default: one for each core; with --slurm: 1 in each task)
  --slurm         submit it to Slurm: trainings that are missing as a job array, then tables, plots and report; what follows
                  -- goes to sbatch (see docs/cluster.md)
  --stage NAME    a part of the work alone, as the jobs of --slurm have it: trainings, theory (regret and memory), or tables
                  (with plots and report, of what is finished)
  --results DIR   where to put results (default: results/NAME); without --profile, data sets go to DIR/datasets
  --help          this text

BSO_DATA_DIR in the environment is where data sets are looked for (default: the packaged Fashion-MNIST), BSO_CACHE_DIR
where stand-ins and preprocessed samples are kept (default: ~/.cache/bso).
The exit status is 0 when every training is done, 1 when something failed, 2 for a wrong option; when stopped, 130 after
Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
END
}

wrong() {
    echo "run_all.sh: $1" >&2
    usage >&2
    exit 2
}

profile='' only='' optimizers='' dry_run='' retry='' jobs='' results='' slurm='' stage='' sbatch_options=()
tasks_most=32 # of a job array, unless sbatch's --array says otherwise
while [ $# -gt 0 ]; do
    option=$1
    case $option in
    --profile=* | --only=* | --optimizers=* | --jobs=* | --results=* | --stage=*) set -- "${option%%=*}" "${option#*=}" "${@:2}"; continue ;;
    --profile | --only | --optimizers | --jobs | --results | --stage)
        if [ -z "${2:-}" ]; then wrong "$option needs a value"; fi
        case $option in
        --profile) profile=$2 ;;
        --only) only=$2 ;;
        --optimizers) optimizers=$2 ;;
        --jobs) jobs=$2 ;;
        --results) results=$2 ;;
        --stage) stage=$2 ;;
        esac
        shift 2
        ;;
    --dry-run) dry_run=yes; shift ;;
    --retry-failed) retry=yes; shift ;;
    --slurm) slurm=yes; shift ;;
    --) shift; sbatch_options=("$@"); break ;;
    --help | -h) usage; exit 0 ;;
    *) wrong "unknown option: $option" ;;
    esac
done
if [ -n "$optimizers" ] && [ -n "$profile$only" ]; then wrong "--optimizers goes without --profile and --only"; fi
if [ -n "$slurm" ] && [ -n "$optimizers" ]; then wrong "--slurm goes with profiles, not with --optimizers"; fi
if [ -n "$slurm" ] && [ -n "$stage" ]; then wrong "--slurm goes without --stage"; fi
if [ ${#sbatch_options[@]} -gt 0 ] && [ -z "$slurm" ]; then wrong "options after -- are sbatch's, and go with --slurm"; fi
case $stage in '' | trainings | theory | tables) ;; *) wrong "unknown stage: $stage" ;; esac
case $profile in
'' | smoke | quick | datasets | full | paper) ;;
*.conf)
    if [ ! -f "$profile" ]; then wrong "no such sweep file: $profile"; fi
    profile=$(realpath -- "$profile")
    ;;
*) wrong "unknown profile: $profile" ;;
esac
case $jobs in *[!0-9]* | 0) wrong "--jobs needs a number of at least 1, not: $jobs" ;; esac
# Relative names are the caller's.
if [ -n "$results" ]; then results=$(realpath -m -- "$results"); fi
if [ -n "${BSO_DATA_DIR:-}" ]; then
    BSO_DATA_DIR=$(realpath -m -- "$BSO_DATA_DIR")
    export BSO_DATA_DIR
fi

if [ -n "${BSO_CACHE_DIR:-}" ]; then
    BSO_CACHE_DIR=$(realpath -m -- "$BSO_CACHE_DIR")
    export BSO_CACHE_DIR
fi

if [ -n "$slurm" ] && [ -z "$dry_run" ] && ! command -v sbatch >/dev/null; then
    echo "run_all.sh: --slurm: there is no sbatch here; submit from a machine that has Slurm's commands" >&2
    exit 1
fi

cd -- "$(dirname -- "$(readlink -f -- "$0")")"
started=$SECONDS
# Some machines give programs no home of their own.
if [ -z "${BSO_CACHE_DIR:-}${XDG_CACHE_HOME:-}" ] && [ ! -w "${HOME:-/nowhere}" ]; then
    export BSO_CACHE_DIR=$PWD/results/cache
fi

# Stopping is one signal to the one child that is running; the child ends at a clean point. Children in the background of
# a script ignore Ctrl-C and those in the foreground hide other signals from it, hence job control around the long ones.
child='' stopped=''
# shellcheck disable=SC2317  # called by the traps
stop() { # signal, exit status
    stopped=$2
    if [ -n "$child" ]; then kill "-$1" "$child" 2>/dev/null || true; else exit "$2"; fi
}
trap 'stop INT 130' INT
trap 'stop TERM 143' TERM
trap 'stop TERM 129' HUP

supervised() { # command...: runs it, passes signals on, returns its status
    local status
    set -m
    "$@" </dev/null &
    child=$!
    set +m
    while :; do
        status=0
        wait "$child" || status=$?
        kill -0 "$child" 2>/dev/null || break
    done
    child=''
    case ${stopped:-$status} in
    129 | 130 | 143)
        echo "stopped; what is done is kept in $results, and the same command goes on from there" >&2
        exit "${stopped:-$status}"
        ;;
    esac
    return "$status"
}

# The jobs of a cluster use what was built when they were submitted.
if [ -z "$stage" ]; then
    tools/install-dependencies.sh --for run
    echo "building (make -j$(nproc))"
    # Two at once build one after the other.
    build=(make -s -j"$(nproc)" BUILD=build program)
    if command -v flock >/dev/null; then build=(flock Makefile "${build[@]}"); fi
    "${build[@]}"
elif [ ! -x build/bso ]; then
    echo "run_all.sh: --stage $stage: build/bso is not there; run make" >&2
    exit 1
fi

if [ -n "$optimizers" ]; then
    results=${results:-results/compare}
    IFS=, read -r -a methods <<<"$optimizers"
    compare=(build/bso compare "${methods[@]}" --out "$results")
    if [ -n "$jobs" ]; then compare+=(--jobs "$jobs"); fi
    if [ -n "$dry_run" ]; then compare+=(--dry-run); fi
    failed=0
    supervised "${compare[@]}" || failed=$?
    if [ -n "$dry_run" ] || [ "$failed" -gt 1 ]; then exit "$failed"; fi
    for drawn in "$results" results/tune; do
        if [ -d "$drawn/tables" ]; then supervised plots/draw.sh "$drawn" || failed=1; fi
    done
    exit "$failed"
fi

# What a part of the paper is made of: a sweep's trainings, regret or memory. Nothing: it is no part.
made_of() { # name
    case $1 in
    table[2-5] | fig[35] | flips | inference) echo sweep ;;
    regret) echo regret ;;
    memory | table1 | fig4) echo memory ;;
    esac
}

# Regret and memory are about no data set: which of them belong to it? --only a training leaves them out.
theory_of() { # profile
    case $(made_of "$only") in
    regret | memory) made_of "$only" ;;
    sweep) ;;
    *) case $1 in datasets | *.conf) ;; *) [ -n "$only" ] || echo regret memory ;; esac ;;
    esac
}

has_trainings() {
    case $(made_of "$only") in regret | memory) return 1 ;; esac
}

in_stage() { [ -z "$stage" ] || [ "$stage" = "$1" ]; }

# The cores that Slurm gave to this task, whether or not it holds the processes to them.
task_cores() { echo "${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-}}"; }

sweep_command() { # profile: in $sweep
    sweep=(build/bso sweep)
    case $1 in *.conf) sweep+=("$1") ;; *) sweep+=("experiments/$1.conf") ;; esac
    sweep+=(--out "$results")
    if [ -n "$only" ]; then sweep+=(--only "$only"); fi
    if [ -n "$dry_run" ]; then sweep+=(--dry-run); fi
    if [ -n "$retry" ]; then sweep+=(--retry-failed); fi
}

run_sweep() { # profile
    local sweep at_once=$jobs cores
    sweep_command "$1"
    if [ "$stage" = trainings ]; then
        cores=$(task_cores)
        at_once=${jobs:-1}
        sweep+=(--no-wait --no-estimate)
        if [ -n "$cores" ]; then sweep+=(--threads $((cores > at_once ? cores / at_once : 1))); fi
    fi
    if [ -n "$at_once" ]; then sweep+=(--jobs "$at_once"); fi
    supervised "${sweep[@]}"
}

# What is left of a sweep, in $left, without training any of it; what the sweep says goes to standard error. Returns 1 where
# something failed or diverged; $left is empty where the sweep itself is wrong.
left_of() { # profile, options of the sweep
    local sweep said status=0
    sweep_command "$1"
    shift
    said=$("${sweep[@]}" --prepare "$@") || status=$?
    left=$(sed -n 's/^cells left: //p' <<<"$said")
    grep -v '^cells left: ' <<<"$said" >&2 || true
    return "$status"
}

# Before tables are made of what there is: is that all?
check_trained() { # profile
    local left failed=0
    left_of "$1" --dry-run || failed=1
    if [ "${left:-0}" -gt 0 ]; then
        echo "run_all.sh: $left trainings are missing; the command that began this goes on with them" >&2
        failed=1
    fi
    return "$failed"
}

run_regret() { # profile
    local regret=(build/bso regret --out "$results") at_once=$jobs
    if [ -n "$stage" ]; then at_once=$(task_cores); fi
    if [ "$1" = smoke ]; then regret+=(--rounds 1000 --seeds 2); fi
    if [ -n "$at_once" ]; then regret+=(--jobs "$at_once"); fi
    if [ -n "$dry_run" ]; then regret+=(--dry-run); fi
    supervised "${regret[@]}"
}

run_memory() { # profile
    local memory=(build/bso memory --out "$results")
    if [ "$1" = smoke ]; then memory+=(--network 8C3-AP2-16C3-AP2-32C3-GAP-FC --steps-max 8); fi
    if [ -n "$dry_run" ]; then memory+=(--dry-run); fi
    supervised "${memory[@]}"
}

# Trainings, regret and memory, as far as the stage has them. At the tables regret and memory find everything done, unless
# their job failed; trainings are only counted. Returns 1 where something of it failed.
run_work() { # profile
    local failed=0 status=0 theory
    if has_trainings; then
        if in_stage trainings; then
            run_sweep "$1" || failed=$?
        elif [ "$stage" = tables ]; then
            check_trained "$1" || failed=$?
        fi
    fi
    [ "$stage" != trainings ] || return "$failed"
    for theory in $(theory_of "$1"); do
        if [ "$failed" -gt 1 ] || [ "$status" -gt 1 ]; then break; fi
        case $theory in
        regret) run_regret "$1" || status=$? ;;
        memory) run_memory "$1" || status=$? ;;
        esac
    done
    if [ "$status" -gt "$failed" ]; then failed=$status; fi
    return "$failed"
}

# One table or figure of the paper: what it is made of, its table, its plots. Returns 1 where something of it failed.
run_part() { # profile
    local failed=0 page=$only plots=$only
    case $only in
    regret) page=regret_summary ;;
    memory | table1 | fig4) page=table1 plots=memory_steps ;;
    esac
    run_work "$1" || failed=$?
    if [ -n "$dry_run" ] || [ "$failed" -gt 1 ] || ! in_stage tables; then return "$failed"; fi
    supervised build/bso table "$results" --only "$only" >/dev/null || failed=1
    supervised plots/draw.sh "$results" "$plots" || failed=1
    if [ -f "$results/tables/$page.md" ]; then
        echo
        cat -- "$results/tables/$page.md"
    fi
    echo
    find "$results/tables" "$results/plots" \( -name "$page.*" -o -name "$plots*" \) -type f ! -name '*.part' 2>/dev/null | sort || true
    return "$failed"
}

# A profile with its tables, plots and report. Returns 1 where something of it failed.
run_profile() { # profile
    local failed=0
    run_work "$1" || failed=$?
    if [ -n "$dry_run" ] || [ "$failed" -gt 1 ] || ! in_stage tables; then return "$failed"; fi

    # A sweep with failures still has something to show: whatever is finished.
    if [ -z "$(find "$results/runs" -name '*.h5' -print -quit 2>/dev/null)" ]; then
        # The sweep has said why, unless --only matched nothing that is finished.
        if [ "$failed" -eq 0 ]; then echo "run_all.sh: no finished training in $results: no tables, no plots" >&2; fi
        return 1
    fi
    supervised build/bso table "$results" >/dev/null || failed=1
    supervised plots/draw.sh "$results" || failed=1
    supervised build/bso report "$results" >/dev/null || failed=1

    if [ -f "$results/tables/comparison.md" ]; then
        echo
        cat -- "$results/tables/comparison.md"
    fi
    echo
    echo "tables  $results/tables"
    if [ -d "$results/plots" ]; then echo "plots   $results/plots"; fi
    if [ -f "$results/report.html" ]; then echo "report  $results/report.html"; fi
    return "$failed"
}

# One profile, or one part of it: here, or on the cluster.
run_one() { # profile
    if [ -n "$slurm" ]; then
        submit "$1"
    elif [ -n "$(made_of "$only")" ]; then
        run_part "$1"
    else
        run_profile "$1"
    fi
}

# Submits what is missing of it (see tools/slurm-submit.sh); data sets are made here, so that no two tasks make one.
submit() { # profile
    local left=0 tasks theory='' part page options how=()
    results=$(realpath -m -- "$results")
    options=(--profile "$1" --results "$results")
    if has_trainings; then
        left_of "$1" || true
        if [ -z "$left" ]; then return 1; fi
        echo "trainings to submit: $left"
    fi
    # Both write their page at the end; whether it is of these settings the last job sees, which goes through them again.
    for part in $(theory_of "$1"); do
        case $part in regret) page=regret_summary ;; memory) page=table1 ;; esac
        if [ ! -f "$results/tables/$page.md" ]; then theory=yes; fi
    done
    tasks=$((left < tasks_most ? left : tasks_most))
    if [ -n "$only" ]; then options+=(--only "$only"); fi
    if [ -n "$jobs" ]; then options+=(--jobs "$jobs"); fi
    if [ -n "$dry_run" ]; then how=(--dry-run); fi
    tools/slurm-submit.sh "${how[@]}" "$name" "$results" "$tasks" "$theory" "${options[@]}" -- "${sbatch_options[@]}"
}

failed=0
if [ -n "$profile" ] || [ -n "$(made_of "$only")" ]; then
    profile=${profile:-quick}
    name=$(basename -- "$profile" .conf)
    results=${results:-results/$name}
    run_one "$profile" || failed=$?
else
    given=$results
    results=${given:-results/quick} name=quick
    run_one quick || failed=$?
    # --only may leave nothing of the second one.
    if [ "$failed" -le 1 ] && [ -z "$only" ]; then
        results=${given:+$given/datasets}
        results=${results:-results/datasets} name=datasets
        run_one datasets || failed=$?
    fi
fi
if [ -n "$dry_run$slurm$stage" ] || [ "$failed" -gt 1 ]; then exit "$failed"; fi
minutes=$(((SECONDS - started) / 60)) seconds=$(((SECONDS - started) % 60))
if [ "$failed" -eq 0 ]; then
    echo "done in $minutes min $seconds s"
else
    echo "run_all.sh: not everything worked (see above); the tables hold what is finished" >&2
fi
exit "$failed"
