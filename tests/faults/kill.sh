#!/bin/bash
# kill.sh [COUNT]: kill -9 at COUNT (BSO_FAULTS, else 6; 2 with BSO_TEST_SHORT) random points of a sweep whose trainings write checkpoints; then what it
# comes to must equal what an undisturbed sweep comes to, to the last bit. The program is $BSO, or build/bso.
set -u
bso=$(readlink -f "${BSO:-build/bso}")
. "$(dirname "$0")/../lib/faults.sh"
trap 'pkill -9 -f "$work/[k]illed" 2> /dev/null; rm -rf "$work"' EXIT
count=${1:-${BSO_FAULTS:-${BSO_TEST_SHORT:+2}}}
count=${count:-6}

sweep_file 12 '{ optimizer = ["tbso", "bso"]; gradient = "ottt"; }, { optimizer = "adam_ste"; gradient = "bptt"; }, { optimizer = "bop"; measure = "flips+cosine"; }'
"$bso" sweep "$conf" --out "$work/whole" > "$work/out" 2>&1 || check "an undisturbed sweep" false
summary "$work/whole" > "$work/wanted"

kills=0 finished=0
while [ $kills -lt "$count" ]; do
    setsid "$bso" sweep "$conf" --out "$work/killed" --jobs 2 --checkpoint 0 > "$work/log" 2>&1 &
    leader=$!
    # One in four anywhere, most of them while it estimates; the others while it trains.
    if [ $((RANDOM % 4)) != 0 ]; then
        for i in $(seq 400); do grep -q estimate "$work/log" && break; sleep 0.05; done
    fi
    sleep "$(awk -v r=$RANDOM 'BEGIN { print 0.05 + 2 * r / 32767 }')"
    # Each training is a group of its own, so that a terminal reaches only the sweep.
    { kill -9 -- "-$leader" && kills=$((kills + 1)); pkill -9 -f "$work/[k]illed"; wait $leader; } 2> /dev/null
    if [ "$(find "$work/killed/runs" -name '*.h5' 2> /dev/null | wc -l)" = 4 ]; then
        # All done: kept are the counts, the rest begins anew.
        summary "$work/killed" > "$work/round"
        if cmp -s "$work/round" "$work/wanted"; then finished=$((finished + 1)); else check "a sweep killed on the way" false; fi
        rm -rf "$work/killed"
    fi
done
run sweep "$conf" --out "$work/killed" --jobs 2
continued=$(for file in "$work"/killed/runs/*.h5; do "$bso" inspect "$file"; done | awk '$1 == "continued" { n += $2 } END { print n + 0 }')
check "killed $count times ($finished whole sweeps on the way, $continued checkpoints in the last): the rerun ends well" [ "$status" = 0 ]
summary "$work/killed" > "$work/found"
check "weights and tables are those of an undisturbed sweep" cmp "$work/wanted" "$work/found"
check "no half-written file is left" [ "$(temporary "$work/killed")" = 0 ]
check "no lock, checkpoint or note of a failure is left" [ "$(find "$work/killed/runs" -type f ! -name '*.h5' | wc -l)" = 0 ]
run inspect --verify "$work/killed"
check "every file matches its checksum" works
totals
