# legend.gp: the last step of a page of panels: one legend for all of them, in an empty panel of the page's width below.
# It names the list `legend`, drawn in `legend_style`.

set lmargin at screen 0.02
set rmargin at screen 0.98
set bmargin at screen 4.0 / height
set tmargin at screen (4.0 + key_height) / height
set key center bottom horizontal Left reverse samplen 4 maxcols key_columns
unset border; unset tics; unset grid; unset title; unset xlabel; unset ylabel; unset logscale
set xrange [0:1]; set yrange [0:1]
plot NaN notitle, for [i = 1:words(legend)] keyentry with @legend_style lt i title word(legend, i)
unset multiplot
