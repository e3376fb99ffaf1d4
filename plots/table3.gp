# table3.gp: accuracy, and below it how large a share of the weights an update flips, against the threshold gamma; a column for what was run
# here on each data set, and one for the accuracies that the paper reports. The mean of gamma = 0 has no place on a log axis.
call 'style.gp' ARG1 ARG2 ARG3

pages = '' # of source and data set
least = 1e300; most = 0; fewest = 1e300; flips = 0
stats table using (pages = with_name(pages, pair(strcol("source"), strcol("dataset"))), methods = with_name(methods, strcol("method")), \
    seeds = count_seeds(column("n")), g = column("gamma"), least = g > 0 ? smaller(least, g) : least, most = larger(most, g), 0) nooutput
stats table using (f = column("flip_rate"), f > 0 ? (fewest = smaller(fewest, f), flips = larger(flips, f), 0) : 0) nooutput
rows = 2
panels = words(pages)
eval lay_out
height = height - 220
eval page(width, height)
figure_title = 'The threshold γ (here: ' . over_seeds('bars') . ')'
down = 80; across = 70
eval panel_margins

of(page, method) = pair(strcol("source"), strcol("dataset")) eq page && strcol("method") eq method
x(page, method) = of(page, method) && column("gamma") > 0 ? column("gamma") : NaN
set logscale x
set format x '%.0e'
set xtics 100
unset key
do for [i = 1:panels] {
    p = word(pages, i)
    paper = p[1:6] eq "paper\t"
    name = p[strstrt(p, "\t") + 1:*]
    lowest = 1e300; highest = -1e300; present = ''
    set autoscale
    stats table using (pair(strcol("source"), strcol("dataset")) ne p ? 0 : (present = with_name(present, strcol("method")), lowest = smaller(lowest, column("mean") - sd(0)), \
        highest = larger(highest, column("mean") + sd(0)), 0)) nooutput
    set xrange [least / 2:most * 2]
    set yrange [larger(0, floor(lowest - 1)):smaller(100, ceil(highest + 1))]
    set title (paper ? "the paper: " : "here: ") . name offset 0, -0.5
    if (i == 1) { set ylabel 'test accuracy (%)' } else { unset ylabel }
    if (paper) { set object 1 rectangle from graph 0, 0 to graph 1, 1 behind fc rgb "#EFEFEF" fs solid noborder; set xlabel 'γ' } else { unset object 1; unset xlabel }
    plot for [m in present] table using (x(p, m)):(column("mean")):(sd(0)) with yerrorbars lt position(methods, m) dt 1, \
         for [m in present] table using (x(p, m)):(column("mean")) with linespoints lt position(methods, m)
}
unset object 1
unset title
set logscale y
set format y '%.0e'
set xlabel 'γ'
do for [i = 1:panels] {
    p = word(pages, i)
    if (p[1:6] eq "paper\t") { set multiplot next; continue }
    present = ''
    set autoscale
    stats table using (pair(strcol("source"), strcol("dataset")) eq p && column("flip_rate") > 0 ? (present = with_name(present, strcol("method")), 0) : 0) nooutput
    set xrange [least / 2:most * 2]
    set yrange [10 ** floor(log10(fewest)):larger(1, flips)]
    if (i == 1) { set ylabel 'flips per update and weight' offset 1, 0 } else { unset ylabel }
    plot for [m in present] table using (x(p, m)):(column("flip_rate") > 0 ? column("flip_rate") : NaN) \
             with linespoints lt position(methods, m)
}
load 'legend.gp'
