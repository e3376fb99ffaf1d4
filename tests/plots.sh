#!/bin/bash
# plots.sh: are pictures drawn of whatever tables there are, of one method as of many, and are wrong options of run_all.sh refused? No
# training; skipped without gnuplot but for the options. Ends with "N passed, N failed".
set -u

work=$(mktemp -d "${TMPDIR:-/tmp}/bso-plots-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cd "$(dirname "$0")/.." || exit 1
shown='log'
. tests/lib/check.sh

says() { grep -q -- "$1" "$work/log"; }
drawn() { # folder, figure ...: each is there in both formats
    local folder=$1 figure
    shift
    for figure in "$@"; do
        grep -q '<svg' "$folder/plots/$figure.svg" && [ -s "$folder/plots/$figure.png" ] || return 1
    done
    [ "$(find "$folder/plots" -type f | grep -c '')" = $((2 * $#)) ]
}

tables() { # folder, number of methods: what tuning and comparing write
    mkdir -p "$1/tables"
    awk -v methods="$2" -v folder="$1/tables/" 'BEGIN {
        print "method,label,trial,key,value,validation_percent" > folder "trials.csv"
        print "method,label,trials,mean,sd" > folder "budget.csv"
        print "dataset,network,method,T,epoch,mean,sd,n" > folder "accuracy_epoch.csv"
        print "dataset,network,method,T,test_accuracy_percent,test_accuracy_percent_sd,training_memory_MB,seeds" > folder "comparison.csv"
        print "network,classes,label,batch,T,planned_MB,measured_MB,paper_MB" > folder "memory_steps.csv"
        for (m = 1; m <= methods; m++) {
            label = m == 1 ? "\"odd, \"\"quoted\"\" label\"" : "method " m
            for (k = 1; k <= 4; k++) {
                printf "m%d,%s,%d,lr,%g,%s\n", m, label, k, 10 ^ (k - 3), k == 2 ? "NaN" : 60 + m + k > folder "trials.csv"
                printf "m%d,%s,%d,gamma,%g,%s\n", m, label, k, 10 ^ (-k), k == 2 ? "NaN" : 60 + m + k > folder "trials.csv"
                printf "m%d,%s,%d,%g,1\n", m, label, k, 60 + m + k > folder "budget.csv"
                printf "Data,net,%s,2,%d,%g,0.5,3\n", label, k, 60 + m + 2 * k > folder "accuracy_epoch.csv"
            }
            for (k = 1; k <= 4; k++) {
                printf "net,10,%s,128,%d,%g,NaN,%s\n", label, k, 10 * m + k, m == 2 ? 5 : "NaN" > folder "memory_steps.csv"
                printf "net,10,%s,8,%d,%g,%s,NaN\n", label, k, m + k, k == 2 ? m + k : "NaN" > folder "memory_steps.csv"
            }
            printf "Data,net,%s,2,%g,0.5,%g,3\n", label, 70 + m, 50 + 10 * (m % 3) > folder "comparison.csv"
        }
    }'
}

if command -v gnuplot > /dev/null; then
    for methods in 1 3 14; do
        tables "$work/$methods" $methods
        plots/draw.sh "$work/$methods" > "$work/log" 2>&1
        check "$methods methods: exit status 0, nothing to complain of" [ $? = 0 -a ! -s "$work/log" ]
        check "$methods methods: the figures of the tables that are there, and no others" \
            drawn "$work/$methods" accuracy_epoch accuracy_memory budget memory_steps sensitivity
    done
    head -n 1 "$work/3/tables/budget.csv" > "$work/head" && mv "$work/head" "$work/3/tables/budget.csv"
    plots/draw.sh "$work/3" > "$work/log" 2>&1
    check "a table without rows: told of" says 'budget.csv has no rows'
    check "a table without rows: its old picture does not stay" drawn "$work/3" accuracy_epoch accuracy_memory memory_steps sensitivity
    plots/draw.sh "$work/none" > "$work/log" 2>&1
    check "no such folder: refused" [ $? != 0 ]
else
    echo 'skipped: gnuplot is not installed'
fi

refuses() { # word, options ...
    word=$1
    shift
    ./run_all.sh "$@" > "$work/log" 2>&1
    check "run_all.sh $*: exit status 2" [ $? = 2 ]
    check "run_all.sh $*: says why" says "$word"
}
refuses 'goes without' --optimizers tbso,bso --profile quick
refuses 'goes without' --only BSO --optimizers=tbso,bso
refuses 'needs a value' --optimizers
refuses 'unknown profile' --profile nothing

totals
