# style.gp: what all figures share: reading tables, colours, sizes. It draws nothing.
#
# Every figure is `gnuplot -c FIGURE.gp TABLE OUTPUT svg|png`, run in this folder by draw.sh. Columns are found by
# their names in the table's first line.

table = ARG1
format = ARG3
output = ARG2

set encoding utf8
set datafile separator tab
set datafile columnheaders
set datafile missing NaN # a row left out by a filter does not break a line

# ---- lists of names: each in quotes, so that word(list, i) gives it back whole
quoted(s) = '"' . s . '" '
has(list, s) = strstrt(list, quoted(s)) > 0
with_name(list, s) = has(list, s) ? list : list . quoted(s)
position(list, s) = sum [i = 1:words(list)] (word(list, i) eq s ? i : 0)

# What the table is about, in its order, collected by note() in a first pass: `stats table using (note(0)) nooutput`.
datasets = ''
methods = ''
steps = ''
pairs = '' # of data set and T
seeds = 0
pair(name, T) = name . "\t" . T
note(unused) = (datasets = with_name(datasets, strcol("dataset")), methods = with_name(methods, strcol("method")), \
                steps = with_name(steps, strcol("T")), pairs = with_name(pairs, pair(strcol("dataset"), strcol("T"))), seeds = count_seeds(column("n")), 0)

# T in ascending order, whatever order they came in: after the first pass.
order_steps = "unordered = steps; steps = ''; \
               do for [number = 1:1024] { if (has(unordered, sprintf('%d', number))) { steps = with_name(steps, sprintf('%d', number)) } }"

# A row of panels for each data set and a panel for each T; but where data sets have not all the same T, two panels in a row with
# no gaps. After order_steps.
grid = 1 # are they in such rows and columns?
head = 75; across = 30; down = 110 # pixels above the panels and between them
choose_panels = "grid = words(pairs) == words(datasets) * words(steps); panels = grid ? words(steps) : 2; \
                 rows = grid ? words(datasets) : (words(pairs) + 1) / 2; \
                 drawn_panels = 0; if (!grid) { head = 100; across = 60; down = 140 }"
# Before each panel: is it the first of its row?
next_panel = "first_of_row = drawn_panels % panels == 0; drawn_panels = drawn_panels + 1"
# A long title on two lines.
panel_title(dataset, T) = (cut = strlen(dataset) > 30 ? strstrt(dataset, ' (') : 0, \
    (cut ? dataset[1:cut - 1] . "\n" . dataset[cut + 1:*] : dataset) . ', T = ' . T)

# One panel's rows, and the methods and the range of values among them: `stats table using (note_panel(...)) nooutput`
# after new_panel, which also takes off the ranges of the panel before: stats would count inside them only.
in_panel(dataset, T) = strcol("dataset") eq dataset && (T eq '' || strcol("T") eq T)
new_panel = "present = ''; lowest = 1e300; highest = -1e300; set autoscale"
note_panel(dataset, T) = !in_panel(dataset, T) ? 0 : (present = with_name(present, strcol("method")), \
                         lowest = smaller(lowest, column("mean")), highest = larger(highest, column("mean")), 0)
row(dataset, T, method, x) = in_panel(dataset, T) && strcol("method") eq method ? column(x) : NaN
last_epoch = 1
note_epoch(unused) = (last_epoch = larger(last_epoch, column("epoch")), 0)
epoch_axis = "set xrange [0.7:last_epoch + 0.3]; marker_every = ceil(last_epoch / 20.0); \
              if (last_epoch <= 10) { set xtics 1 }"
sd(unused) = column("n") > 1 ? column("sd") : 0
# Where rows have unequal numbers of seeds, the title says both the fewest and the most. What the paper reports counts none.
fewest_seeds = 1e300
count_seeds(n) = (fewest_seeds = n > 0 ? smaller(fewest_seeds, n) : fewest_seeds, larger(seeds, n))
mean_of_seeds(unused) = seeds <= 1 ? "one seed" : fewest_seeds < seeds ? sprintf("mean of %d to %d seeds", fewest_seeds, seeds) : \
                        sprintf("mean of %d seeds", seeds)
