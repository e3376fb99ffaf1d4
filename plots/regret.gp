# regret.gp: average regret R(k)/k against k for every reading of the theorem, beside the slopes that it claims; for sequences in one
# dimension also randomised Hedge on them.
call 'style.gp' ARG1 ARG2 ARG3

entries = quoted('A') . quoted('A4') . quoted('B') . quoted('C') . quoted('A tuned') . quoted('C tuned') . quoted('Hedge (randomised; expected)')
figure_title = "Average regret R(k) / k under each reading (A, A4, B, C) of Theorem 4.1, mean over seeds\n" . \
    "dashed grey: slopes -1/2 (claimed for BSO) and -1/4 (claimed for T-BSO)\nno line where R(k) is not positive"
y_label = 'R(k) / k'
quantity = 'regret|hedge'; only = '.*'; divided = 1; guides = '-0.5 -0.25'
curves = quoted('A|hedge|7')
do for [i = 1:6] { curves = curves . quoted(sprintf('%s|regret|%d', word(entries, i), i)) }
load 'regret_panels.gp'
