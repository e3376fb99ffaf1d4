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

parts() { # folder, number of methods: what the parts of the paper have; no methods: headers only
    mkdir -p "$1/tables"
    awk -v methods="$2" -v folder="$1/tables/" 'BEGIN {
        print "source,dataset,network,method,T,gamma,mean,sd,n,half_width,diverged,flip_rate" > folder "table3.csv"
        print "dataset,network,method,T,gamma,layer,epoch,t,v,v_sd,threshold,n" > folder "table3_v.csv"
        print "source,dataset,network,method,T,mean,sd,n,half_width,diverged" > folder "fig5.csv"
        print "dataset,network,method,T,layer,epoch,distance,mean,sd,n" > folder "fig3_distance.csv"
        print "dataset,network,method,T,layer,update,mean,sd,n" > folder "flips_curve.csv"
        print "dataset,network,method,T,layer,within,mean,sd,n" > folder "flips_back.csv"
        for (m = 1; m <= methods; m++) {
            label = m == 1 ? "\"odd, \"\"quoted\"\" label\"" : "method " m
            for (k = 1; k <= 4; k++) {
                printf "here,Data,net,%s,2,%g,%g,NaN,1,NaN,0,%g\n", label, 10 ^ (k - 8), 60 + k, k == 4 ? 0 : 10 ^ -k > folder "table3.csv"
                printf "here,Data,net,%s,%d,%g,0.5,3,1,0\n", label, 2 * k, 60 + m + k > folder "fig5.csv"
                for (layer = 1; layer <= 2; layer++) {
                    printf "Data,net,%s,2,%g,conv%d,%d,1,%s,NaN,%g,2\n", label, 10 ^ -m, layer, k, m == 1 ? "NaN" : 10 ^ (k - 9), k > folder "table3_v.csv"
                    printf "Data,net,%s,5,conv%d,1,%d,%g,0.1,3\n", label, layer, k, 1 - k / 4 > folder "fig3_distance.csv"
                    printf "Data,net,%s,5,conv%d,%d,%g,0.1,3\n", label, layer, k * 10, k == 2 ? 0 : 0.1 / k > folder "flips_curve.csv"
                    printf "Data,net,%s,5,conv%d,%d,%g,NaN,1\n", label, layer, 2 ^ k, k / 5 > folder "flips_back.csv"
                }
            }
        }
        if (methods) {
            print "paper,CIFAR-100,VGG-11,T-BSO,2,5e-8,73.75,NaN,0,NaN,0,NaN" > folder "table3.csv"
            print "paper,CIFAR-100,VGG-11,T-BSO,2,73.40,NaN,0,NaN,0" > folder "fig5.csv"
        }
    }'
}

speed() { # folder, files, kernels, points of an axis: what `bso bench` has
    mkdir -p "$1/tables"
    awk -v files="$2" -v kernels="$3" -v points="$4" -v folder="$1/tables/" 'BEGIN {
        print "bench,cpu,kind,name,shape,unit,units_per_byte,G_per_s" > folder "bench_roofline.csv"
        print "bench,cpu,network,axis,x,median_images_per_s,best_images_per_s,spread_percent" > folder "bench_scaling.csv"
        for (f = 1; f <= files; f++) {
            printf "file%d,\"CPU, its name\",peak,byte look-ups,,MAC,NaN,%d\n", f, 300 * f > folder "bench_roofline.csv"
            printf "file%d,\"CPU, its name\",peak,bytes copied,,byte,NaN,%d\n", f, 10 * f > folder "bench_roofline.csv"
            for (k = 1; k <= kernels; k++)
                printf "file%d,\"CPU, its name\",kernel,\"kernel %d, of file %d\",1>2@3,MAC,%g,%g\n", f, k, f, 0.3 * 9 ^ k, 3 ^ k > folder "bench_roofline.csv"
            for (p = 1; p <= points; p++)
                printf "file%d,\"CPU, its name\",\"net, 3 x 32 x 32\",threads,%d,%g,NaN,0\n", f, p, 3000 * p * f > folder "bench_scaling.csv"
        }
    }'
}

if command -v gnuplot > /dev/null; then
    for number in 1 4; do
        speed "$work/speed$number" $number $number $number
        plots/draw.sh "$work/speed$number" > "$work/log" 2>&1
        check "speed, $number files: exit status 0, nothing to complain of" [ $? = 0 -a ! -s "$work/log" ]
        check "speed, $number files: both figures" drawn "$work/speed$number" bench_roofline bench_scaling
    done
    speed "$work/speed1" 1 0 0 && sed -i '2,$d' "$work/speed1/tables/bench_roofline.csv"
    plots/draw.sh "$work/speed1" > "$work/log" 2>&1
    check "speed, nothing of either: nothing to complain of, old pictures do not stay" \
        [ ! -s "$work/log" -a "$(find "$work/speed1/plots" -type f | grep -c '')" = 0 ]
    for methods in 2 9; do
        parts "$work/parts$methods" $methods
        plots/draw.sh "$work/parts$methods" > "$work/log" 2>&1
        check "parts, $methods methods: exit status 0, nothing to complain of" [ $? = 0 -a ! -s "$work/log" ]
        check "parts, $methods methods: all figures" drawn "$work/parts$methods" table3 table3_v fig3 fig5 flips flips_back
    done
    parts "$work/parts2" 0
    plots/draw.sh "$work/parts2" > "$work/log" 2>&1
    check "parts that were not run: nothing to complain of, old pictures do not stay" \
        [ ! -s "$work/log" -a "$(find "$work/parts2/plots" -type f | grep -c '')" = 0 ]
    parts "$work/parts2" 2
    plots/draw.sh "$work/parts2" flips > "$work/log" 2>&1
    check "one part: its figures and no others" drawn "$work/parts2" flips flips_back
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
    rm "$work/3/tables/memory_steps.csv"
    plots/draw.sh "$work/3" > "$work/log" 2>&1
    check "a table that is gone: its old picture does not stay" drawn "$work/3" accuracy_epoch accuracy_memory sensitivity
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
