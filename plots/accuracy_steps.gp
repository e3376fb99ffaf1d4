# accuracy_steps.gp: test accuracy after the last epoch against the number of time steps T; a panel for each data set.
call 'style.gp' ARG1 ARG2 ARG3

stats table using (note(0)) nooutput
rows = words(datasets)
panels = 1
eval lay_out
eval page(width, height)
figure_title = 'Test accuracy after the last epoch (' . over_seeds('bars') . ')'
eval panel_margins

# Bars of methods at the same T stand side by side.
shift(method) = 0.06 * (position(methods, method) - (words(methods) + 1) / 2.0)
first = 1e9; last = 0
stats table using (first = smaller(first, column("T")), last = larger(last, column("T")), 0) nooutput
T_tics = ''
do for [T in steps] { T_tics = T_tics . (strlen(T_tics) ? ', ' : '') . sprintf('"%s" %s', T, T) }

set xlabel 'time steps T'
set ylabel 'test accuracy (%)'
eval 'set xtics (' . T_tics . ')'
do for [d in datasets] {
    eval new_panel
    stats table using (note_panel(d, '')) nooutput
    # Bars, too, have their room.
    stats table using (!in_panel(d, '') ? 0 : (lowest = smaller(lowest, column("mean") - sd(0)), \
                       highest = larger(highest, column("mean") + sd(0)), 0)) nooutput
    set yrange [larger(0, 5 * floor(lowest / 5 - 0.2)):smaller(100, 5 * ceil(highest / 5 + 0.2))]
    set xrange [first - 0.5:last + 0.5]
    set title d offset 0, -0.5
    unset key
    plot for [m in present] table using (row(d, '', m, "T") + shift(m)):(column("mean")):(sd(0)) \
             with yerrorbars lt position(methods, m) dt 1, \
         for [m in present] table using (row(d, '', m, "T") + shift(m)):(column("mean")) \
             with linespoints lt position(methods, m)
}
load 'legend.gp'
