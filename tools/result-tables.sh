#!/bin/bash
# result-tables.sh [--check]: puts measured results into README.md and docs/*.md, so that no number there is typed by hand. With
# --check it only says which of them are not what it would write.
#
# A table stands between two lines, and is made anew from the CSV file (columns found by name) that the first one names:
#     <!-- results:begin KIND FILE.csv -->
#     <!-- results:end -->
# KIND: methods (accuracy, size, memory), accuracy (accuracy alone), bits (accuracy and state on each data set), datasets (accuracy and
# speed on each), tuned (settings that tuning found), memory (of training, against T), regret (growth, bounds and verdicts under reading
# A), claims (verdicts); of `bso bench`: peaks, kernels (one by one), products (over all layers of a network), elementwise, steps, stages, slopes (of scaling).
set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."

# Reads CSV whose quoted fields hold no line breaks.
table() { # kind, file
    awk -v kind="$1" '
        function refuse(why) { print FILENAME ": " why > "/dev/stderr"; refused = 1; exit 1 }
        function split_line(line,    n, c, i, quoted) {
            n = 1; field[1] = ""; quoted = 0
            for (i = 1; i <= length(line); i++) {
                c = substr(line, i, 1)
                if (c == "\"") { quoted = !quoted } else if (c == "," && !quoted) { field[++n] = "" } else { field[n] = field[n] c }
            }
            return n
        }
        function get(name) { if (!(name in column)) refuse("no column " name); return field[column[name]] }
        function number(name, format, unit) { return get(name) == "NaN" ? "–" : sprintf(format, unit * get(name)) }
        function spread(name) {
            return number(name, "%.2f", 1) (get(name "_sd") == "NaN" ? "" : sprintf(" ± %.2f", get(name "_sd")))
        }
        function lost() {
            return get("diverged") > 0 ? sprintf(" (%d of %d seeds diverged)", get("diverged"), get("seeds") + get("diverged")) : ""
        }
        BEGIN {
            if (kind == "methods") {
                print "| method | T | gradient | weights | test accuracy (%) | model (kB) | training memory (MB) | state, bytes per one-bit weight |"
                print "|---|--:|---|---|--:|--:|--:|--:|"
            } else if (kind == "accuracy") {
                print "| setting | T | gradient | test accuracy (%) | seeds |"
                print "|---|--:|---|--:|--:|"
            } else if (kind == "bits") {
                print "| data | setting | test accuracy (%) | seeds | state, bytes per one-bit weight |"
                print "|---|---|--:|--:|--:|"
            } else if (kind == "datasets") {
                print "| data | T | method | test accuracy (%) | images/s | waiting for samples (% of the time) |"
                print "|---|--:|---|--:|--:|--:|"
            } else if (kind == "tuned") {
                print "| method | best setting of the trials | validation accuracy (%), fresh seeds |"
                print "|---|---|--:|"
            } else if (kind == "memory") {
                print "| method | GB at T = 1 | GB at the last T | factor | the paper: GB, factor | bytes more for each T | bytes per weight: stored, with optimizer state |"
                print "|---|--:|--:|--:|--:|--:|--:|"
            } else if (kind == "regret") {
                print "| problem | d | rule | exponent of R | largest R / printed bound | times d | times d G | corrected | verdict |"
                print "|---|--:|---|--:|--:|--:|--:|--:|---|"
            } else if (kind == "claims") {
                print "| | the paper claims | verdict here | why |"
                print "|--:|---|---|---|"
            } else if (kind == "peaks") {
                print "| machine | peak of one thread | 10⁹ per second |"
                print "|---|---|--:|"
            } else if (kind == "kernels") {
                print "| machine | product | shape | GMAC/s (best) | sgemm | ratio | of its peak (%) |"
                print "|---|---|---|--:|--:|--:|--:|"
            } else if (kind == "products") {
                print "| machine | network | product | GMAC/s | ratio to sgemm, mean weighted by work | sgemm’s time for all layers / its own |"
                print "|---|---|---|--:|--:|--:|"
            } else if (kind == "elementwise") {
                print "| machine | kernel | map | ns for each neuron | copying a float, ns | bytes moved, of copying’s peak (%) |"
                print "|---|---|---|--:|--:|--:|"
            } else if (kind == "steps") {
                print "| machine | threads | network | variant | training, images/s (best) | ratio to sgemm | evaluation, images/s | evaluation / training | memory (MB) |"
                print "|---|--:|---|---|--:|--:|--:|--:|--:|"
            } else if (kind == "stages") {
                print "| machine | network | variant | stage | ms for an image | share (%) |"
                print "|---|---|---|---|--:|--:|"
            } else if (kind == "slopes") {
                print "| machine | network | what varies | log-log slope of images/s |"
                print "|---|---|---|--:|"
            } else { refuse("no such kind of table: " kind) }
        }
        NR == 1 { fields = split_line($0); for (i = 1; i <= fields; i++) column[field[i]] = i; next }
        split_line($0) != fields { refuse("line " NR " has not the fields of the first one") }
        kind == "methods" {
            printf "| %s | %d | %s | %s | %s%s | %s | %s | %s |\n", get("method"), get("T"), get("gradient"), get("weights"),
                spread("test_accuracy_percent"), lost(), number("model_MB", "%.1f", 1000), number("training_memory_MB", "%.1f", 1),
                number("bytes_per_one_bit_weight", "%.2f", 1)
        }
        kind == "accuracy" {
            printf "| %s | %d | %s | %s%s | %d |\n", get("method"), get("T"), get("gradient"), spread("test_accuracy_percent"), lost(),
                get("seeds")
        }
        kind == "bits" {
            printf "| %s | %s | %s%s | %d | %s |\n", get("dataset"), get("method"), spread("test_accuracy_percent"), lost(), get("seeds"),
                number("bytes_per_one_bit_weight", "%.2f", 1)
        }
        kind == "datasets" {
            printf "| %s | %d | %s | %s%s | %s | %s |\n", get("dataset"), get("T"), get("method"),
                spread("test_accuracy_percent"), lost(), number("images_per_second", "%.0f", 1), number("waiting_percent", "%.1f", 1)
        }
        kind == "tuned" {
            printf "| %s | `%s` | %s |\n", get("label"), get("settings"), spread("validation_percent")
        }
        kind == "memory" {
            printf "| %s | %s | %s (T = %d) | %s | %s | %s | %s, %s |\n", get("label"), number("first_GB", "%.2f", 1),
                number("last_GB", "%.2f", 1), get("last_T"), number("factor", "%.1f", 1),
                get("paper_first_GB") == "NaN" ? "–" : sprintf("%.2f to %.2f, %.1f", get("paper_first_GB"), get("paper_last_GB"), get("paper_factor")),
                number("growth_per_step_bytes", "%.0f", 1), number("bytes_per_weight", "%.3f", 1), number("bytes_per_rule_weight", "%.3f", 1)
        }
        kind == "regret" && get("reading") == "A" && (get("d") == 1 || get("d") == 64) {
            printf "| `%s` | %d | %s | %s | %s | %s | %s | %s | %s |\n", get("family"), get("d"), get("rule"),
                number("regret_exponent", "%.2f", 1) (get("regret_exponent_se") == "NaN" ? "" : sprintf(" ± %.2f", get("regret_exponent_se"))),
                number("printed_max_ratio", "%.2f", 1), number("printed_d_max_ratio", "%.2f", 1),
                get("claimed_exponent") == 0.5 ? "–" : number("printed_d_g_max_ratio", "%.2f", 1), number("corrected_max_ratio", "%.2f", 1),
                get("verdict")
        }
        kind == "peaks" { printf "| %s | %s | %s |\n", get("bench"), get("peak"), number("best_G_per_s", "%.0f", 1) }
        kind == "kernels" && get("unit") == "MAC" {
            printf "| %s | %s | %s | %s (%s) | %s | %s | %s |\n", get("bench"), get("kernel"), get("shape"), number("median_G_per_s", "%.0f", 1),
                number("best_G_per_s", "%.0f", 1), number("reference_median_G_per_s", "%.0f", 1), number("ratio", "%.1f", 1),
                number("share_of_peak_percent", "%.0f", 1)
        }
        kind == "elementwise" && get("unit") == "neuron" {
            printf "| %s | `%s` | %s | %s | %.2f | %s |\n", get("bench"), get("kernel"), get("shape"), number("ns_per_unit", "%.2f", 1),
                1 / get("reference_median_G_per_s"), number("share_of_peak_percent", "%.0f", 1)
        }
        kind == "products" {
            printf "| %s | %s | %s | %s | %s | %s |\n", get("bench"), get("network"), get("kernel"), number("G_per_s", "%.0f", 1),
                number("mean_ratio", "%.2f", 1), number("ratio_of_totals", "%.2f", 1)
        }
        kind == "steps" {
            printf "| %s | %d | %s | %s | %s (%s) | %s | %s | %s | %s |\n", get("bench"), get("threads"), get("network"), get("variant"),
                number("median_training_per_s", "%.1f", 1), number("best_training_per_s", "%.1f", 1), number("ratio_to_sgemm", "%.2f", 1),
                number("median_evaluation_per_s", "%.0f", 1), number("evaluation_per_training", "%.1f", 1), number("memory_MB", "%.0f", 1)
        }
        kind == "stages" && get("share_percent") >= 0.05 { # what rounds to nothing is left out
            printf "| %s | %s | %s | %s | %s | %s |\n", get("bench"), get("network"), get("variant"), get("stage"), number("ms_per_image", "%.3f", 1),
                number("share_percent", "%.1f", 1)
        }
        kind == "slopes" {
            printf "| %s | %s | %s | %s%s |\n", get("bench"), get("network"), get("axis"), number("slope", "%.2f", 1),
                get("slope_se") == "NaN" ? "" : sprintf(" ± %.2f", get("slope_se"))
        }
        kind == "claims" { printf "| %d | %s | **%s** | %s |\n", get("number"), get("claim"), get("verdict"), get("why") }
        END { if (NR < 2 && !refused) refuse("no results") }' "$2"
}

new=$(mktemp)
trap 'rm -f "$new"' EXIT
status=0
for page in README.md docs/*.md; do
    grep -q '^<!-- results:begin ' "$page" || continue
    : >"$new"
    inside=''
    while IFS= read -r line; do
        [ "$line" != '<!-- results:end -->' ] || inside=''
        [ -n "$inside" ] || printf '%s\n' "$line" >>"$new"
        case $line in
        '<!-- results:begin '*)
            read -r _ _ kind source _ <<<"$line"
            inside=yes
            # By itself, so that a failure ends the script here and the page keeps its table.
            rows=$(table "$kind" "$source")
            printf '\n%s\n\n' "$rows" >>"$new"
            ;;
        esac
    done <"$page"
    if [ -n "$inside" ]; then
        echo "$page: a results:begin without its results:end" >&2
        exit 1
    fi
    if [ "${1:-}" != --check ]; then
        cat "$new" >"$page"
    elif ! cmp -s "$new" "$page"; then
        echo "$page: a table is not what its CSV file says; run tools/result-tables.sh" >&2
        status=1
    fi
done
exit $status
