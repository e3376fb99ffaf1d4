# memory_steps.gp: training memory against the number of time steps T, a panel for each network and batch. Lines: planned by the
# code that trains; markers: measured in a training; grey: what the paper's Figure 4 reports.
call 'style.gp' ARG1 ARG2 ARG3

# A panel's name serves as its data set, the method's label as its method.
panel_of(unused) = strcol("network") . ', ' . strcol("classes") . ' classes, batch ' . strcol("batch")
last = 1
stats table using (datasets = with_name(datasets, panel_of(0)), methods = with_name(methods, strcol("label")), \
                   last = larger(last, column("T")), 0) nooutput
# The table ends with the methods of interest: they come first, so that what lies on them is drawn dashed above.
order = methods; methods = ''
do for [i = 1:words(order)] { methods = methods . quoted(word(order, words(order) + 1 - i)) }
across = 70
panels = words(datasets) < 3 ? words(datasets) : 3
rows = (words(datasets) + panels - 1) / panels
eval lay_out
eval page(width, height)
figure_title = 'Memory of training, without samples: planned (lines), measured (markers), the paper (grey)'
eval panel_margins

in(d, label) = panel_of(0) eq d && strcol("label") eq label
set xlabel 'time steps T'
set logscale y
set xrange [0:last + 0.05 * last + 0.2]
every_fifth(T) = T == 1 || int(T) % 5 == 0 || T == last
# The last but one is written below its mark: its neighbour is close above.
aside(label) = position(reported, label) > 1 && position(reported, label) == words(reported) - 1 ? -0.7 : 0.7
paper(label) = strstrt(label, 'BPTT') ? 'BPTT' : label
unset key
do for [d in datasets] {
    lowest = 1e300; highest = 0; trained = ''; reported = ''
    set autoscale y
    note_row(label) = (lowest = smaller(lowest, column("planned_MB")), highest = larger(highest, column("planned_MB")), \
        trained = column("measured_MB") > 0 ? with_name(trained, label) : trained, \
        reported = column("paper_MB") > 0 ? with_name(reported, label) : reported, \
        highest = column("paper_MB") > highest ? column("paper_MB") : highest, 0)
    stats table using (panel_of(0) eq d ? note_row(strcol("label")) : 0) nooutput
    set yrange [0.8 * lowest / 1e3:1.5 * highest / 1e3]
    set title d offset 0, -0.5
    set ylabel (position(datasets, d) % panels == 1 || panels == 1 ? 'GB (10^9 bytes)' : '')
    what = "plot for [m in methods] table using (in(d, m) ? column('T') : NaN):(column('planned_MB') / 1e3) with lines lt position(methods, m)"
    if (words(trained)) {
        what = what . ", for [m in trained] table using (in(d, m) ? column('T') : NaN):(column('measured_MB') / 1e3) " . \
                      "with points lt position(methods, m) dt 1"
    }
    if (words(reported)) {
        what = what . ", for [m in reported] table using (in(d, m) && every_fifth(column('T')) ? column('T') : NaN):" . \
                      "(column('paper_MB') / 1e3) with points pt 7 ps 0.7 lc rgb '#A0A0A0', " . \
                      "for [m in reported] table using (in(d, m) && column('T') == last ? last : NaN):(column('paper_MB') / 1e3):" . \
                      "('paper: ' . paper(m)) with labels right offset 0, aside(m) tc rgb '#606060'"
    }
    eval what
}
legend_style = 'linespoints'
load 'legend.gp'
