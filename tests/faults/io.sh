#!/bin/bash
# io.sh [STEP]: the N-th write, sync, close, renaming or opening of a file fails, for all N (or every STEP-th; BSO_FAULT_STEP, else 7) of each
# command that writes: what is under a final name is whole, the message is one line, and the same command does it afterwards. The
# program is $BSO, or build/bso; the library that makes calls fail is built beside it.
set -u
bso=$(readlink -f "${BSO:-build/bso}")
. "$(dirname "$0")/../lib/faults.sh"
trap 'rm -rf "$work"' EXIT
step=${1:-${BSO_FAULT_STEP:-7}}
fault=$work/io_fault.so
if nm "$bso" 2> /dev/null | grep -q __asan_init; then
    echo "SKIPPED: the sanitizer's own library must be the first"
    check "skipped under AddressSanitizer" true
    totals
    exit
fi
${CC:-gcc} -std=c17 -O1 -shared -fPIC -o "$fault" "$(dirname "$0")/io_fault.c" -ldl || exit 1

faulty() { # operation:N, errno, command...: in $work/dir
    local what=$1 number=$2
    shift 2
    head -c 8 /dev/zero > "$work/count"
    LD_PRELOAD=$fault BSO_FAULT=$what BSO_FAULT_ERRNO=$number BSO_FAULT_COUNT=$work/count BSO_FAULT_UNDER=$work/dir \
        "$bso" "$@" > "$work/out" 2> "$work/err" < /dev/null
    status=$?
    calls=$(od -An -tu8 "$work/count" | tr -d ' ')
}
whole() { "$bso" inspect --verify "$work/dir" > "$work/verify" 2>&1; }

# A command whose result is in $work/dir; `same` says whether that is what it should be.
try() { # name, command...
    local name=$1 bad=0 tried=0 operation n trouble
    shift
    for operation in open write fsync close rename; do
        n=1
        while :; do
            rm -rf "$work/dir"
            mkdir "$work/dir"
            prepare
            faulty $operation:$n 28 "$@"
            [ "$calls" -ge $n ] || break
            tried=$((tried + 1)) trouble=
            # A directory that cannot be synced, or a lock or probe that cannot be closed, harms nothing.
            if [ $status -gt 1 ]; then trouble="exit status $status"; fi
            if [ $status = 1 ] && ! one_line_error; then trouble="its message"; fi
            if ! whole; then trouble="a damaged file: $(head -n 1 "$work/verify")"; fi
            if [ "$(temporary "$work/dir")" != 0 ]; then trouble="a file left beside"; fi
            if ! "$bso" "${@}" ${again:-} > "$work/out" 2>> "$work/err" || ! same; then trouble="not as it should be afterwards"; fi
            if [ -n "$trouble" ]; then
                bad=$((bad + 1))
                echo "      $operation $n of $name: $trouble"
                head -n 3 "$work/err"
            fi
            n=$((n + step))
        done
    done
    check "$name: $tried calls that fail, $bad of them badly" [ $bad = 0 -a $tried -gt 0 ]
}

training=(run --set dataset=mnist --set "data_dir=$data" --set network=8C3-AP2-8C3-GAP-FC --set batch=64 --set epochs=2 --set threads=1)
hash_of() { "$bso" inspect "$1" | grep -o 'hash [0-9a-f]*'; }
"$bso" "${training[@]}" --out "$work/right.h5" > "$work/out" 2>&1 || check "an undisturbed training" false
right=$(hash_of "$work/right.h5")

prepare() { :; }
same() { [ "$(hash_of "$work/dir/run.h5")" = "$right" ]; }
try "a training with checkpoints" "${training[@]}" --out "$work/dir/run.h5" --checkpoint 0 --set save="$work/dir/net.h5" --quiet

sweep_file 1 '{ optimizer = ["tbso", "bso"]; }'
same() { [ "$(find "$work/dir/runs" -name '*.h5' | wc -l)" = 2 ]; }
again=--retry-failed try "a sweep" sweep "$conf" --out "$work/dir"

