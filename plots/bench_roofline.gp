# bench_roofline.gp: each kernel of `bso bench` at its work for each byte moved, below the machine's peaks of one thread (Williams,
# Waterman and Patterson 2009); a panel for each file. Horizontal lines: arithmetic on registers; the slanted one: copying memory.
call 'style.gp' ARG1 ARG2 ARG3

# A panel is a file; the legend names kernels.
left = 1e300; right = 0
note_kernel(x) = (methods = with_name(methods, strcol("name")), left = smaller(left, x), right = larger(right, x), 0)
stats table using (datasets = with_name(datasets, strcol("bench")), strcol("kind") eq 'kernel' ? note_kernel(column("units_per_byte")) : 0) nooutput
nearest(x) = int(floor(x + 0.5))
left = 10 ** floor(log10(left) - 0.2); right = 10 ** ceil(log10(right) + 0.2)
panels = 1
rows = words(datasets)
down = 130
eval lay_out
width = 1150 # two columns of names
unused = fit_legend(methods)
height = 490 * rows + head - 1 + key_height
eval page(width, height)
figure_title = "Kernels on one thread against the machine's peaks, all measured"
eval panel_margins

set logscale xy
unset key
power(i) = i > 3 ? word("10⁴ 10⁵ 10⁶ 10⁷", i - 3) : sprintf('%g', 10.0 ** i)
tics(low, high) = (list = '', sum [i = nearest(log10(low)):nearest(log10(high))] \
    (list = list . (strlen(list) ? ', ' : '') . sprintf("'%s' %g", power(i), 10.0 ** i), 0), list)
set xlabel 'multiply-adds (products) or neurons (elementwise) for each byte read or written'
set ylabel '10⁹ of them per second'
# Peaks that lie on each other are named side by side.
name_at(name) = left * (name eq 'int16 look-ups' ? 20 : name eq 'bits counted' ? 150 : 1.2)
do for [d in datasets] {
    in(kind) = strcol("bench") eq d && strcol("kind") eq kind
    copying = NaN; lowest = 1e300; highest = 0; cpu = ''; present = ''
    note_peak(y) = strcol("unit") eq 'byte' ? (copying = y) : (highest = larger(highest, y))
    note_point(y) = (present = with_name(present, strcol("name")), lowest = smaller(lowest, y), highest = larger(highest, y))
    set autoscale
    stats table using (in('peak') ? note_peak(column("G_per_s")) : in('kernel') ? note_point(column("G_per_s")) : 0, \
                       cpu = strcol("bench") eq d ? strcol("cpu") : cpu, 0) nooutput
    if (present ne '') {
        bottom = 10 ** floor(log10(lowest)); top = 10 ** ceil(log10(1.2 * highest))
        set xrange [0.99 * left:right] # a mark at the very end might be left out
        set yrange [0.99 * bottom:top]
        eval 'set xtics (' . tics(left, right) . ')'
        eval 'set ytics (' . tics(bottom, top) . ')'
        set title d . ': ' . cpu offset 0, -0.5
        plot [left:right] '+' using 1:(copying * $1 < highest ? copying * $1 : NaN) with lines lc rgb '#808080' lw 2 dt 1, \
             table using (in('peak') && strcol("unit") ne 'byte' ? left : NaN):(column("G_per_s")):(right - left):(0) \
                 with vectors nohead lc rgb '#808080' lw 1 dt (6, 4), \
             table using (in('peak') && strcol("unit") ne 'byte' ? name_at(strcol("name")) : NaN):(column("G_per_s")):(strcol("name")) \
                 with labels left offset 0, 0.6 tc rgb '#606060', \
             for [m in present] table using (in('kernel') && strcol("name") eq m ? column("units_per_byte") : NaN):(column("G_per_s")) \
                 with points lt position(methods, m) ps 1.2
    }
}
legend_style = 'points'
load 'legend.gp'
