#!/bin/sh
# memory.sh [PATH]: `bso memory` as a user meets it: what is written, kept and made again, what is refused. A small network; the
# numbers are tests/test_memory_*.c's business. The program is PATH, or $BSO, or build/bso. Ends with "N passed, N failed".
set -u

bso=${1:-${BSO:-build/bso}}
work=$(mktemp -d "${TMPDIR:-/tmp}/bso memory XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
shown='out err'
. "$(dirname "$0")/lib/check.sh"

refuses() { # status, word, arguments ...
    expected=$1 word=$2
    shift 2
    run "$@"
    check "exit $expected and \"$word\": bso $*" refused
}
refused() { [ "$status" = "$expected" ] && [ "$(grep -c '' "$work/err")" = 1 ] && says "$word"; }
files() { find "$work/results/memory" -name "$1" | grep -c ''; }
same_tables() { # as they were; `bso table` writes others beside
    for file in "$work/tables"/*; do
        cmp "$file" "$work/results/tables/${file##*/}" > "$work/out" || return 1
    done
}
same_table1() { cmp "$work/tables/table1.csv" "$work/results/tables/table1.csv"; }
small() { run memory --out "$work/results" --network 4C3-AP2-8C3-GAP-FC --batch 16 --steps-max 3 --threads 1 "$@"; }
all_equal() { # every measurement in the table is what was planned
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["equal"] != "NaN" { measured++; if ($column["equal"] != 1 || $column["planned_MB"] != $column["measured_MB"]) wrong++ }
        END { exit !(measured == 44 && !wrong) }' "$work/results/tables/memory_steps.csv"
}

small --dry-run
check "dry run: says what would be planned and trained" says 'T-BSO  *batch 8  *T = 1..3 planned, 2 trained$'
check "dry run: writes nothing" [ ! -e "$work/results" ]
small --no-measure
check "planned only: exit status 0, nothing trained" [ "$status" = 0 ]
check "planned only: says so" says '^0 trained'
check "eleven methods at three batch sizes" [ "$(files 'steps-*.h5')" = 33 ]
check "and their scaling, and models" [ "$(files 'scaling-*.h5') $(files 'models.h5')" = '11 1' ]
small
check "measured: exit status 0" [ "$status" = 0 ]
check "measured: batches 8 and 1 at T = 1 and 2" says '^44 trained'
check "measured: in the place of the files that were only planned" [ "$(files 'steps-*.h5')" = 33 ]
check "measured is planned" all_equal
check "T = 1 to 3 for each" [ "$(grep -c '' "$work/results/tables/memory_steps.csv")" = 100 ]
cp -r "$work/results/tables" "$work/tables"
small
check "once more: nothing is trained" says '^0 trained'
small --no-measure
check "planned only, once more: what was measured stays" same_tables
small --dry-run
check "dry run: says what is there" says 'planned, 2 trained (there)$'
rm -r "$work/results/tables"
run table "$work/results"
check "bso table: the same tables, without any training" same_tables
for file in "$work/results/memory"/steps-bso-b8-*.h5; do truncate -s 2000 "$file"; done
run table "$work/results"
check "bso table: a damaged file is told of, with exit status 1" [ "$status" = 1 ]
check "bso table: by its name" says 'steps-bso-b8-.*left out'
small
check "a damaged file is made again, and no other" says '^2 trained'
cd "$work/results/memory" && for file in steps-bso-b1-*.h5; do cp "$file" "steps-tbso-${file#steps-bso-}"; done
cd "$OLDPWD" && cp "$work/results/memory/scaling-bso.h5" "$work/results/memory/scaling-tbso.h5"
small
check "a file of another method is not taken for this one's" says '^2 trained'
check "and the tables are as they were" same_table1
rm -r "$work/results/memory" && mkdir "$work/results/memory"
run table "$work/results"
check "bso table: without files no tables" [ ! -e "$work/results/tables/table1.md" ]

refuses 2 'out DIR is missing' memory
refuses 2 'no such option: --steps' memory --out "$work/x" --steps 3
refuses 2 'steps-max 0' memory --out "$work/x" --steps-max 0
refuses 2 'takes no value' memory --out "$work/x" --dry-run=yes
refuses 1 'network=vgg12' memory --out "$work/x" --network vgg12
refuses 1 'network=vgg12' memory --out "$work/x" --network vgg12 --dry-run
refuses 1 'no weights for a rule' memory --out "$work/x" --network 4C3-GAP-FC
check "nothing is left of what was refused" [ "$(find "$work/x" -type f 2> /dev/null | grep -c '')" = 0 ]
totals