over_seeds(mark) = mean_of_seeds(0) . (seeds > 1 ? sprintf(", %s: ± 1 sd", mark) : '')
larger(a, b) = a > b ? a : b
is_number(x) = x > -1e300 && x < 1e300 # not NaN
smaller(a, b) = a < b ? a : b

# ---- colours that colour-blind readers tell apart (Okabe and Ito 2008, from 10 on Tol 2021), each with its own marker and dash
set linetype 1 lc rgb "#0072B2" lw 2 pt 7 dt 1
set linetype 2 lc rgb "#D55E00" lw 2 pt 5 dt (18, 4)
set linetype 3 lc rgb "#009E73" lw 2 pt 9 dt (9, 3)
set linetype 4 lc rgb "#CC79A7" lw 2 pt 13 dt (4, 3)
set linetype 5 lc rgb "#000000" lw 2 pt 11 dt (14, 3, 3, 3)
set linetype 6 lc rgb "#E69F00" lw 2 pt 6 dt (2, 2)
set linetype 7 lc rgb "#56B4E9" lw 2 pt 4 dt (9, 3, 2, 3)
set linetype 8 lc rgb "#7F7F7F" lw 2 pt 8 dt 1
set linetype 9 lc rgb "#F0E442" lw 2 pt 12 dt 1
set linetype 10 lc rgb "#882255" lw 2 pt 10 dt (14, 3)
set linetype 11 lc rgb "#44AA99" lw 2 pt 14 dt (6, 6)
set linetype 12 lc rgb "#999933" lw 2 pt 15 dt (3, 6)
set linetype 13 lc rgb "#332288" lw 2 pt 7 dt (4, 3)
set linetype 14 lc rgb "#CC6677" lw 2 pt 9 dt 1
set linetype 15 lc rgb "#117733" lw 2 pt 5 dt (14, 3)
set linetype 16 lc rgb "#AA4499" lw 2 pt 11 dt (2, 2)
set linetype 17 lc rgb "#0072B2" lw 2 pt 4 dt (2, 2)
set linetype 18 lc rgb "#D55E00" lw 2 pt 8 dt (4, 3)
set linetype 19 lc rgb "#009E73" lw 2 pt 12 dt (14, 3)
set linetype 20 lc rgb "#000000" lw 2 pt 6 dt (9, 3)
set linetype cycle 20
set pointsize 0.8

# ---- sizes in pixels
font = format eq 'png' ? 'DejaVu Sans,13' : 'DejaVu Sans,Verdana,sans-serif,14'
page(w, h) = sprintf('set terminal %s noenhanced font "%s" size %d,%d background rgb "white"; set output output', \
                     format eq 'png' ? 'pngcairo' : 'svg dynamic', font, w, h) # for eval

set border 3 lc rgb "#404040"
set tics nomirror out scale 0.6
set grid lc rgb "#C8C8C8" lw 1 dt 1
set style fill transparent solid 0.15 noborder

# ---- pages of panels: `rows` of data sets, `panels` in each, and below them one legend that legend.gp draws
longest(list) = (length = 0, sum [i = 1:words(list)] (length = larger(length, strlen(word(list, i)))), length)
# The legend for a list of names: how many columns fit, and its height.
legend_style = 'linespoints'
fit_legend(list) = (legend = list, key_columns = larger(1, floor(width / (100.0 + 12 * longest(list)))), \
                    key_height = 14 + 22 * ceil(words(list) / (1.0 * key_columns)))
lay_out = "width = larger(900, 100 + 340 * panels); unused = fit_legend(methods); height = 490 * rows + head - 1 + key_height"
panel_margins = "set multiplot title figure_title layout rows, panels \
    margins screen 95.0 / width, screen 1 - 20.0 / width, screen (76.0 + key_height) / height, screen 1 - 1.0 * head / height \
    spacing screen 1.0 * across / width, screen 1.0 * down / height"
