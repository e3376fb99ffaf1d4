# table3_v.gp: v[t], by the root of which T-BSO divides, over the training; a panel for each layer at the first and the last time step, a
# curve for each gamma.
call 'style.gp' ARG1 ARG2 ARG3

last_step = 1
stats table using (datasets = with_name(datasets, strcol("dataset")), seeds = count_seeds(column("n")), last_step = larger(last_step, column("t")), \
    last_epoch = larger(last_epoch, column("epoch")), 0) nooutput
shown(unused) = column("t") == 1 || column("t") == last_step
panel(unused) = strcol("method") . ', ' . strcol("layer") . sprintf(', t = %d', shown(0) ? column("t") : 1) . (words(datasets) > 1 ? "\n" . strcol("dataset") : '')
curve(unused) = 'γ = ' . strcol("gamma")
x(unused) = column("epoch")
y(unused) = shown(0) && column("v") > 0 ? column("v") : NaN
dy(unused) = 0
bars = 0
per_row = 4
x_name = 'epoch'
y_name = 'v[t] at the epoch''s end'
y_format = '%g'
style = 'linespoints'
figure_title = 'Mean square of the gradient, v[t], whose root T-BSO divides by (' . mean_of_seeds(0) . ')'
x_range = "set xrange [0.7:last_epoch + 0.3]; if (last_epoch <= 10) { set xtics 1 }"
y_range = "set logscale y; set yrange [10 ** floor(log10(lowest)):10 ** ceil(log10(highest))]"
load 'curves.gp'
