# flips.gp: how large a share of a layer's weights an update flips (FF ratio), over the training, on a log axis; a panel for each method
# and T, a curve for each layer. Parts of the training without a flip have no point.
call 'style.gp' ARG1 ARG2 ARG3

stats table using (datasets = with_name(datasets, strcol("dataset")), seeds = count_seeds(column("n")), 0) nooutput
panel(unused) = strcol("method") . ', T = ' . strcol("T") . (words(datasets) > 1 ? "\n" . strcol("dataset") : '')
curve(unused) = strcol("layer")
x(unused) = column("update")
y(unused) = column("mean") > 0 ? column("mean") : NaN
dy(unused) = 0
bars = 0
per_row = 2
x_name = 'update'
y_name = 'share of weights flipped'
y_format = '%g'
style = 'lines'
figure_title = 'Flips over the training (' . mean_of_seeds(0) . ')'
x_range = "tic = 10 ** floor(log10(right)); set xrange [0:1.02 * right]; eval 'set xtics ' . sprintf('%g', right / tic < 2.5 ? tic / 2 : right / tic > 5 ? 2 * tic : tic)"
y_range = "set logscale y; set yrange [10 ** floor(log10(lowest)):smaller(1, 10 ** ceil(log10(highest)))]"
load 'curves.gp'
