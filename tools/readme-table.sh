#!/bin/bash
# readme-table.sh [--check]: puts the reference results (results/reference/tables/comparison.csv) into README.md between its
# markers, so that no number there is typed by hand. With --check it only says whether README.md is what it would write.
set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."

source=results/reference/tables/comparison.csv
new=$(mktemp)
trap 'rm -f "$new"' EXIT

table() {
    echo '| method | T | gradient | weights | test accuracy (%) | model (kB) | training memory (MB) | state, bytes per one-bit weight |'
    echo '|---|--:|---|---|--:|--:|--:|--:|'
    awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; fields = NF; next }
        function refuse(why) { print FILENAME ": " why > "/dev/stderr"; refused = 1; exit 1 }
        function field(name) { if (!(name in column)) refuse("no column " name); return $column[name] }
        NF != fields { refuse("line " NR " has " NF " fields, the first one " fields) }
        {
            state = field("bytes_per_one_bit_weight")
            printf "| %s | %d | %s | %s | %.2f ± %.2f | %.1f | %.1f | %s |\n", field("method"), field("T"), field("gradient"),
                field("weights"), field("test_accuracy_percent"), field("test_accuracy_percent_sd"), 1000 * field("model_MB"),
                field("training_memory_MB"), (state == "NaN" ? "–" : sprintf("%.2f", state))
        }
        END { if (NR < 2 && !refused) refuse("no results") }' "$source"
}

# By itself, so that a failure ends the script here: README.md keeps its table.
rows=$(table)
awk -v table="$rows" '
    /<!-- results:begin -->/ { print; print ""; print table; print ""; inside = 1; next }
    /<!-- results:end -->/   { inside = 0 }
    !inside                  { print }' README.md >"$new"

if [ "${1:-}" = --check ]; then
    cmp -s "$new" README.md || { echo "README.md: its table is not that of $source; run tools/readme-table.sh" >&2; exit 1; }
else
    cp "$new" README.md
fi
