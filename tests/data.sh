#!/bin/sh
# data.sh [PATH]: data sets as a user meets them: `bso data`, stand-ins and what they are called, the cache, sweeps where data are missing.
# The program is PATH, or $BSO, or build/bso. Ends with "N passed, N failed"; exit status 1 when any failed.
set -u

bso=${1:-${BSO:-build/bso}}
work=$(mktemp -d "${TMPDIR:-/tmp}/bso data XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
shown='out err'
. "$(dirname "$0")/lib/check.sh"
unset BSO_DATA_DIR
export BSO_CACHE_DIR="$work/cache"

refused() { [ "$status" = "$expected" ] && [ "$(grep -c '' "$work/err")" = 1 ] && grep -q '^bso: ' "$work/err" && says "$word"; }
refuses() { # status, word, arguments ...
    expected=$1 word=$2
    shift 2
    run "$@"
    check "exit $expected and \"$word\": bso $(echo "$*" | cut -c 1-60)" refused
}
png() { [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]; }

fashion=/usr/share/datasets/fashion-mnist
if [ ! -d $fashion ]; then
    echo "data.sh: no $fashion; only what needs no data is tested"
fi

# ---- the command line ----
run data list
check "list works" works
for name in mnist fashion-mnist kmnist cifar10 cifar100 cifar10-dvs n-mnist speech-commands-v1 speech-commands-v2; do
    check "list has $name" says "^  $name "
done
check "list says what is not here" says 'not here'
run data --help
check "help works" works
refuses 2 'list, check' data
refuses 2 'no such part' data look
refuses 2 'missing' data check
refuses 2 'folder is missing' data make mnist
refuses 2 'one argument too many' data check mnist cifar10
refuses 2 'train or test' data show mnist --split validation
refuses 2 '1 to 1000' data show mnist --samples 0
refuses 1 'no data set is called' data check cifar11
refuses 1 'no stand-in' data make cifar11 "$work/x"
refuses 1 'fetch.sh cifar10' data check cifar10
refuses 1 'no stand-in' run --set dataset=stand-in:hdf5

if [ -d $fashion ]; then
    # ---- stand-ins ----
    run data make cifar10 "$work/a" --per-class 12
    check "make works" works
    run data make cifar10 "$work/b c" --per-class 12
    check "the same arguments give the same bytes" diff -r "$work/a" "$work/b c"
    run data make cifar10 "$work/d" --per-class 12 --seed 2
    check "another seed gives others" [ "$(cksum < "$work/a/test_batch.bin")" != "$(cksum < "$work/d/test_batch.bin")" ]
    refuses 1 'choose a folder' data make cifar10 "$work/a"
    check "what was there is still there" diff -r "$work/a" "$work/b c"
    refuses 1 'per_class' data make kmnist "$work/left" --per-class 100000
    check "nothing is left of what failed" [ -z "$(find "$work" -maxdepth 1 -name "left*")" ]

    # An imitation is never called by the real name, wherever it lies.
    run data check cifar10 --set data_dir="$work/b c"
    check "check of a stand-in works" works
    check "it says what it is" says '^stand-in for CIFAR-10'
    check "it lists files" says 'data_batch_1.bin .* bytes  crc32 '
    run run --set dataset=cifar10 --set data_dir="$work/a" --set epochs=1 --set batch=10 --out "$work/run.h5" --quiet
    check "it can be trained on" works
    run inspect "$work/run.h5"
    check "the result says what it is" says 'data  *stand-in for CIFAR-10'

    # ---- damage ----
    cp -r "$work/a" "$work/broken"
    truncate -s 3000 "$work/broken/data_batch_3.bin"
    refuses 1 'data_batch_3.bin' data check cifar10 --set data_dir="$work/broken"
    run data make n-mnist "$work/n" --per-class 2
    check "n-mnist can be made" works
    printf abc > "$work/n/Train/3/00000.bin"
    run data check n-mnist --set data_dir="$work/n"
    check "check finds the one broken recording: exit status 1" [ "$status" = 1 ]
    check "and names it" says 'PROBLEM: .*/Train/3/00000.bin: truncated'
    check "and goes on" says '^21 files, 1 problem$'

    # ---- the cache ----
    run data make n-mnist "$work/m" --per-class 2
    train() { run run --set dataset=n-mnist --set data_dir="$work/m" --set steps=2 --set epochs=1 --set batch=5 --set "$1" --out "$work/$2.h5" --quiet; }
    cached() { find "$work/cache" -maxdepth 1 -name 'n-mnist-*.h5' | grep -c ''; }
    hash_of() { "$bso" inspect "$work/$1.h5" | grep -o 'hash [0-9a-f]*'; }
    train seed=1 first
    check "training makes a cache file" [ "$(cached)" = 1 ]
    train seed=1 second
    check "which is used again" [ "$(cached)" = 1 ]
    check "and gives the same weights" [ "$(hash_of first)" = "$(hash_of second)" ]
    train cache=off third
    check "so does no cache" [ "$(hash_of first)" = "$(hash_of third)" ]
    train workers=3 fourth
    check "so do three workers" [ "$(hash_of first)" = "$(hash_of fourth)" ]
    train event_slices=duration fifth
    check "other settings are another file" [ "$(cached)" = 2 ]

    # ---- showing ----
    if command -v gnuplot > /dev/null; then
        run data show n-mnist --set data_dir="$work/m" --set steps=4 --out "$work/a sheet.png"
        check "show works" works
        check "and writes a picture" png "$work/a sheet.png"
        run data show fashion-mnist --set augment=crop+flip+autoaugment+cutout --samples 3 --split test --out "$work/f.png"
        check "and shows what training sees" png "$work/f.png"
        refuses 1 'cannot be written' data show fashion-mnist --out /nowhere/sheet.png
        check "nothing is left beside" [ -z "$(find "$work" -name '*.tmp.*')" ]
    fi
    run data time fashion-mnist --set batch=1000 --set shards=8
    check "time works" works
    check "and says how fast" says 'training .* samples/s'
    timeout --preserve-status -s TERM 1 "$bso" data time fashion-mnist > "$work/out" 2> "$work/err"
    check "stopped early it does not make up a number" [ "$(grep -c nan "$work/out")" = 0 ]

    # ---- a sweep where data are missing ----
    cat > "$work/sweep.conf" << 'END'
name = "missing";
common = { network = "4C3-AP2-8C3-GAP-FC"; train_samples = 100; test_samples = 50; epochs = 1; batch = 20; };
cells = ( { dataset = ["mnist", "fashion-mnist"]; or_stand_in = true; }, { dataset = "cifar10"; optional = true; } );
END
    run sweep "$work/sweep.conf" --out "$work/results"
    check "a sweep puts a stand-in where data are missing" [ "$status" = 0 ]
    check "and says so" says 'note: mnist is not here'
    check "optional cells are left out all the same" says 'optional cell is left out'
    check "the file's name says it" [ -n "$(find "$work/results/runs" -name '*stand-in-mnist*.h5')" ]
    run table "$work/results"
    check "tables say it" says 'stand-in for MNIST'
    check "and call nothing MNIST that is not" [ "$(grep -v 'stand-in for MNIST' "$work/out" | sed 's/Fashion-MNIST//g' | grep -c MNIST)" = 0 ]
    mkdir "$work/real" && cp -r "$work/cache/stand-ins/mnist-1" "$work/real/mnist" && rm "$work/real/mnist/STAND-IN"
    BSO_DATA_DIR="$work/real" run sweep "$work/sweep.conf" --out "$work/results" --dry-run
    check "once the files are there they are another experiment" says 'tbso-ottt-mnist-T2'
    sed 's/or_stand_in = true/or_stand_in = 1/' "$work/sweep.conf" > "$work/wrong.conf"
    refuses 1 'or_stand_in: it takes true or false' sweep "$work/wrong.conf" --out "$work/results"
fi

totals