"$bso" sweep "$conf" --out "$work/swept" > "$work/out" 2>&1
"$bso" table "$work/swept" > "$work/out" 2>&1
prepare() { cp -r "$work/swept/runs" "$work/dir/"; }
same() { diff -r "$work/swept/tables" "$work/dir/tables" > "$work/out"; }
try "tables" table "$work/dir"
same() { [ -s "$work/dir/report.html" ] && tail -n 1 "$work/dir/report.html" | grep -q '</html>'; }
try "a report" report "$work/dir"

prepare() { :; }
same() { [ -s "$work/dir/tables/regret.csv" ]; }
step=$((step * 8)) try "regret" regret --out "$work/dir" --rounds 200 --seeds 1 --optimizer bso --family least_squares

# Once a disk is full it stays so for all that comes; then there is room again.
rm -rf "$work/dir" && mkdir "$work/dir"
BSO_FAULT_STICKS=1 faulty write:12 28 "${training[@]}" --out "$work/dir/run.h5" --checkpoint 0
check "a disk that stays full: exit 1 and says so" eval '[ $status = 1 ] && says "No space left on device" && one_line_error'
check "with earlier checkpoints kept" [ -s "$work/dir/run.h5.checkpoint" -o -s "$work/dir/run.h5.checkpoint.previous" ]
kept=$(find "$work/dir" -name '*.checkpoint' -o -name '*.checkpoint.previous' | sort | head -n 1)
run inspect "$kept"
check "inspect says how far it is and what of" eval 'works && says "epochs done  [01]" && says "dataset  *mnist"'
run inspect "$kept" --config
check "it has no parts of results" eval '[ $status = 1 ] && one_line_error && says "not a bso-result file"'
mkdir "$work/torn.tmp.1"
head -c 3000 "$kept" > "$work/torn.tmp.1/run.h5.checkpoint"
head -c 3000 "$work/right.h5" > "$work/torn.tmp.1/run.h5"
run inspect --verify "$work/torn.tmp.1"
check "inspect --verify names what is cut off" eval '[ $status = 1 ] && says "2 damaged" && [ "$(grep -c "^bso: .*run.h5" "$work/err")" = 2 ]'
"$bso" "${training[@]}" --out "$work/dir/run.h5" > "$work/out" 2> "$work/err"
check "when space is back it goes on" eval 'says "going on from a checkpoint" && [ "$(hash_of "$work/dir/run.h5")" = "$right" ]'

# The same from the system itself: a limit on the size of files, a folder that may not be written to.
rm -rf "$work/dir" && mkdir "$work/dir"
status=0
(ulimit -f 8 && "$bso" "${training[@]}" --out "$work/dir/run.h5" > "$work/out" 2> "$work/err") || status=$?
check "a limit on the size of files: exit 1 and says so" eval '[ $status = 1 ] && says "File too large" && [ -z "$(ls "$work/dir")" ]'
if [ "$(id -u)" = 0 ]; then
    mkdir "$work/small" && if mount -t tmpfs -o size=68k tmpfs "$work/small" 2> /dev/null; then
        run "${training[@]}" --out "$work/small/run.h5" --checkpoint 0
        check "a full disk: exit 1 and says so" eval '[ $status = 1 ] && says "No space left on device"'
        mount -o remount,size=8m "$work/small"
        run "${training[@]}" --out "$work/small/run.h5"
        check "and goes on when there is room" [ "$status" = 0 -a "$(hash_of "$work/small/run.h5")" = "$right" ]
        mount -o remount,ro "$work/small"
        run sweep "$conf" --out "$work/small"
        check "a read-only disk: exit 1 and says so" eval '[ $status = 1 ] && says "Read-only file system"'
        run inspect --verify "$work/small"
        check "what is there stays whole" works
        umount "$work/small"
    else
        echo "SKIPPED: a full disk of its own: no file system can be mounted here"
    fi
fi

# Clocks that jump change times, and nothing else.
rm -rf "$work/dir" && mkdir "$work/dir"
LD_PRELOAD=$fault BSO_FAULT_CLOCK=1 "$bso" "${training[@]}" --out "$work/dir/run.h5" --checkpoint 0 > "$work/out" 2> "$work/err"
check "a clock that jumps: the same weights" [ "$(hash_of "$work/dir/run.h5")" = "$right" ]
totals
