#!/bin/sh
# regret.sh [PATH]: `bso regret` as a user meets it: what it writes, what it keeps, what it refuses, and its tables and pictures.
# The program is PATH, or $BSO, or build/bso. Ends with "N passed, N failed"; exit status 1 when any failed.
set -u

bso=${1:-${BSO:-build/bso}}
case $bso in /*) ;; *) bso=$PWD/$bso ;; esac
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/bso regret XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
shown='out err'
. tests/lib/check.sh

run() { # arguments ...: run the command, keep what it says
    "$bso" regret "$@" > "$work/out" 2> "$work/err" < /dev/null
    status=$?
}
one_line_error() { [ "$(grep -c '' "$work/err")" = 1 ] && grep -q '^bso: ' "$work/err"; }
refuses() { # status, word, arguments ...
    expected=$1 word=$2
    shift 2
    run "$@"
    check "exit $expected and \"$word\": bso regret $*" refused
}
refused() { [ "$status" = "$expected" ] && one_line_error && says "$word"; }
files() { find "$1/regret" -name '*.h5' 2> /dev/null | grep -c ''; }
row() { grep -q "^$1\$" "$work/a/tables/regret.csv"; }

refuses 2 '--out is missing' --rounds 5
refuses 2 '--out is missing' --out= --rounds 5
refuses 2 'no such family' --out "$work/a" --family chess
refuses 2 'no such optimizer on one-bit weights' --out "$work/a" --optimizer adam
refuses 2 'whole number' --out "$work/a" --rounds 0
refuses 2 'no such option' --out "$work/a" --speed 3
run --help
check "help" [ $status = 0 -a ! -e "$work/a" ]
run --out "$work/a" --dry-run
check "a dry run lists all 198 files and makes none" eval '[ $status = 0 ] && says "198 of 198 to do" && [ ! -e "$work/a" ]'

run --out "$work/a" --rounds 300 --seeds 2 --family alternating --family least_squares --optimizer bso --jobs 1
check "two families of one rule: 6 + 3 (6 + 1) files" eval '[ $status = 0 ] && [ "$(files "$work/a")" = 27 ]'
# By hand: under C the first flips come when the momentum, of either sign, passes gamma = 0.01 = c: never, it stays below c. So +1
# stays, and loses 1 in all odd rounds together with -1 in the even ones, of which the best sign loses none.
check "the alternating sequence, exactly" row 'alternating,1,bso,C,300,regret,0,NaN,1'
check "under A every round flips, as it does against the adversary" row 'alternating,1,bso,A,300,flips,300,NaN,1'
check "the box's minimum" grep -q '^least_squares,64,bso,A,100,regret_box,' "$work/a/tables/regret.csv"
check "a page with its readings" grep -q '^- A: c_k = min(1, c/sqrt k)' "$work/a/tables/regret_summary.md"
check "no violation of the bound that holds" grep -q '^| bso | A tuned | 4 |.* | 0 | [0-9]* | [0-9]* |$' "$work/a/tables/regret_summary.md"

run --out "$work/b" --rounds 300 --seeds 2 --family alternating --family least_squares --optimizer bso --jobs 3
check "the same numbers with three games at once" cmp "$work/a/tables/regret.csv" "$work/b/tables/regret.csv"

touch -d '2001-01-01' "$work/a/regret/least_squares-d8-bso-A.h5"
rm "$work/a/regret/least_squares-d8-bso-C.h5"
run --out "$work/a" --rounds 300 --seeds 2 --family alternating --family least_squares --optimizer bso
check "what is finished is kept, what is not is made" eval '[ $status = 0 ] && [ "$(files "$work/a")" = 27 ] &&
    [ -n "$(find "$work/a/regret/least_squares-d8-bso-A.h5" ! -newermt 2001-01-02)" ]'
check "and the numbers are as they were" cmp "$work/a/tables/regret.csv" "$work/b/tables/regret.csv"
run --out "$work/a" --rounds 200 --seeds 2 --family alternating --optimizer bso
check "other rounds: made anew" row 'alternating,1,bso,C,200,regret,0,NaN,1'

cp "$work/a/regret/least_squares-d8-bso-B.h5" "$work/a/regret/least_squares-d64-bso-B.h5"
cp "$work/a/regret/box-least_squares-d8.h5" "$work/a/regret/box-least_squares-d64.h5"
run --out "$work/a" --rounds 300 --seeds 2 --family alternating --family least_squares --optimizer bso
check "a file of another problem is not taken for this one's" cmp "$work/a/tables/regret.csv" "$work/b/tables/regret.csv"
echo text > "$work/a/regret/foreign.h5"
"$bso" table "$work/a" > "$work/out" 2> "$work/err"
status=$?
check "bso table: a file that cannot be read is told of, with exit status 1" eval '[ $status = 1 ] && says "foreign.h5: .*left out"'
rm "$work/a/regret/foreign.h5"
timeout -s KILL 100 "$bso" regret --out "$work/d" --rounds 1000000000 --family linear --optimizer bso --jobs 1 > "$work/out" 2> "$work/err" < /dev/null &
game=$!
while kill -0 $game && [ ! -d "$work/d/regret" ]; do sleep 0.1; done
sleep 1 && kill -TERM $game && wait $game
status=$?
check "a game of many rounds can be stopped" eval '[ $status = 143 ] && says "stopped" && [ "$(files "$work/d")" = 0 ]'

head -c 3000 "$work/a/regret/alternating-d1-bso-A.h5" > "$work/cut" && mv "$work/cut" "$work/a/regret/alternating-d1-bso-A.h5"
refuses 1 'remove it to have it made again' --out "$work/a" --rounds 200 --family alternating --optimizer bso
run --out "$work/c" --rounds 50 --seeds 1 --family linear --optimizer bop2 --optimizer bso_reset
check "rules that the bounds are not about: no bound" grep -q 'no bound for this rule' "$work/c/tables/regret_summary.md"

if command -v gnuplot > /dev/null; then
    plots/draw.sh "$work/b" > "$work/out" 2> "$work/err"
    check "pictures, with nothing to complain of" eval '[ ! -s "$work/err" ] && grep -q "<svg" "$work/b/plots/regret.svg" &&
        [ -s "$work/b/plots/regret_bounds.png" ]'
fi
totals
