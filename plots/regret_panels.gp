# regret_panels.gp: what the pictures of `bso regret` share: a row of panels for each family of problems, a column for each
# rule, log-log, one legend. Before: entries (the legend), figure_title, y_label; quantity (a regular expression: the curves that an
# axis must hold), only (likewise: readings), divided (1: by k), guides (slopes), and curves, each "READING|QUANTITY|LINETYPE".

families = ''; rules = ''; readings = ''; places = '' # of family and d
place(unused) = strcol("family") . "\t" . strcol("d")
stats table using (families = with_name(families, strcol("family")), rules = with_name(rules, strcol("rule")), \
    readings = with_name(readings, strcol("reading")), places = with_name(places, place(0)), 0) nooutput

# Of several dimensions the one in the middle is drawn: 64 of 8, 64, 256.
choose_dimension = "found = ''; do for [p in places] { if (strstrt(p, family . \"\\t\") == 1) { found = with_name(found, p[strlen(family) + 2:*]) } }; \
                    d = word(found, (words(found) + 1) / 2)"

family_title(f) = f eq 'adversary' ? 'adaptive adversary' : f eq 'replay' ? 'its sequence replayed' : f eq 'alternating' ? 'alternating, period 2' : \
    f eq 'alternating_long' ? 'alternating, period 1000' : f eq 'linear' ? 'linear, mean 0' : f eq 'linear_drift' ? 'linear, mean 0.2' : \
    f eq 'least_squares' ? 'teacher, least squares' : f eq 'logistic' ? 'teacher, logistic' : f
rule_title(r) = r eq 'bso' ? 'BSO' : r eq 'tbso' ? 'T-BSO' : r

# One curve's lines of the table: a whole table is slow to go through for each of them.
rows_of(reading, quantity) = sprintf("< awk -F '\\t' 'NR == 1 || ($1 == \"%s\" && $2 == %s && $3 == \"%s\" && $4 == \"%s\" && $6 == \"%s\")' '%s'", \
    family, d, rule, reading, quantity, table)
# "LOWEST HIGHEST FIRST ROUNDS" of a panel's positive values.
extent(only) = system(sprintf("awk -F '\\t' '$1 == \"%s\" && $2 == %s && $3 == \"%s\" && $4 ~ /^(%s)$/ && $6 ~ /^(%s)$/ && $7 > 0 { \
    y = $7 / (%d ? $5 : 1); if (!n++ || y < low) low = y; if (n == 1 || y > high) high = y; if ($5 == 1 && first == 0) first = y; if ($5 > k) k = $5 } \
    END { print n ? low : 1, n ? high : 10, first ? first : 1, k ? k : 10 }' '%s'", family, d, rule, only, quantity, divided, table))
y_of(unused) = column("mean") > 0 ? column("mean") / (divided ? column("k") : 1) : NaN

# The curves that have something to draw in a panel, as "READING|QUANTITY": gnuplot would complain of the others.
present_in_panel(unused) = system(sprintf("awk -F '\t' '$1 == \"%s\" && $2 == %s && $3 == \"%s\" && $7 > 0 && !seen[$4, $6]++ { printf \"\\\"%%s|%%s\\\" \", $4, $6 }' '%s'", \
    family, d, rule, table))
# The plot command for a panel.
part(text, i) = (cut1 = strstrt(text, '|'), cut2 = cut1 + strstrt(text[cut1 + 1:*], '|'), \
    i == 1 ? text[1:cut1 - 1] : i == 2 ? text[cut1 + 1:cut2 - 1] : text[cut2 + 1:*])
put_together = "draw_panel = guide_lines; do for [c in curves] { if (has(present, part(c, 1) . '|' . part(c, 2))) { draw_panel = draw_panel . \
    sprintf(\", rows_of('%s', '%s') using 'k':(y_of(0)) with lines lt %s\", part(c, 1), part(c, 2), part(c, 3)) } }"
guide_lines = "plot for [slope in guides] [t=0:1] '+' using (last ** $1):(first * last ** ($1 * slope)) with lines lc rgb '#808080' lw 1 dt (3, 3)"

panels = words(rules); rows = words(families)
legend_style = 'lines'
width = larger(900, 110 + 430 * panels)
unused = fit_legend(entries)
head = 112; across = 75; down = 74; panel_height = 200
height = head + rows * panel_height + (rows - 1) * down + 62 + key_height
eval page(width, height)
set multiplot title figure_title layout rows, panels \
    margins screen 95.0 / width, screen 1 - 25.0 / width, screen (62.0 + key_height) / height, screen 1 - 1.0 * head / height \
    spacing screen 1.0 * across / width, screen 1.0 * down / height
set logscale xy
set xtics ('1' 1, '10' 10, '100' 100, '1000' 1000, '10⁴' 1e4, '10⁵' 1e5, '10⁶' 1e6, '10⁷' 1e7, '10⁸' 1e8, '10⁹' 1e9)
set ytics ('10⁻⁶' 1e-6, '10⁻⁵' 1e-5, '10⁻⁴' 1e-4, '0.001' 1e-3, '0.01' 1e-2, '0.1' 0.1, '1' 1, '10' 10, '100' 100, '1000' 1000, '10⁴' 1e4, '10⁵' 1e5, \
    '10⁶' 1e6, '10⁷' 1e7, '10⁸' 1e8, '10⁹' 1e9)
unset key
drawn = 0
do for [family in families] {
    eval choose_dimension
    do for [rule in rules] {
        drawn = drawn + 1
        set title sprintf('%s, d = %s: %s', family_title(family), d, rule_title(rule)) offset 0, -0.6
        if (drawn > (rows - 1) * panels) { set xlabel 'round k' offset 0, 0.3 } else { unset xlabel }
        if (drawn % panels == 1 || panels == 1) { set ylabel y_label offset 0, 0 } else { unset ylabel }
        limits = extent(only)
        first = real(word(limits, 3)); last = real(word(limits, 4))
        set xrange [1:last]
        set yrange [larger(0.6 * real(word(limits, 1)), 1e-7 * real(word(limits, 2))):1.7 * real(word(limits, 2))]
        present = present_in_panel(0)
        eval put_together
        eval draw_panel
    }
}
load 'legend.gp'
