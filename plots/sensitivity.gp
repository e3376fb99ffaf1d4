# sensitivity.gp: validation accuracy of every trial of tuning against each value that was drawn; a row for each method, a panel for each
# key. The best trial of a method is marked in all of its panels. The other keys vary, too: a flat cloud is an insensitive key.
call 'style.gp' ARG1 ARG2 ARG3

pairs = '' # of method and key
pair(unused) = strcol("label") . "\t" . strcol("key")
stats table using (methods = with_name(methods, strcol("label")), pairs = with_name(pairs, pair(0)), 0) nooutput
most = 1
do for [m in methods] {
    keys = 0
    do for [p in pairs] { if (strstrt(p, m . "\t") == 1) { keys = keys + 1 } }
    most = larger(most, keys)
}
width = 90 + 290 * most
height = 80 + 235 * words(methods)
eval page(width, height)
set multiplot title 'Validation accuracy (%) of the trials against each value drawn; the best trial is ringed'
unset key
set logscale x
set format x '%.0e'
set tics font ",11"
do for [i = 1:words(methods)] {
    m = word(methods, i)
    best = -1e300; lowest = 1e300
    set autoscale
    stats table using (strcol("label") ne m ? 0 : (y = column("validation_percent"), best = y > best ? y : best, \
        lowest = y < lowest ? y : lowest, 0)) nooutput
    set yrange [larger(0, 10 * floor(lowest / 10)):smaller(100, 10 * ceil(best / 10 + 0.1))]
    set tmargin at screen 1 - (80.0 + 235 * (i - 1)) / height
    set bmargin at screen 1 - (80.0 + 235 * (i - 1) + 145) / height
    column_of_panel = 0
    do for [p in pairs] {
        if (strstrt(p, m . "\t") != 1) { continue }
        key_name = p[strlen(m) + 2:*]
        set lmargin at screen (75.0 + 290 * column_of_panel) / width
        set rmargin at screen (75.0 + 290 * column_of_panel + 235) / width
        set xlabel key_name offset 0, 0.6
        if (column_of_panel == 0) { set title m offset 0, -0.6; set format y '%g' } else { set title ' '; set format y '' }
        set autoscale x
        plot table using (pair(0) eq p ? column("value") : NaN):(column("validation_percent")) \
                 with points lt i pt 7 ps 0.8, \
             table using (pair(0) eq p && column("validation_percent") == best ? column("value") : NaN):(column("validation_percent")) \
                 with points lc rgb "#D00000" pt 6 ps 2.2 lw 2
        column_of_panel = column_of_panel + 1
    }
}
unset multiplot
