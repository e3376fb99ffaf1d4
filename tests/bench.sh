#!/bin/sh
# bench.sh [PATH]: `bso bench` as a user meets it: what is written, compared and refused. A tiny network and few samples; no time is
# asserted. The program is PATH, or $BSO, or build/bso. Ends with "N passed, N failed".
set -u

bso=${1:-${BSO:-build/bso}}
work=$(mktemp -d "${TMPDIR:-/tmp}/bso bench XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
shown='out err'
. "$(dirname "$0")/lib/check.sh"

silent_of() { ! says "$1"; }
refused() { [ "$status" = "$expected" ] && [ "$(grep -c '' "$work/err")" = 1 ] && says "$word"; }
refuses() { # status, word, arguments ...
    expected=$1 word=$2
    shift 2
    run "$@"
    check "exit $expected and \"$word\": bso $(echo "$*" | cut -c 1-60)" refused
}
results=$work/results
rows() { awk 'END { print NR - 1 }' "$results/tables/$1.csv"; }
column() { # table, name: distinct values in their order
    sed 's/"[^"]*"/quoted/g' "$results/tables/$1.csv" | awk -F, -v name="$2" \
        'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } !seen[$c]++ { printf "%s%s", sep, $c; sep = " " }'
}
same_tables() {
    for file in "$work/tables"/*; do cmp "$file" "$results/tables/${file##*/}" > "$work/out" || return 1; done
}
tiny() { run bench --out "$results" --quick --network 4C3-AP2-8C3-GAP-FC --batch 4 --samples 2 --threads 2 "$@"; }

run bench --help
check "help works" works
check "and tells the parts" says 'kernels, layers, steps, scaling'
tiny
check "measures" works
check "and prints tables" says '^| forward | 4>8@16, pooled |'
check "says what it is" says 'Quick: few and short samples'
check "one file" [ "$(find "$results/bench" -type f | grep -c '')" = 1 ]
check "peaks, of one name one each" [ "$(rows bench_peaks)" = 7 ]
check "four axes" [ "$(column bench_slopes axis)" = 'threads batch T width' ]
check "two threads are two points" [ "$(grep -c ',threads,' "$results/tables/bench_scaling.csv")" = 2 ]
check "stages are told apart" grep -q ',float32,weight gradient,' "$results/tables/bench_stages.csv"
check "layer by layer" grep -q ',float32,conv2,data gradient,' "$results/tables/bench_layers.csv"
check "float32 is compared with sgemm" [ "$(column bench_steps variant | cut -d ' ' -f 1,2)" = 'float32 sgemm' ]

# The tables are made of the files alone.
cp -r "$results/tables" "$work/tables" && rm -r "$results/tables"
run table "$results"
check "bso table: the same tables" same_tables
run table "$results" --only bench
check "bso table --only bench prints them" says '^| bytes copied | byte |'

# Parts, names, an earlier file.
tiny --only steps,layers --name second --baseline "$results/bench/bench.h5"
check "parts of it" works
check "and no other" silent_of '4>8@16'
check "beside the earlier file" says '^Beside bench: '
check "thing by thing" says '^| steps | 4C3-AP2-8C3-GAP-FC, .*, float32, training |'
check "both are in the tables" [ "$(column bench_steps bench)" = 'bench second' ]
check "the first is kept" [ "$(column bench_kernels bench)" = bench ]
tiny --only=scaling --name second
check "a file of the same name is replaced" [ "$(column bench_steps bench)" = bench ]

# What is wrong is said before anything is measured.
cp "$results/bench/second.h5" "$work/damaged.h5" && truncate -s 3000 "$work/damaged.h5"
refuses 1 'damaged.h5' bench --out "$results" --baseline "$work/damaged.h5"
refuses 1 'nothing.h5' bench --out "$results" --baseline "$work/nothing.h5"
printf 'no HDF5' > "$work/text.h5"
refuses 1 'text.h5' bench --out "$results" --baseline "$work/text.h5"
refuses 1 'network=' bench --out "$work/x" --network vgg12
refuses 2 'out DIR is missing' bench
refuses 2 'no such option: --seconds' bench --out "$work/x" --seconds 3
refuses 2 'one argument too many' bench --out "$work/x" kernels
refuses 2 'it takes kernels' bench --out "$work/x" --only kernels,speed
refuses 2 'it takes kernels' bench --out "$work/x" --only=
refuses 2 'without .h5' bench --out "$work/x" --name a/b
refuses 2 'batch 0' bench --out "$work/x" --batch 0
refuses 2 'samples 33' bench --out "$work/x" --samples 33
refuses 2 'takes no value' bench --out "$work/x" --quick=yes
check "nothing is left of what was refused" [ "$(find "$work/x" -type f 2> /dev/null | grep -c '')" = 0 ]

mv "$work/damaged.h5" "$results/bench/second.h5"
run table "$results" --only bench
check "bso table: a damaged file is told of, with exit status 1" [ "$status" = 1 ]
check "bso table: by its name" says 'second.h5.*left out'
check "bso table: the others stay" [ "$(column bench_kernels bench)" = bench ]
totals
