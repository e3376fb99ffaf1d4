#!/bin/sh
# tune.sh [PATH]: `bso tune` and `bso compare` from names to tables, on trainings of a second: what is trained once and what
# again, whether tables say what the result files say, stops, diverging trials, wrong arguments. The program is PATH, or $BSO,
# or build/bso. Ends with "N passed, N failed".
set -u

bso=$(readlink -f "${1:-${BSO:-build/bso}}")
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d "${TMPDIR:-/tmp}/bso tune XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
shown='out err'
. "$here/lib/check.sh"
# The packaged Fashion-MNIST and the repository's methods, whatever the caller has.
unset BSO_DATA_DIR
BSO_EXPERIMENTS=$work/experiments
export BSO_EXPERIMENTS
mkdir "$BSO_EXPERIMENTS" && cp "$here/../experiments/methods.conf" "$BSO_EXPERIMENTS" || exit 1
cd "$work" || exit 1

is() { [ "$status" = "$1" ]; }
both() { is "$1" && says "$2"; }
runs() { find "$1/runs" -name '*.h5' 2> /dev/null | grep -c ''; }
column() { # file, name of the column, filter (an awk condition on f["name"]): its values
    awk -F, -v want="$2" "
        NR == 1 { for (i = 1; i <= NF; i++) { name[i] = \$i } next }
        { for (i = 1; i <= NF; i++) { f[name[i]] = \$i } if ($3) { print f[want] } }" "$1"
}

protocol() { # file, name, trials, further lines of common
    cat > "$1" << END2
name = "$2"; title = "a test"; trials = $3; trial_seed = 101; seeds = [201, 202]; target = 5.0;
ranges = { lr = [0.3, 3.0]; };
common = { dataset = "fashion-mnist"; network = "4C3-AP2-4C3-AP2-GAP-FC"; train_samples = 128; test_samples = 64; validation = 0.001;
           epochs = 1; batch = 32; steps = 2; $4 };
END2
}
protocol small.conf small 3 ''

# ---- tuning
run tune bso --protocol small.conf --dry-run
check "tune --dry-run: says what it would train" both 0 "3 cells"
check "tune --dry-run: writes nothing" [ ! -e results ]
run tune bso --protocol small.conf
check "tune: three trials and two seeds" [ "$status" = 0 -a "$(runs results/small)" = 5 ]
cp -r results/small first
best=$(column first/tables/trials.csv validation_percent 'f["key"] == "lr"' | sort -g | tail -n 1)
check "tune: the best trial is the one with the highest validation accuracy" \
    [ "$(column first/tables/tuned.csv best_validation_percent 1)" = "$best" ]
lr=$(column first/tables/trials.csv value "f[\"key\"] == \"lr\" && f[\"validation_percent\"] == $best" | head -n 1)
check "tune: tuned.conf has that trial's values" grep -q "method = \"bso\"; trials = 3;.* lr = $lr\(\.0\)\?;" first/tuned.conf
check "tune: a budget of all trials is the end of the curve" \
    awk -F, -v best="$best" '$3 == 3 { end = $4 } $3 == 1 { one = $4 } END { exit !(end <= best && end > one - 1e-9) }' first/tables/budget.csv
run tune bso --protocol small.conf
check "tune again: trains nothing" both 0 "3 cells, 3 done"
check "tune again: the same tables" diff -r first/tables results/small/tables
run tune bso --protocol small.conf --trials 4
check "tune with one more trial: goes on from there" both 0 "4 cells, 3 done"
check "tune with one more trial: the others are as they were" [ "$(head -n 10 first/tables/trials.csv)" = \
    "$(head -n 10 results/small/tables/trials.csv)" ]
run tune tbso --protocol small.conf --trials 4
check "tune another: the first one's settings stay" grep -q 'method = "bso"; trials = 4' results/small/tuned.conf
check "tune another: its own are there" grep -q 'method = "tbso"; trials = 4' results/small/tuned.conf

# ---- a stop in the middle leaves what an undisturbed run leaves
"$bso" tune bso --protocol small.conf --out stopped > out 2> err < /dev/null &
child=$!
tries=400
while [ "$(runs stopped)" -lt 1 ] && [ $tries -gt 0 ]; do sleep 0.05; tries=$((tries - 1)); done
kill -TERM $child
wait $child
status=$?
check "tune stopped: exit status 143" is 143
run tune bso --protocol small.conf --out stopped
check "tune resumed: the same tables as without a stop" diff -r first/tables stopped/tables

