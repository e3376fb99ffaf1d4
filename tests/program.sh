#!/bin/sh
# program.sh [PATH]: the program `bso` as a user meets it: exit codes, messages, what is left on the disk after signals.
# The program is PATH, or $BSO, or build/bso. Ends with "N passed, N failed"; exit status 1 when any failed.
set -u

bso=${1:-${BSO:-build/bso}}
work=$(mktemp -d "${TMPDIR:-/tmp}/bso program XXXXXX") || exit 1
child=''
clean_up() {
    # A child that outlived its test would go on training, and write into the folder while it is removed.
    if [ -n "$child" ]; then kill "$child" 2> /dev/null && wait "$child" 2> /dev/null; fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
data=$work/data status=0
shown='out err'
. "$(dirname "$0")/lib/check.sh"
. "$(dirname "$0")/lib/images.sh"
# The tests say where the data are; the caller's own data must not get in the way.
unset BSO_DATA_DIR

one_line_error() { [ "$(grep -c '' "$work/err")" = 1 ] && grep -q '^bso: ' "$work/err"; }
results() { find "$1/runs" -name '*.h5' 2> /dev/null | grep -c ''; }
leftovers() { find "$work" -name '*.tmp.*' | grep -c ''; }

refuses() { # status, word, arguments ...: that status, one line on stderr with that word
    expected=$1 word=$2
    shift 2
    run "$@"
    check "exit $expected and \"$word\": bso $(echo "$*" | cut -c 1-60)" refused
}
diverged_line() { one_line_error && says '^bso: epoch [0-9]*, batch [0-9]*: .* is not finite .* of .*; lower lr'; }
refused() { [ "$status" = "$expected" ] && one_line_error && says "$word"; }

wait_until() { # seconds, command ...: the command succeeds in time
    tries=$(($1 * 20))
    shift
    while [ "$tries" -gt 0 ]; do
        "$@" && return 0
        tries=$((tries - 1))
        sleep 0.05
    done
    return 1
}

mkdir "$data"
make_images "$data/train-images-idx3-ubyte"
make_labels "$data/train-labels-idx1-ubyte"
make_images "$data/t10k-images-idx3-ubyte"
make_labels "$data/t10k-labels-idx1-ubyte"

small() { # arguments ...: a training that takes a moment
    run run --set dataset=mnist --set "data_dir=$data" --set network=4C3-AP2-8C3-AP2-GAP-FC --set batch=32 \
        --set threads=1 --set epochs=2 "$@"
}

# --- usage
run
check "no command: exit 2 and the list of commands" [ "$status" = 2 ]
run --help
check "--help: exit 0" [ "$status" = 0 ]
for command in run sweep list table report inspect; do
    check "help lists $command" says "^  $command "
done
run list
check "list: exit 0" [ "$status" = 0 ]
for word in tbso adam_ste ottt bptt fashion-mnist cifar10 vgg11 one_minus_beta2 train_samples; do
    check "list shows $word" says "$word"
done
refuses 2 'no such command' fly
refuses 2 '--fly' run --fly
refuses 2 'needs a value' run --out
refuses 2 'takes no value' run --quiet=1
refuses 2 'KEY=VALUE' run --set steps
refuses 2 'which sweep file' sweep
refuses 2 'one sweep file' sweep a.conf b.conf
refuses 2 'whole number' sweep a.conf --jobs 0
refuses 2 'whole number' sweep a.conf --threads many

for command in run sweep list table report inspect; do
    run $command -h
    check "$command -h: exit 0 and its usage" [ "$status" = 0 -a "$(grep -c "^usage: bso $command" "$work/out")" = 1 ]
done

# --- settings, data and networks that are refused
refuses 1 'did you mean epochs' run --set epoch=3
refuses 1 'steps=0' run --set steps=0
refuses 1 'leak=nan' run --set leak=nan
refuses 1 'tbsso' run --set optimizer=tbsso
refuses 1 'otttt' run --set gradient=otttt
refuses 1 'gamma' run --set optimizer=sgd_ste --set gamma=1
refuses 1 'marsupials' run --set dataset=marsupials
refuses 1 "$work/none" run --set dataset=mnist --set "data_dir=$work/none"
refuses 1 'train_samples' run --set dataset=mnist --set "data_dir=$data" --set train_samples=257
refuses 1 'crip' run --set dataset=mnist --set "data_dir=$data" --set augment=crip
refuses 1 '16X3' run --set dataset=mnist --set "data_dir=$data" --set network=16X3-FC
refuses 1 'AP2' run --set dataset=mnist --set "data_dir=$data" \
    --set network=4C3-AP2-4C3-AP2-4C3-AP2-4C3-AP2-4C3-AP2-4C3-GAP-FC
refuses 1 'none.h5' run --set dataset=mnist --set "data_dir=$data" --set "init=$work/none.h5"
mkdir "$work/broken"
cp "$data"/* "$work/broken"
head -c 1000 "$data/train-images-idx3-ubyte" > "$work/broken/train-images-idx3-ubyte"
refuses 1 'train-images-idx3-ubyte' run --set dataset=mnist --set "data_dir=$work/broken"

# --- outputs that cannot be written are refused before training
for out in "$work/none/r.h5" /proc/r.h5 "$work" ""; do
    refuses 1 '--out' run --set dataset=mnist --set "data_dir=$data" --set epochs=100000 --out "$out"
done
refuses 1 'save' run --set dataset=mnist --set "data_dir=$data" --set epochs=100000 --set "save=$work/none/w.h5"
refuses 1 'both name' run --set "save=$work/w.h5" --out "$work/w.h5"
refuses 1 'both name' run --set "save=$work/data/.././w.h5" --out "$work/w.h5"

# --- one training
small --out "$work/r.h5"
check "run: exit 0" [ "$status" = 0 ]
check "run: a line for each epoch" says '^epoch 2/2 .*loss.*accuracy.*flip rate.*images/s.*left'
check "run: the summary" says '^test accuracy .*model .*training memory'
check "run: names the result file" says "^result: $work/r.h5"
check "run: the result file is there" [ -s "$work/r.h5" ]
summary=$(sed -n 's/^\(test accuracy [0-9.]*\).*/\1/p' "$work/out")
small --quiet --set threads=2
check "run --quiet: one line" [ "$(grep -c '' "$work/out")" = 1 ]
check "run: the same result on two threads" says "^$summary"
small
check "run without --out says so" says 'no result file'
small --set epochs=0 --out "$work/zero.h5"
check "run: epochs=0 initialises and evaluates" [ "$status" = 0 ]

# --- signals (SIGINT is ignored in a shell's background jobs unless one asks for it)
for signal in INT TERM; do
    : > "$work/out" # the last training's epochs are not this one's
    env --default-signal=INT "$bso" run --set dataset=mnist --set "data_dir=$data" --set batch=32 \
        --set network=4C3-AP2-8C3-GAP-FC --set threads=1 --set epochs=2000 --out "$work/$signal.h5" > "$work/out" 2> "$work/err" &
    child=$!
    wait_until 60 says '^epoch'
    # Twice, as from `timeout`, which signals the process and then its group: still one request.
    kill -s "$signal" $child
    sleep 0.01
    kill -s "$signal" $child 2> /dev/null
    wait $child
    status=$?
    child=''
    [ $signal = INT ] && expected=130 || expected=143
    check "SIG$signal: exit $expected" [ "$status" = "$expected" ]
    check "SIG$signal: says stopped" says '^bso: stopped'
    check "SIG$signal: no result file" [ ! -e "$work/$signal.h5" ]
done
check "no half-written files" [ "$(leftovers)" = 0 ]

# --- sweeps
conf=$work/test.conf
sweep_file() { # epochs, more groups
    cat > "$conf" << END
name = "test";
common = { dataset = "mnist"; data_dir = "$data"; network = "4C3-AP2-8C3-GAP-FC"; batch = 32; epochs = $1; };
cells = (
    { label = "T-BSO"; steps = [1, 2]; seed = [1, 2]; },
    { label = "BSO"; optimizer = "bso"; seed = [1, 2]; }$2
);
END
}
dir="$work/new/results"
sweep_file 2 ', { parts = "table3"; label = "T-BSO"; gamma = [1e-7, 1.0]; }, { parts = "table2+table3"; label = "T-BSO"; steps = 2; seed = 1; }'
run sweep "$conf" --out "$dir" --dry-run --only table3
check "--only with a part: the cells that are for it, also those that another group has" says '3 cells, 0 done'
refuses 1 'for this part' sweep "$conf" --out "$dir" --dry-run --only fig5
sweep_file 2 ', { parts = "tabel3"; }'
refuses 1 'tabel3" is none' sweep "$conf" --out "$dir" --dry-run
refuses 2 'no such table' table "$work" --only tabel3
sweep_file 2 ''
run sweep "$conf" --out "$dir" --dry-run
check "dry run: exit 0" [ "$status" = 0 ]
check "dry run: estimate first" says 'estimate: .*6 cells, 0 done'
check "dry run: lists the cells" [ "$(grep -c 'seed[12]-.*h5' "$work/out")" = 6 ]
check "dry run: leaves nothing" [ ! -e "$work/new" ]
sweep_file 2 ', { label = "in shards"; shards = 8; seed = 1; }'
run sweep "$conf" --out "$dir" --dry-run --only "in shards"
check "dry run: cells in shards are estimated" eval 'works && says "1 cells, 0 done" && ! says "not estimated"'
sweep_file 2 ''
run sweep "$conf" --out "$dir" --only bso-ottt-mnist-T2-seed1 --jobs 1
check "--only: exit 0" [ "$status" = 0 ]
check "--only: the cells whose names contain it" [ "$(results "$dir")" = 2 ]
refuses 1 'no cell' sweep "$conf" --out "$dir" --only walrus
run sweep "$conf" --out "$dir" --jobs 2
check "sweep: exit 0" [ "$status" = 0 ]
check "sweep: all results are there" [ "$(results "$dir")" = 6 ]
check "sweep: finished cells are kept" says '6 cells, 2 done'
ls -l --time-style=full-iso "$dir/runs" > "$work/before"
run sweep "$conf" --out "$dir"
check "sweep again: nothing to do" says '6 cells, 6 done'
ls -l --time-style=full-iso "$dir/runs" > "$work/after"
check "sweep again: files are untouched" cmp -s "$work/before" "$work/after"
check "sweep again: nothing to note" [ "$(grep -c '^note: ' "$work/out")" = 0 ]
sweep_file 2 ', { label = "T-BSO"; steps = 1; seed = [1, 2]; parts = "table2"; }'
run sweep "$conf" --out "$dir"
check "a finished cell is for another table now: kept, and told" says 'note: 2 finished cells were made when'
sleep 0 &
dead=$!
wait $dead
mkdir "$dir/tables"
machine=$(uname -n | cut -d . -f 1)
touch "$dir/tables/comparison.csv.tmp.$machine.$dead" "$dir/tables/memory.csv.tmp.$machine.$$" "$dir/tables/fig5.csv.tmp.elsewhere.$dead"
run table "$dir"
check "table: exit 0 and a comparison" [ "$status" = 0 -a -s "$dir/tables/comparison.csv" ]
check "table: what a killed writer left is removed" [ ! -e "$dir/tables/comparison.csv.tmp.$machine.$dead" ]
check "table: what a living one is writing is not" [ -e "$dir/tables/memory.csv.tmp.$machine.$$" ]
check "table: nor what another machine may be writing" [ -e "$dir/tables/fig5.csv.tmp.elsewhere.$dead" ]
check "table: one seed has no deviation, NaN" grep -q ',NaN,' "$dir/tables/comparison.csv"
rm -r "$dir/tables"
sweep_file 3 ''
run sweep "$conf" --out "$dir"
check "changed cells run again" [ "$(results "$dir")" = 12 ]
check "results of cells that are gone are told" says 'note: 6 result files'

sweep_file 2 ", { label = \"broken\"; init = \"$work/none.h5\"; }, { label = \"last\"; steps = 3; }"
run sweep "$conf" --out "$work/failing" --jobs 2
check "a failing cell: exit 1" [ "$status" = 1 ]
check "a failing cell: named with its message" says 'broken .* failed: .*none.h5'
check "a failing cell: the others are trained" [ "$(results "$work/failing")" = 7 ]
sweep_file 2 ', { dataset = "cifar10"; optional = true; }'
run sweep "$conf" --out "$work/optional" --jobs 2
check "optional cells without data are left out" says '1 optional cell is left out'
check "optional cells: the others are trained" [ "$status" = 0 -a "$(results "$work/optional")" = 6 ]
sweep_file 2 ', { dataset = "cifar10"; }'
refuses 1 'data_dir' sweep "$conf" --out "$work/required"
check "missing data: nothing is trained" [ ! -e "$work/required" ]
sweep_file 2 ', { stepz = 2; }'
refuses 1 "$conf:5: stepz" sweep "$conf" --out "$work/bad"
refuses 1 'none.conf' sweep "$work/none.conf"
sweep_file 2 ''
refuses 1 'proc' sweep "$conf" --out /proc/sweep


# --- trainings that diverge are results
small --quiet --set lr=1000 --set loss_mse=1 --set epochs=20 --out "$work/diverged.h5"
check "diverged: exit 1, one line, nothing else" [ "$status" = 1 -a ! -s "$work/out" ]
check "diverged: the line says what, where and what to do" diverged_line
run inspect "$work/diverged.h5"
check "diverged: inspect shows it" says '^  diverged     epoch .* is not finite .*; lower lr'
sweep_file 2 ', { label = "wild"; lr = 1000.0; loss_mse = 1.0; epochs = 20; seed = [1, 2]; }'
dir="$work/wild"
run sweep "$conf" --out "$dir" --jobs 2
check "a diverged cell: exit 1" [ "$status" = 1 ]
check "a diverged cell: named with its message" says '^bso: wild .* diverged: epoch .* is not finite'
check "a diverged cell: the others are trained" says '6 of 8 cells are done, 0 failed, 2 diverged'
check "a diverged cell: all have results" [ "$(results "$dir")" = 8 ]
ls -l --time-style=full-iso "$dir/runs" > "$work/before"
run sweep "$conf" --out "$dir"
check "diverged cells again: exit 1, named, not trained" [ "$status" = 1 -a "$(grep -c ' diverged: ' "$work/err")" = 2 ]
ls -l --time-style=full-iso "$dir/runs" > "$work/after"
check "diverged cells again: files are untouched" cmp -s "$work/before" "$work/after"
rm "$dir/runs/$(grep -o '[^ ]*seed2[^ ]*h5 diverged' "$work/err" | cut -d ' ' -f 1)"
run sweep "$conf" --out "$dir" --only seed2
check "a diverged cell that was removed is trained again" [ "$status" = 1 -a "$(results "$dir")" = 8 ]
run table "$dir"
check "table: a row of diverged seeds only has no number" grep -q '^| wild | 2 |.*| – (2 of 2 seeds diverged) | – |' "$work/out"
check "table: the column diverged" grep -q ',wild,2,ottt,one-bit,0,2,NaN,NaN,NaN,' "$dir/tables/comparison.csv"
check "table: no number of them for plots" [ "$(cat "$dir"/tables/accuracy_*.csv "$dir/tables/memory.csv" | grep -c wild)" = 0 ]
run report "$dir"
check "report: lists them with their messages" [ "$(grep -c '^- wild at T = 2, seed [12] diverged: .* not finite' "$dir/report.md")" = 2 ]

# --- sweeps that are stopped
sweep_file 60 ''
start_sweep() {
    # Cells that an earlier round finished would leave nothing to stop, and its log would be taken for this one's.
    rm -rf "$work/killed/runs" "$work/log"
    env --default-signal=INT "$bso" sweep "$conf" --out "$work/killed" --jobs 2 > "$work/log" 2>&1 &
    child=$!
}
# The brackets keep grep from finding its own command line.
children_gone() { ! grep -qas "$(basename "$work")/[k]illed/runs" /proc/[0-9]*/cmdline; }
for signal in INT TERM KILL; do
    start_sweep
    wait_until 60 grep -q estimate "$work/log"
    sleep "$(od -An -N2 -tu2 /dev/urandom | awk '{ print 0.05 + 0.55 * $1 / 65535 }')"
    kill -s $signal $child
    wait $child 2> /dev/null
    status=$?
    child=''
    case $signal in INT) expected=130 ;; TERM) expected=143 ;; KILL) expected=137 ;; esac
    check "sweep, SIG$signal: exit $expected" [ "$status" = "$expected" ]
    check "sweep, SIG$signal: its trainings end, too" wait_until 30 children_gone
done
run sweep "$conf" --out "$work/killed" --jobs 2
check "after the kills: a rerun finishes the job" [ "$status" = 0 -a "$(results "$work/killed")" = 6 ]
check "after the kills: no half-written files" [ "$(leftovers)" = 0 ]

totals
