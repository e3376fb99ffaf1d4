#!/bin/bash
# slurm-submit.sh: submits the stages of ./run_all.sh (trainings, theory, tables) to Slurm as jobs of tools/slurm-job.sh. What is missing
# is for run_all.sh to say, which calls this.
set -euo pipefail

usage() {
    cat <<'END'
usage: tools/slurm-submit.sh [--dry-run] NAME DIR TASKS THEORY [OPTION...] -- [SBATCH OPTION...]

  NAME    of the profile, for the names of the jobs
  DIR     of the results; logs go to DIR/slurm
  TASKS   of the job array that trains; 0: none
  THEORY  yes: a job for regret and memory
  OPTION  of run_all.sh, for every job
END
}

dry_run=''
if [ "${1:-}" = --dry-run ]; then dry_run=yes; shift; fi
if [ $# -lt 5 ]; then usage >&2; exit 2; fi
name=bso-$1 dir=$2 tasks=$3 theory=$4
shift 4
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
shift

# --array is for the trainings, and a dependency for what comes first; all else is for every job.
all=() array=() depends=()
while [ $# -gt 0 ]; do
    case $1 in
    -a | -d | --array | --dependency)
        if [ $# -lt 2 ]; then echo "run_all.sh: --slurm: sbatch's $1 needs a value" >&2; exit 2; fi
        case $1 in -a | --array) array=(--array "$2") ;; *) depends=(--dependency "$2") ;; esac
        shift
        ;;
    -a* | --ar*=*) array=("$1") ;;
    -d* | --dep*=*) depends=("$1") ;;
    --wrap | --wrap=*) echo "run_all.sh: --slurm: sbatch's --wrap is of no use here: the jobs have a script" >&2; exit 2 ;;
    *) all+=("$1") ;;
    esac
    shift
done

root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
logs=$dir/slurm
errors=$(mktemp)
trap 'rm -f -- "$errors"' EXIT
ids=()

submit() { # stage, log, sbatch options...: its id is the last one in ids
    local stage=$1 log=$2 reply
    shift 2
    local command=(sbatch --parsable --job-name "$name-$stage" --output "$logs/$log" "${all[@]}" "$@"
        "$root/tools/slurm-job.sh" "$root/run_all.sh" --stage "$stage" "${options[@]}")
    if [ -n "$dry_run" ]; then
        echo "would submit: ${command[*]}"
        ids+=("ID-of-$stage")
        return
    fi
    if ! reply=$("${command[@]}" 2>"$errors") || [[ ! $reply =~ ^[0-9]+ ]]; then
        echo "run_all.sh: --slurm: sbatch refuses the $stage: $(tail -n 1 "$errors" | sed 's/^sbatch: //; s/^error: //'); nothing is submitted" >&2
        if [ ${#ids[@]} -gt 0 ]; then scancel "${ids[@]}"; fi
        exit 1
    fi
    ids+=("${BASH_REMATCH[0]}")
}

if [ -z "$dry_run" ]; then mkdir -p -- "$logs"; fi
if [ "$tasks" -gt 0 ]; then
    if [ ${#array[@]} -eq 0 ]; then array=("--array=0-$((tasks - 1))"); fi
    submit trainings trainings-%A_%a.log "${depends[@]}" "${array[@]}"
fi
if [ "$theory" = yes ]; then submit theory theory-%j.log "${depends[@]}"; fi
if [ ${#ids[@]} -gt 0 ]; then
    submit tables tables-%j.log --dependency "$(IFS=:; echo "afterany:${ids[*]}")"
else
    submit tables tables-%j.log "${depends[@]}"
fi
if [ -n "$dry_run" ]; then exit 0; fi

# Whoever has submitted before, and has jobs still there: locks keep them apart.
earlier=''
if [ -f "$logs/jobs" ]; then earlier=$(squeue -h -o %A -j "$(paste -sd, "$logs/jobs")" 2>/dev/null | sort -u | paste -sd' ') || true; fi
if [ -n "$earlier" ]; then
    echo "note: jobs submitted before for this folder are still there: $earlier; both share the work, no training is done twice"
fi
# shellcheck disable=SC2086  # words
printf '%s\n' "${ids[@]}" $earlier >"$logs/jobs"

list=$(IFS=,; echo "${ids[*]}")
echo "submitted $name: jobs ${ids[*]}; the last one makes tables, plots and report in $dir"
echo "  where they are  squeue -j $list"
echo "  what they say   tail -f $logs/*.log"
echo "  cancel them     scancel ${ids[*]}"
echo "  the outcome     $logs/tables-${ids[-1]}.log"
echo "The same command submits what is missing by then."
