# accuracy_memory.gp: test accuracy after the last epoch against training memory; a panel for each data set, a point for each method and T.
# Many methods need the same memory: their points stand side by side. Those of one method at several T are joined.
call 'style.gp' ARG1 ARG2 ARG3

seeds = 1
stats table using (datasets = with_name(datasets, strcol("dataset")), methods = with_name(methods, strcol("method")), \
    seeds = count_seeds(column("seeds")), 0) nooutput
rows = words(datasets)
panels = 1
eval lay_out
eval page(width, height)
figure_title = 'Test accuracy against training memory without the samples (' . over_seeds('bars') . ')'
eval panel_margins

spread(unused) = column("seeds") > 1 ? column("test_accuracy_percent_sd") : 0
beside(method) = 0.007 * (position(methods, method) - (words(methods) + 1) / 2.0)
at(dataset, method) = strcol("dataset") ne dataset || strcol("method") ne method ? NaN : \
    logarithmic ? column("training_memory_MB") * (most / least) ** beside(method) : column("training_memory_MB") + room * 8 * beside(method)
size(unused) = 1.2 + 0.3 * log(column("T")) / log(2)
set xlabel 'training memory (MB, 10^6 bytes); equal ones side by side, larger points for larger T'
set ylabel 'test accuracy (%)'
do for [d in datasets] {
    least = 1e300; most = 0; lowest = 1e300; highest = -1e300; present = ''
    set autoscale
    unset logscale
    stats table using (strcol("dataset") ne d ? 0 : (present = with_name(present, strcol("method")), m = column("training_memory_MB"), least = smaller(least, m), most = larger(most, m), \
        lowest = smaller(lowest, column("test_accuracy_percent") - spread(0)), \
        highest = larger(highest, column("test_accuracy_percent") + spread(0)), 0)) nooutput
    set yrange [larger(0, lowest - 1):smaller(100, highest + 1)]
    logarithmic = most / least > 5
    room = larger(0.08 * (most - least), 0.02 * most)
    if (logarithmic) { set logscale x; set xrange [least / 1.2:most * 1.3] } else { set xrange [least - room:most + 1.6 * room] }
    set title d offset 0, -0.5
    unset key
    plot for [m in present] table using (at(d, m)):(column("test_accuracy_percent")) with lines lt position(methods, m) dt 1 lw 1, \
         for [m in present] table using (at(d, m)):(column("test_accuracy_percent")):(spread(0)) with yerrorbars lt position(methods, m) dt 1 pt -1, \
         for [m in present] table using (at(d, m)):(column("test_accuracy_percent")):(size(0)) with points lt position(methods, m) ps variable
}
legend_style = 'points'
load 'legend.gp'
