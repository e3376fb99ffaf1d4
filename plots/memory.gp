# memory.gp: training memory by category, one stacked bar for each method and T; a panel for each data set. The samples
# themselves are left out: they are the same for every method.
call 'style.gp' ARG1 ARG2 ARG3

bars = ''
categories = ''
used = ''
bar(unused) = strcol("method") . ', T = ' . strcol("T")
drawn(unused) = strcol("category") ne 'dataset' && column("mean") > 0
stats table using (note(0), bars = with_name(bars, bar(0)), categories = with_name(categories, strcol("category")), \
    used = drawn(0) ? with_name(used, strcol("category")) : used, 0) nooutput

# In the order of the table; what nobody uses is left out.
label(c) = c eq 'weights_bits' ? 'one-bit weights' : c eq 'weights_latent' ? 'latent weights' : \
           c eq 'weights_float' ? 'float weights' : c eq 'optimizer' ? 'optimizer state' : \
           c eq 'neuron_state' ? 'neuron state' : c
shown = ''
labels = ''
do for [c in categories] { if (has(used, c)) { shown = with_name(shown, c); labels = with_name(labels, label(c)) } }

width = 1000
unused = fit_legend(labels)
# The bars of one data set; room for the one that has most.
present_bars = "bars = ''; stats table using (strcol('dataset') ne d ? 0 : (bars = with_name(bars, bar(0)), 0)) nooutput"
n = 0
longest_bar = longest(bars)
set autoscale
do for [d in datasets] { eval present_bars; n = larger(n, words(bars)) }
panel = 125 + 32 * n
height = 45 + panel * words(datasets) + key_height
eval page(width, height)
set multiplot title 'Training memory by category, without the samples'

# Boxes are laid end to end. place() is called once for each row: it gives the box its start and end and moves the bar's.
array end[n]
place(dataset, category) = strcol("dataset") ne dataset || strcol("category") ne category ? NaN : \
    (at = position(bars, bar(0)), from = end[at], end[at] = from + column("mean") / 1e6, end[at])

set style fill solid 1 border rgb "white"
set linetype 5 lc rgb "#F0E442" # large areas are easier on the eye without black
set linetype 9 lc rgb "#404040"
set lmargin at screen (30.0 + 9 * longest_bar) / width
set rmargin at screen 1 - 90.0 / width
set xlabel 'MB (10^6 bytes)' offset 0, 0.3
set grid noytics
unset key
do for [r = 1:words(datasets)] {
    d = word(datasets, r)
    set autoscale
    eval present_bars
    set yrange [n + 0.5:0.5]
    set ytics () scale 0
    do for [i = 1:words(bars)] { end[i] = 0; set ytics add (word(bars, i) i) }
    set tmargin at screen 1 - (70.0 + panel * (r - 1)) / height
    set bmargin at screen 1 - (70.0 + panel * r - 100) / height
    set title word(datasets, r) offset 0, -0.5
    set xrange [0:*]
    plot for [c = 1:words(shown)] table \
             using (place(word(datasets, r), word(shown, c))):(at):(from):(end[at]):(at - 0.36):(at + 0.36) \
             with boxxyerror lt c dt 1 lw 1, \
         for [i = 1:words(bars)] '+' every ::::0 using (end[i]):(i):(sprintf('%.2f', end[i])) with labels left offset 0.6, 0
}
legend_style = 'boxes dt 1'
load 'legend.gp'
