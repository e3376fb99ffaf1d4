# fig5.gp: accuracy against the number of time steps; a panel for what was run here on each data set, and one for what the paper reports.
call 'style.gp' ARG1 ARG2 ARG3

pages = '' # of source and data set
stats table using (pages = with_name(pages, pair(strcol("source"), strcol("dataset"))), methods = with_name(methods, strcol("method")), \
    steps = with_name(steps, strcol("T")), seeds = count_seeds(column("n")), 0) nooutput
eval order_steps
rows = 1
panels = words(pages)
eval lay_out
eval page(width, height)
figure_title = 'Test accuracy against the number of time steps (here: ' . over_seeds('bars') . ')'
across = 60
eval panel_margins

of(page, method) = pair(strcol("source"), strcol("dataset")) eq page && strcol("method") eq method
first = 1e9; last = 0
stats table using (first = smaller(first, column("T")), last = larger(last, column("T")), 0) nooutput
T_tics = ''
do for [T in steps] { T_tics = T_tics . (strlen(T_tics) ? ', ' : '') . sprintf('"%s" %s', T, T) }
shift(method) = 0.05 * (position(methods, method) - (words(methods) + 1) / 2.0)
set xlabel 'time steps T'
eval 'set xtics (' . T_tics . ')'
unset key
do for [i = 1:panels] {
    p = word(pages, i)
    lowest = 1e300; highest = -1e300; present = ''
    set autoscale
    stats table using (pair(strcol("source"), strcol("dataset")) ne p ? 0 : (present = with_name(present, strcol("method")), lowest = smaller(lowest, column("mean") - sd(0)), \
        highest = larger(highest, column("mean") + sd(0)), 0)) nooutput
    set yrange [larger(0, floor(lowest - 0.5)):smaller(100, ceil(highest + 0.5))]
    set xrange [first - 0.5:last + 0.5]
    paper = p[1:6] eq "paper\t"
    name = p[strstrt(p, "\t") + 1:*]
    set title (paper ? "the paper: " . name : "here: " . panel_title(name, '')[1:strlen(panel_title(name, '')) - 6]) offset 0, -0.5
    if (i == 1) { set ylabel 'test accuracy (%)' } else { unset ylabel }
    if (paper) { set object 1 rectangle from graph 0, 0 to graph 1, 1 behind fc rgb "#EFEFEF" fs solid noborder } else { unset object 1 }
    plot for [m in present] table using (of(p, m) ? column("T") + shift(m) : NaN):(column("mean")):(sd(0)) \
             with yerrorbars lt position(methods, m) dt 1, \
         for [m in present] table using (of(p, m) ? column("T") + shift(m) : NaN):(column("mean")) \
             with linespoints lt position(methods, m)
}
unset object 1
load 'legend.gp'
