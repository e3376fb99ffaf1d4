#!/bin/bash
# together.sh: two, four and eight sweeps on one folder share the work; one that dies is stood in for. The program is $BSO, or
# build/bso.
set -u
bso=$(readlink -f "${BSO:-build/bso}")
. "$(dirname "$0")/../lib/faults.sh"
trap 'pkill -9 -f "$work/[t]ogether" 2> /dev/null; rm -rf "$work"' EXIT

sweep_file 2 '{ optimizer = ["tbso", "bso"]; seed = [1, 2, 3, 4]; }'
"$bso" sweep "$conf" --out "$work/alone" --threads 1 > "$work/out" 2>&1 || check "one sweep alone" false
summary "$work/alone" > "$work/wanted"

for sweeps in 2 $( [ -n "${BSO_TEST_SHORT:-}" ] || echo 4 8); do
    dir=$work/together$sweeps
    children=()
    for i in $(seq $sweeps); do
        "$bso" sweep "$conf" --out "$dir" --jobs 1 --threads 1 > "$work/log$sweeps.$i" 2>&1 &
        children+=($!)
    done
    ended=0
    for child in "${children[@]}"; do wait "$child" || ended=1; done
    check "$sweeps sweeps at once: all end well" [ $ended = 0 ]
    check "$sweeps sweeps at once: each cell is trained once" \
        [ "$(cat "$work/log$sweeps".* | grep -c 'h5: test accuracy')" = 8 ]
    summary "$dir" > "$work/found"
    check "$sweeps sweeps at once: the same as one alone" cmp "$work/wanted" "$work/found"
done

# One of two is killed, its training as well; the other one does what is left, that cell included.
sweep_file "$([ -n "${BSO_TEST_SHORT:-}" ] && echo 15 || echo 40)" '{ optimizer = ["tbso", "bso"]; }'
dir=$work/together_killed
setsid "$bso" sweep "$conf" --out "$dir" --jobs 2 --checkpoint 0 > "$work/first" 2>&1 &
first=$!
for i in $(seq 200); do [ "$(find "$dir/runs" -name '*.checkpoint' 2> /dev/null | wc -l)" = 2 ] && break; sleep 0.05; done
"$bso" sweep "$conf" --out "$dir" --jobs 1 > "$work/second" 2>&1 &
second=$!
for i in $(seq 200); do grep -q estimate "$work/second" && break; sleep 0.05; done
kill -9 $first
pkill -9 -f 'bso run .*[t]ogether_killed'
wait $first 2> /dev/null
wait $second
check "a sweep takes over what another one that was killed left" [ $? = 0 ]
check "going on from its checkpoints" [ "$(for file in "$dir"/runs/*.h5; do "$bso" inspect "$file"; done | grep -c 'continued    [1-9]')" = 2 ]

# A training that somebody stops is no failure: the next sweep goes on with it.
dir=$work/together_stopped
"$bso" sweep "$conf" --out "$dir" --jobs 2 --checkpoint 0 > "$work/first" 2>&1 &
first=$!
for i in $(seq 400); do [ "$(find "$dir/runs" -name 'tbso*.checkpoint' 2> /dev/null | wc -l)" = 1 ] && break; sleep 0.05; done
for i in $(seq 400); do pkill -TERM -f 'bso run .*[t]ogether_stopped.*optimizer=tbso' && break; sleep 0.05; done
wait $first
check "a training that is stopped from outside: exit 1, named, no failure is noted" \
    [ $? = 1 -a "$(grep -c 'somebody stopped it' "$work/first")" = 1 -a "$(find "$dir/runs" -name '*.failed' | wc -l)" = 0 ]
run sweep "$conf" --out "$dir"
check "the next sweep goes on with it" [ "$status" = 0 -a "$(for file in "$dir"/runs/*.h5; do "$bso" inspect "$file"; done | grep -c 'continued    [1-9]')" = 1 ]

# The folder's other work is done once as well.
"$bso" regret --out "$work/together_regret" --rounds 1000 --seeds 1 > "$work/first" 2>&1 &
first=$!
"$bso" regret --out "$work/together_regret" --rounds 1000 --seeds 1 > "$work/second" 2>&1
status=$?
wait $first
check "two regret commands at once end well" [ $status = 0 -a $? = 0 ]
check "one waited for the other" grep -q 'waiting for it' "$work/first" "$work/second"

# A cell that fails is told of, kept out by name, and tried again when asked to.
sweep_file 2 "{ optimizer = \"tbso\"; }, { optimizer = \"bso\"; init = \"$work/none.h5\"; }"
run sweep "$conf" --out "$work/together_failed"
check "a failing cell: exit 1, the others are trained" [ $status = 1 -a "$(find "$work/together_failed/runs" -name '*.h5' | wc -l)" = 1 ]
run sweep "$conf" --out "$work/together_failed"
check "again: it is named, not tried" eval '[ $status = 1 ] && says "failed before: .*none.h5.*--retry-failed"'
"$bso" table "$work/together_failed" > "$work/out" 2> "$work/err"
check "tables name it" grep -q 'Left out, because its training failed: bso-ottt' "$work/together_failed/tables/comparison.md"
"$bso" report "$work/together_failed" > "$work/out" 2> "$work/err"
check "the report, too" grep -q 'training of bso-ottt.* failed' "$work/together_failed/report.md"
"$bso" run --set dataset=mnist --set "data_dir=$data" --set network=8C3-AP2-8C3-GAP-FC --set epochs=0 --set "save=$work/none.h5" --set optimizer=bso > "$work/out" 2>&1
run sweep "$conf" --out "$work/together_failed" --prepare
check "--prepare: nothing is left, one failed" eval '[ $status = 1 ] && says "1 failed" && says "^cells left: 0$"'
run sweep "$conf" --out "$work/together_failed" --prepare --dry-run --retry-failed
check "--dry-run --retry-failed: one would be left, and is not forgotten" eval \
    '[ $status = 0 ] && says "^cells left: 1$" && [ "$(find "$work/together_failed/runs" -name "*.failed" | wc -l)" = 1 ]'
run sweep "$conf" --out "$work/together_failed" --prepare --retry-failed
check "--prepare --retry-failed: one is left" eval '[ $status = 0 ] && says "^cells left: 1$"'
run sweep "$conf" --out "$work/together_failed" --retry-failed
check "--retry-failed trains it" [ $status = 0 -a "$(find "$work/together_failed/runs" -name '*.failed' | wc -l)" = 0 ]
totals
