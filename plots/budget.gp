# budget.gp: the best validation accuracy that a budget of so many trials would have found, on average; one line for each method.
call 'style.gp' ARG1 ARG2 ARG3

most = 1; lowest = 1e300; highest = -1e300
stats table using (methods = with_name(methods, strcol("label")), most = larger(most, column("trials")), \
    lowest = smaller(lowest, column("mean")), highest = larger(highest, column("mean")), 0) nooutput
rows = 1
panels = 2 # of the usual width: lines are close together
eval lay_out
panels = 1
eval page(width, height)
figure_title = 'What a smaller budget of tuning would have found, on average'
eval panel_margins

set xlabel 'trials'
set ylabel 'expected best validation accuracy (%)'
set xrange [0.5:most + 0.5]
set yrange [larger(0, 5 * floor(lowest / 5)):smaller(100, 5 * ceil(highest / 5 + 0.1))]
if (most <= 20) { set xtics 1, 1 }
unset key
plot for [m in methods] table using (strcol("label") eq m ? column("trials") : NaN):(column("mean")) \
         with linespoints lt position(methods, m) pi ceil(most / 16.0)
load 'legend.gp'
