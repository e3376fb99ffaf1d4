# curves.gp: a page of panels with curves in each, all panels with the same axes: what fig3, flips, flips_back and table3_v have in common.
# To be loaded behind style.gp by a figure that has set
#   panel(0), curve(0)   the names of the panel and the curve that a row of the table belongs to
#   x(0), y(0), dy(0)    the point, NaN for none, and half the height of its bar
#   bars                 are bars drawn?
#   per_row              panels in a row
#   x_name, y_name, y_format, figure_title
#   x_range, y_range     commands for the axes, in which left, right, lowest and highest are what there is
#   style                how curves are drawn: 'lines' or 'linespoints'

all_panels = ''; curves = ''
y_label_offset = y_format eq '%g' ? 1.15 : 1 # of wider labels
left = 1e300; right = -1e300; lowest = 1e300; highest = -1e300
stats table using (!is_number(y(0)) ? 0 : (all_panels = with_name(all_panels, panel(0)), curves = with_name(curves, curve(0)), 0)) nooutput
stats table using (!is_number(y(0)) ? 0 : (left = smaller(left, x(0)), right = larger(right, x(0)), lowest = smaller(lowest, y(0) - dy(0)), \
    highest = larger(highest, y(0) + dy(0)), 0)) nooutput
panels = smaller(per_row, words(all_panels))
rows = ceil(1.0 * words(all_panels) / panels)
methods = curves # they are what the legend names
legend_style = style
eval lay_out
height = height + (strstrt(all_panels, "\n") ? 20 : 0) - 180 * rows # these panels are lower
eval page(width, height)
down = 95; head = strstrt(all_panels, "\n") ? 100 : 80
eval panel_margins
unset key
do for [i = 1:words(all_panels)] {
    p = word(all_panels, i)
    first_of_row = (i - 1) % panels == 0
    last_row = i > words(all_panels) - panels
    set title p offset 0, -0.6
    if (first_of_row) { set ylabel y_name offset y_label_offset, 0; set format y y_format } else { unset ylabel; set format y '' }
    if (last_row) { set xlabel x_name } else { unset xlabel }
    present = ''
    set autoscale
    stats table using (panel(0) eq p && is_number(y(0)) ? (present = with_name(present, curve(0)), 0) : 0) nooutput
    eval x_range
    eval y_range
    plot for [j = 1:(bars ? words(present) : 0)] table \
             using (panel(0) eq p && curve(0) eq word(present, j) ? x(0) : NaN):(y(0)):(dy(0)) \
             with yerrorbars lt position(curves, word(present, j)) dt 1 pt 0 lw 1, \
         for [c in present] table using (panel(0) eq p && curve(0) eq c ? x(0) : NaN):(y(0)) \
             with @style lt position(curves, c)
}
load 'legend.gp'
