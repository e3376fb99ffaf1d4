# fig3.gp: cosine similarity between the gradients of two time steps against how far apart they are; a panel for each method and layer, a
# curve for each epoch.
call 'style.gp' ARG1 ARG2 ARG3

stats table using (datasets = with_name(datasets, strcol("dataset")), seeds = count_seeds(column("n")), 0) nooutput
panel(unused) = strcol("method") . ', T = ' . strcol("T") . "\n" . (words(datasets) > 1 ? strcol("dataset") . ', ' : '') . strcol("layer")
curve(unused) = 'epoch ' . strcol("epoch")
x(unused) = column("distance")
y(unused) = column("mean")
dy(unused) = sd(0)
bars = 1
per_row = 4
x_name = "time steps apart"
y_name = 'cosine similarity'
y_format = '%.1f'
style = 'linespoints'
figure_title = 'Weight gradients of different time steps (' . over_seeds('bars') . ')'
x_range = "set xrange [0.7:right + 0.3]; set xtics 1"
y_range = "set yrange [smaller(0, 0.1 * floor(lowest * 10)):larger(0.1, smaller(1, 0.1 * ceil(highest * 10)))]"
load 'curves.gp'