# ---- trials that diverge
sed 's/lr = \[0.3, 3.0\]/lr = [1.0, 900.0]/' small.conf | sed 's/name = "small"/name = "wild"/; s/epochs = 1;/epochs = 8; loss_mse = 1.0;/' > wild.conf
run tune adam --protocol wild.conf --trials 6
check "tune with diverging trials: goes through" is 0
check "tune with diverging trials: they are NaN in the table" grep -q 'NaN$' results/wild/tables/trials.csv
check "tune with diverging trials: the best one is not" [ "$(column results/wild/tables/tuned.csv best_validation_percent 1)" != NaN ]
# Which of them diverge is rounding's business: the table says how many.
diverged=$(awk -F, '/NaN$/ { trial[$3] } END { n = 0; for (t in trial) n++; print n }' results/wild/tables/trials.csv)
run tune adam --protocol wild.conf --trials 6
check "tune again: a diverged trial is not trained again" says "6 cells, $((6 - diverged)) done"
check "tune again: it is still told as diverged" says "0 failed, $diverged diverged, 0.0 s"

# ---- comparing
protocol versus.conf versus 3 ''
run compare bso tbso --protocol versus.conf --untuned
check "compare: two methods, two seeds" [ "$status" = 0 -a "$(runs results/versus)" = 4 ]
check "compare --untuned: says so" says "(defaults)"
file=$(find results/versus/runs -name 'tbso-*seed201*.h5') other=$(find results/versus/runs -name 'tbso-*seed202*.h5')
accuracy() { "$bso" inspect "$1" | sed -n 's/.*last epoch.*test accuracy \([0-9.]*\) %.*/\1/p'; }
check "compare: the mean is that of the result files" awk -v x="$(accuracy "$file")" -v y="$(accuracy "$other")" \
    -v mean="$(column results/versus/tables/compare.csv test_accuracy_percent 'f["method"] == "tbso"')" \
    'BEGIN { exit !(x > 0 && (x + y) / 2 - mean < 0.011 && mean - (x + y) / 2 < 0.011) }'
check "compare: differences are of the first method" \
    [ "$(column results/versus/tables/paired.csv compared_with 'f["method"] == "tbso"')" = bso ]
run compare bso tbso --protocol versus.conf --untuned
check "compare again: trains nothing" both 0 "4 cells, 4 done"
run compare tbso bso --protocol versus.conf --untuned --seeds 1
check "compare with one seed: no interval, no p" [ "$status" = 0 -a \
    "$(column results/versus/tables/paired.csv p 'f["method"] == "bso"')" = NaN ]
protocol "$BSO_EXPERIMENTS/tune.conf" tune 2 ''
run compare bso tbso --protocol versus.conf --seeds 1
check "compare with untuned methods: tunes them first" both 0 "not tuned yet: bso tbso"
check "compare with untuned methods: tuned here" grep -q 'method = "tbso"; trials = 2' results/tune/tuned.conf
check "compare: trials of its methods are beside it" [ "$(column results/versus/tables/trials.csv trial 'f["key"] == "lr"' | grep -c '')" = 4 ]
run compare bso tbso --protocol versus.conf --seeds 1
check "compare again: tunes nothing" [ "$status" = 0 -a -z "$(grep 'not tuned' out)" ]

# ---- wrong arguments
run tune nobody --protocol small.conf
check "tune: an unknown method is refused with the names" both 1 "no such method; choose one of fp_snn, "
run compare bso
check "compare: one method is bad usage" is 2
run compare bso bso
check "compare: the same name twice is bad usage" is 2
run compare adam_ste bnn_adam_ste --bogus
check "compare: an unknown option is bad usage" is 2
run compare sgd_momentum fp_snn --protocol small.conf --untuned
check "compare: two names of one method are refused" both 1 "the same method"
run tune bso --trials 0
check "tune: no trials are bad usage" is 2
run compare bso tbso --seeds 9 --protocol small.conf
check "compare: more seeds than there are is bad usage" is 2
run tune bso --protocol missing.conf
check "tune: a missing protocol is named" both 1 "missing.conf: No such file"

totals
