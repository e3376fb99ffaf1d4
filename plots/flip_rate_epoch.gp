# flip_rate_epoch.gp: share of the one-bit weights that an update flips (FF ratio), against epoch, on a log axis; a panel
# for each data set and T. Epochs without a flip have no point there.
call 'style.gp' ARG1 ARG2 ARG3

stats table using (note(0), note_epoch(0)) nooutput
eval order_steps
eval choose_panels
eval lay_out
eval page(width, height)
bands = words(methods) <= 6 # more of them would cover each other
figure_title = 'Flips per update and weight (' . (bands ? over_seeds('band') : mean_of_seeds(0)) . ')'
eval panel_margins

positive(x) = x > 0 ? x : NaN
set xlabel 'epoch'
set logscale y
do for [d in datasets] {
    # The axis spans whole decades.
    lowest = 1e300; highest = 1e-300
    set autoscale
    stats table using (strcol("dataset") ne d || column("mean") <= 0 ? 0 : \
        (lowest = smaller(lowest, column("mean")), highest = larger(highest, column("mean")), 0)) nooutput
    bottom = lowest < 1e300 ? 10 ** floor(log10(lowest)) : 1e-6
    top = lowest < 1e300 ? 10 ** (floor(log10(highest)) + 1) : 1
    do for [T in steps] {
        if (!has(pairs, pair(d, T))) { continue }
        eval next_panel
        eval new_panel
        stats table using (note_panel(d, T)) nooutput
        eval epoch_axis
        set yrange [bottom:top]
        set title panel_title(d, T) offset 0, -0.5
        if (first_of_row) { set ylabel 'flips per update and weight' offset 1, 0 } else { unset ylabel }
        if (first_of_row || !grid) { set format y '%.0e' } else { set format y '' }
        unset key
        plot for [i = 1:(bands ? words(present) : 0)] table using (row(d, T, word(present, i), "epoch")): \
                 (larger(bottom, column("mean") - sd(0))):(column("mean") + sd(0)) \
                 with filledcurves lt position(methods, word(present, i)), \
             for [m in present] table using (row(d, T, m, "epoch")):(positive(column("mean"))) \
                 with linespoints lt position(methods, m) pi marker_every
    }
}
load 'legend.gp'
