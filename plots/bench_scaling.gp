# bench_scaling.gp: images per second of training against threads, batch, T and width, log-log; a column for each of these, a line for
# each file and network.
call 'style.gp' ARG1 ARG2 ARG3

axes = ''
line_of(unused) = strcol("bench") . ': ' . strcol("network")
lowest = 1e300; highest = 0
stats table using (axes = with_name(axes, strcol("axis")), methods = with_name(methods, line_of(0)), \
    lowest = smaller(lowest, column("median_images_per_s")), highest = larger(highest, column("median_images_per_s")), 0) nooutput
panels = words(axes)
rows = 1
width = larger(900, 100 + 270 * panels)
unused = fit_legend(methods)
head = 50; across = 30
height = 380 + key_height
eval page(width, height)
figure_title = 'Images per second of training, T-BSO with OTTT (medians)'
eval panel_margins

set logscale xy
unset key
bottom = 10 ** floor(log10(lowest)); top = 10 ** ceil(log10(highest))
named = ''; unnamed = ''
do for [i = int(floor(log10(bottom) + 0.5)):int(floor(log10(top) + 0.5))] {
    comma = strlen(named) ? ', ' : ''
    named = named . comma . sprintf("'%s' %g", i > 3 ? word("10⁴ 10⁵ 10⁶ 10⁷", i - 3) : sprintf('%g', 10.0 ** i), 10.0 ** i)
    unnamed = unnamed . comma . sprintf("'' %g", 10.0 ** i)
}
do for [a in axes] {
    left = 1e300; right = 0; values = ''; present = ''
    note_x(x) = (left = smaller(left, x), right = larger(right, x), values = with_name(values, sprintf('%g', x)), \
                 present = with_name(present, line_of(0)), 0)
    set autoscale
    stats table using (strcol("axis") eq a ? note_x(column("x")) : 0) nooutput
    marks = ''
    do for [v in values] { marks = marks . (strlen(marks) ? ', ' : '') . sprintf("'%s' %s", v, v) }
    first = a eq word(axes, 1)
    eval 'set xtics (' . marks . ')'
    eval 'set ytics (' . (first ? named : unnamed) . ')'
    set ylabel (first ? 'images per second' : '')
    set xlabel (a eq 'T' ? 'time steps T' : a eq 'width' ? 'channels, relative' : a)
    set xrange [left / 1.2:right * 1.2]
    set yrange [bottom:top]
    plot for [m in present] table using (strcol("axis") eq a && line_of(0) eq m ? column("x") : NaN):(column("median_images_per_s")) \
         with linespoints lt position(methods, m)
}
load 'legend.gp'
