# accuracy_epoch.gp: test accuracy against epoch; a panel for each data set and T.
call 'style.gp' ARG1 ARG2 ARG3

stats table using (note(0), note_epoch(0)) nooutput
eval order_steps
eval choose_panels
eval lay_out
eval page(width, height)
bands = words(methods) <= 6 # more of them would cover each other
figure_title = 'Test accuracy while training (' . (bands ? over_seeds('band') : mean_of_seeds(0)) . ')'
eval panel_margins

set xlabel 'epoch'
do for [d in datasets] {
    eval new_panel
    stats table using (note_panel(d, '')) nooutput
    bottom = larger(0, 5 * floor(lowest / 5))
    top = smaller(100, 5 * ceil(highest / 5 + 0.2))
    do for [T in steps] {
        if (!has(pairs, pair(d, T))) { continue }
        eval next_panel
        eval new_panel
        stats table using (note_panel(d, T)) nooutput
        eval epoch_axis
        set yrange [bottom:top]
        set title panel_title(d, T) offset 0, -0.5
        if (first_of_row) { set ylabel 'test accuracy (%)' } else { unset ylabel }
        if (first_of_row || !grid) { set format y '%g' } else { set format y '' }
        unset key
        plot for [i = 1:(bands ? words(present) : 0)] table \
                 using (row(d, T, word(present, i), "epoch")):(column("mean") - sd(0)):(column("mean") + sd(0)) \
                 with filledcurves lt position(methods, word(present, i)), \
             for [m in present] table using (row(d, T, m, "epoch")):(column("mean")) \
                 with linespoints lt position(methods, m) pi marker_every
    }
}
load 'legend.gp'
