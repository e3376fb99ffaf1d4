#!/bin/bash
# new_optimizer.sh [PATH]: `make optimizer` in a copy of the tree: what it writes is a rule that builds without a warning, is
# listed, keeps to the interface and trains, whatever its name; bad names are refused. The program is PATH, or $BSO, or
# build/bso; the objects beside it are used again. Ends with "N passed, N failed".
set -u

bso=$(readlink -f "${1:-${BSO:-build/bso}}")
work=$(mktemp -d "${TMPDIR:-/tmp}/bso-optimizer-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cd "$(dirname "$0")/.." || exit 1
shown=log
. tests/lib/check.sh
unset BSO_DATA_DIR

# Under `make test` the variables given to make are in MAKEFLAGS behind " -- "; the rest of it is about that make's own jobs.
case ${MAKEFLAGS:-} in
*'-- '*) export MAKEFLAGS=" -- ${MAKEFLAGS#*-- }" ;;
*) unset MAKEFLAGS ;;
esac
unset MAKELEVEL MFLAGS

says() { grep -q -- "$1" "$work/log"; }

# Times are kept, so that make finds the objects up to date.
build=$(basename "$(dirname "$bso")")
mkdir "$work/tree"
cp -a Makefile .clang-format core baselines datasets experiments tests tools "$work/tree"
cp -a "$(dirname "$bso")" "$work/tree/$build"
cd "$work/tree" || exit 1

refuses() { # word, NAME: exit 1, one line with that word, no file
    local before
    before=$(ls baselines)
    make -s optimizer NAME="$2" > "$work/log" 2>&1
    check "refused: NAME=$2" [ $? -ne 0 ]
    check "refused: NAME=$2, says why" says "new-optimizer.sh: .*$1"
    check "refused: NAME=$2, nothing is written" [ "$before" = "$(ls baselines)" ]
}
refuses 'give' ''
refuses 'small letters' Rule
refuses 'small letters' 2nd
refuses 'small letters' my-rule
refuses 'small letters' ../rule
refuses 'small letters' 'two words'
refuses 'at most 30' abcdefghijklmnopqrstuvwxyz_1234
refuses 'language C' double
refuses 'exists' adam
refuses 'of that name' tbso
NAME=environment make -s optimizer > "$work/log" 2>&1
check "NAME of the environment is not taken" [ $? -ne 0 -a ! -e baselines/environment.c ]

longest=abcdefghijklmnopqrstuvwxyz_123
for name in q $longest; do
    make -s optimizer NAME=$name > "$work/log" 2>&1
    check "$name: is written" [ $? = 0 -a -s baselines/$name.c ]
    check "$name: what to do next" says "bso tune $name"
    refuses 'exists' $name
    if command -v clang-format > /dev/null; then
        clang-format --dry-run -Werror baselines/$name.c > "$work/log" 2>&1
        check "$name: laid out" [ $? = 0 ]
    fi
done
make -s -j2 BUILD="$build" program "$build/tests/test_conformance" > "$work/log" 2>&1
check "it builds" [ $? = 0 ]
check "it builds without a warning" [ ! -s "$work/log" ]
for name in q $longest; do
    "$build/bso" list > "$work/log" 2>&1
    check "$name: listed" says "^  $name "
    "$build/tests/test_conformance" $name > "$work/log" 2>&1
    check "$name: keeps to the interface" [ $? = 0 ]
    check "$name: was asked" says "OK \] $name: networks train"
    "$build/bso" run --quiet --set optimizer=$name --set batch=32 --set train_samples=256 --set test_samples=64 --set epochs=1 \
        > "$work/log" 2>&1
    check "$name: trains" says '^test accuracy'
    "$build/bso" regret --out "$work/regret" --family linear --optimizer "$name" --rounds 50 --seeds 1 > "$work/log" 2>&1
    check "$name: plays online problems, in double precision" [ $? = 0 -a -s "$work/regret/regret/linear-d8-$name-A.h5" ]
done

rm baselines/q.c
make -s -j2 BUILD="$build" program > "$work/log" 2>&1
check "it builds without a rule that is gone" [ $? = 0 ]
"$build/bso" list > "$work/log" 2>&1
check "a rule that is gone is not listed" eval '! says "^  q "'

totals
