#!/bin/bash
# draw.sh DIR [NAME]: draws DIR/tables/*.csv into DIR/plots, as SVG and PNG; NAME: only the figures whose names begin with it. It
# computes nothing: the numbers are those of `bso table`, `bso tune` and `bso compare`.
set -euo pipefail

[ $# -eq 1 ] || [ $# -eq 2 ] || { echo "usage: plots/draw.sh DIR [NAME]" >&2; exit 2; }
only=${2:-}
if ! command -v gnuplot >/dev/null; then
    echo "plots: gnuplot is not installed; no plots are drawn, all else is as it would be" >&2
    exit 0
fi
dir=$(realpath -e -- "$1")
cd -- "$(dirname -- "$(readlink -f -- "$0")")"
mkdir -p -- "$dir/plots"
# Two at once in one folder draw one after the other, where there is a flock that can.
exec 9<"$dir/plots"
flock 9 2>/dev/null || true
plain=$(mktemp)
trap 'rm -f -- "$plain" "$dir/plots"/*.part' EXIT

# CSV (RFC 4180) to columns with a tab between them: gnuplot cuts a quoted field at its comma.
to_columns() {
    awk '{
        line = ""; quoted = 0
        for (i = 1; i <= length($0); i++) {
            c = substr($0, i, 1)
            if (c == "\"" && quoted && substr($0, i + 1, 1) == c) { line = line "\047"; i++ }
            else if (c == "\"") quoted = !quoted
            else line = line (c == "," && !quoted ? "\t" : c == "\t" ? " " : c)
        }
        print line
    }' "$1"
}

# The figures of a table; a table that is not there has none: a sweep has no trials, tuning no epochs. Parts of the paper (table3, fig5, ...
# flips) may have nothing to show, which their pages say, and so may parts of `bso bench`.
status=0
for figure in accuracy_epoch accuracy_steps accuracy_memory:comparison flip_rate_epoch memory memory_steps budget sensitivity:trials \
    table3 table3_v fig3:fig3_distance fig5 flips:flips_curve flips_back regret regret_bounds:regret bench_roofline bench_scaling; do
    table=$dir/tables/${figure#*:}.csv
    figure=${figure%%:*}
    case $figure in "$only"*) ;; *) continue ;; esac
    if [ ! -e "$table" ]; then # gone with its results
        rm -f -- "$dir/plots/$figure.svg" "$dir/plots/$figure.png"
        continue
    fi
    # A table of nothing but its header has no picture: full precision alone flips nothing.
    if [ "$(head -n 2 -- "$table" | wc -l)" -lt 2 ]; then
        rm -f -- "$dir/plots/$figure.svg" "$dir/plots/$figure.png"
        case $figure in table[0-9]* | fig[0-9]* | flips* | bench*) ;; *) echo "plots: $table has no rows; $figure is not drawn" >&2 ;; esac
        continue
    fi
    to_columns "$table" >"$plain"
    for format in svg png; do
        picture=$dir/plots/$figure.$format
        if gnuplot -c "$figure.gp" "$plain" "$picture.part" "$format"; then
            mv -- "$picture.part" "$picture"
        else
            rm -f -- "$picture.part"
            echo "plots: $picture could not be drawn (gnuplot's reason is above)" >&2
            status=1
        fi
    done
done
exit $status
