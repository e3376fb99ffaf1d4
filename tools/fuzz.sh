#!/bin/bash
# fuzz.sh PROGRAMS SECONDS CORPUS TARGET...: runs the libFuzzer programs PROGRAMS/TARGET for so many seconds each, two at a time.
#
# CORPUS/TARGET keeps the inputs that reached something new, from one run to the next; the target's seeds and the regressions of
# tests/fuzz go in first. What broke a target lies in CORPUS/TARGET.found, its log is CORPUS/TARGET.log. CORPUS/seconds.tsv gets a
# line for each run (when, target, seconds, executions). One line for each target; exit status 1 if anything was found.
#
# fuzz.sh --keep PROGRAMS CORPUS TARGET...: puts what CORPUS has found into tests/fuzz/corpus/TARGET.tar.gz, as few inputs as reach
# the same code, for later runs to start from.
set -euo pipefail

one() { # programs, seconds, corpus, target
    local program=$1/$4 seconds=$2 corpus=$3/$4 found=$3/$4.found log=$3/$4.log target=$4
    # What the HDF5 library asks for is asked for in a process of its own, and refused there.
    local largest=1024
    case $target in hdf5 | memory | parameters | regret | result) largest=1000000000 ;; esac
    local status=0 start=$SECONDS before executions rate coverage inputs total
    mkdir -p "$corpus" "$found"
    "$program" --seeds "$corpus"
    if [ -f "tests/fuzz/corpus/$target.tar.gz" ]; then tar -xzf "tests/fuzz/corpus/$target.tar.gz" -C "$corpus"; fi
    if [ -d "tests/fuzz/regressions/$target" ]; then cp "tests/fuzz/regressions/$target"/* "$corpus"; fi
    before=$(find "$found" -type f | wc -l)
    nice "$program" -max_total_time="$seconds" -timeout=120 -rss_limit_mb=2048 -malloc_limit_mb=$largest \
        -print_final_stats=1 -artifact_prefix="$found/" "$corpus" >"$log" 2>&1 </dev/null || status=$?
    [ $status -ne 130 ] || exit 130
    executions=$(awk '/^stat::number_of_executed_units/ { n = $2 } END { print n + 0 }' "$log")
    rate=$(awk '/^stat::average_exec_per_sec/ { n = $2 } END { print n + 0 }' "$log")
    coverage=$(grep -oE ' cov: [0-9]+' "$log" | awk 'END { print $2 + 0 }' || true)
    inputs=$(find "$corpus" -type f | wc -l)
    printf '%s\t%s\t%d\t%d\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$target" $((SECONDS - start)) "$executions" >>"$3/seconds.tsv"
    total=$(awk -v t="$target" '$2 == t { s += $3 } END { printf "%.2f", s / 3600 }' "$3/seconds.tsv")
    printf '%-12s %9d runs %6d/s %5d edges %5d inputs %7s h in all' "$target" "$executions" "$rate" "$coverage" "$inputs" "$total"
    if [ $status -eq 0 ]; then
        echo ", nothing found"
        return 0
    fi
    echo ", FOUND something (exit status $status; $(($(find "$found" -type f | wc -l) - before)) new in $found; $log):"
    grep -E '^(fuzz: |==[0-9]+== ?(ERROR|WARNING)|SUMMARY: |ALARM|.*runtime error: )' "$log" | sed 's/^/    | /' | head -n 8
    return 1
}

keep() { # programs, corpus, target
    local few
    few=$(mktemp -d)
    mkdir -p "$2/$3.found"
    "$1/$3" -merge=1 -timeout=120 -malloc_limit_mb=1000000000 -artifact_prefix="$2/$3.found/" "$few" "$2/$3" >"$2/$3.merge.log" 2>&1 </dev/null
    mkdir -p tests/fuzz/corpus
    # The same inputs make the same archive.
    (cd "$few" && printf '%s\0' *) |
        tar --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=644 -C "$few" --null -T - -cf - |
        gzip -9n >"tests/fuzz/corpus/$3.tar.gz"
    echo "$3: $(find "$few" -type f | wc -l) inputs, $(stat -c %s "tests/fuzz/corpus/$3.tar.gz") bytes"
    rm -r "$few"
}

case ${1:-} in
--one)
    shift
    one "$@"
    exit
    ;;
--keep)
    [ $# -ge 4 ] || { echo "usage: tools/fuzz.sh --keep PROGRAMS CORPUS TARGET..." >&2; exit 2; }
    programs=$2 corpus=$3
    shift 3
    export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:allocator_may_return_null=1} OMP_NUM_THREADS=1
    for target in "$@"; do keep "$programs" "$corpus" "$target"; done
    exit
    ;;
esac
[ $# -ge 4 ] || { echo "usage: tools/fuzz.sh PROGRAMS SECONDS CORPUS TARGET..." >&2; exit 2; }
programs=$1 seconds=$2 corpus=$3
shift 3
for target in "$@"; do
    [ -x "$programs/$target" ] || { echo "fuzz.sh: no target is called $target; there are $(cd "$programs" && echo *)" >&2; exit 2; }
done
mkdir -p "$corpus"
memory=/dev/shm
[ -w $memory ] || memory=/tmp
BSO_FUZZ_MEMORY=$(mktemp -d "$memory/bso-fuzz-XXXXXX")
export BSO_FUZZ_MEMORY OMP_NUM_THREADS=1
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
trap 'rm -rf "$BSO_FUZZ_MEMORY"' EXIT
status=0
printf '%s\0' "$@" | xargs -0 -n 1 -P 2 "$0" --one "$programs" "$seconds" "$corpus" || status=1
exit $status
