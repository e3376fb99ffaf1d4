# memory_steps.gp: training memory against the number of time steps T, a panel for each network and batch. Lines: planned by the
# code that trains; markers: measured in a training; grey: what the paper's Figure 4 reports.
call 'style.gp' ARG1 ARG2 ARG3

# A panel's name serves as its data set, the method's label as its method.
panel_of(unused) = strcol("network") . ', ' . strcol("classes") . ' classes, batch ' . strcol("batch")
last = 1
stats table using (datasets = with_name(datasets, panel_of(0)), methods = with_name(methods, strcol("label")), \
                   last = larger(last, column("T")), 0) nooutput
panels = words(datasets) < 3 ? words(datasets) : 3
rows = (words(datasets) + panels - 1) / panels
eval lay_out
eval page(width, height)
figure_title = 'Memory of training, without samples: planned (lines), measured (markers), the paper (grey)'
eval panel_margins

in(d, label) = panel_of(0) eq d && strcol("label") eq label
set xlabel 'time steps T'
set ylabel 'MB (10^6 bytes)'
set logscale y
set xrange [0:last + 1]
unset key
do for [d in datasets] {
    lowest = 1e300; highest = 0; trained = ''; reported = ''
    set autoscale y
    note_row(label) = (lowest = smaller(lowest, column("planned_MB")), highest = larger(highest, column("planned_MB")), \
        trained = column("measured_MB") > 0 ? with_name(trained, label) : trained, \
        reported = column("paper_MB") > 0 ? with_name(reported, label) : reported, \
        highest = column("paper_MB") > highest ? column("paper_MB") : highest, 0)
    stats table using (panel_of(0) eq d ? note_row(strcol("label")) : 0) nooutput
    set yrange [0.8 * lowest:1.5 * highest]
    set title d offset 0, -0.5
    set ylabel (position(datasets, d) % panels == 1 || panels == 1 ? 'MB (10^6 bytes)' : '')
    plot for [m in methods] table using (in(d, m) ? column("T") : NaN):(column("planned_MB")) with lines lt position(methods, m), \
         for [m in trained] table using (in(d, m) ? column("T") : NaN):(column("measured_MB")) with points lt position(methods, m) dt 1, \
         for [m in reported] table using (in(d, m) ? column("T") : NaN):(column("paper_MB")) with points pt 7 ps 1.2 lc rgb "#A0A0A0", \
         for [m in reported] table using (in(d, m) && column("T") == last ? last : NaN):(column("paper_MB")):('paper: ' . m) \
             with labels right offset -1, 0.7 tc rgb "#606060"
}
legend_style = 'linespoints'
load 'legend.gp'
