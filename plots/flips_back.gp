# flips_back.gp: the share of all flips that undo an earlier flip of the same weight, by how many updates ago that was at most; a panel for
# each method and T, a curve for each layer.
call 'style.gp' ARG1 ARG2 ARG3

stats table using (datasets = with_name(datasets, strcol("dataset")), seeds = count_seeds(column("n")), 0) nooutput
panel(unused) = strcol("method") . ', T = ' . strcol("T") . (words(datasets) > 1 ? "\n" . strcol("dataset") : '')
curve(unused) = strcol("layer")
x(unused) = column("within")
y(unused) = 100 * column("mean")
dy(unused) = 100 * sd(0)
bars = 1
per_row = 2
x_name = 'flipped back within so many updates'
y_name = 'share of all flips (%)'
y_format = '%g'
style = 'linespoints'
figure_title = 'Flips that are undone (' . over_seeds('bars') . ')'
x_range = "set logscale x 2; set xrange [left / 1.2:right * 1.2]"
y_range = "set yrange [0:100]"
load 'curves.gp'
