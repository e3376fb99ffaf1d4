# accuracy_epoch.gp: test accuracy against epoch; a row of panels for each data set, a panel for each T.
call 'style.gp' ARG1 ARG2 ARG3

stats table using (note(0), note_epoch(0)) nooutput
eval order_steps
rows = words(datasets)
panels = words(steps)
eval lay_out
eval page(width, height)
bands = words(methods) <= 6 # more of them would cover each other
figure_title = 'Test accuracy while training (' . (bands ? over_seeds('band') : sprintf('mean of %d seeds', seeds)) . ')'
eval panel_margins

set xlabel 'epoch'
do for [d in datasets] {
    eval new_panel
    stats table using (note_panel(d, '')) nooutput
    bottom = larger(0, 5 * floor(lowest / 5))
    top = smaller(100, 5 * ceil(highest / 5 + 0.2))
    do for [T in steps] {
        eval new_panel
        stats table using (note_panel(d, T)) nooutput
        eval epoch_axis
        set yrange [bottom:top]
        set title sprintf("%s, T = %s", d, T) offset 0, -0.5
        if (T eq word(steps, 1)) { set ylabel 'test accuracy (%)'; set format y '%g' } \
        else { unset ylabel; set format y '' }
        unset key
        plot for [i = 1:(bands ? words(present) : 0)] table \
                 using (row(d, T, word(present, i), "epoch")):(column("mean") - sd(0)):(column("mean") + sd(0)) \
                 with filledcurves lt position(methods, word(present, i)), \
             for [m in present] table using (row(d, T, m, "epoch")):(column("mean")) \
                 with linespoints lt position(methods, m) pi marker_every
    }
}
load 'legend.gp'
