# regret_bounds.gp: regret R(k) against k under reading A beside the bound as printed, with the dimension factor, with the gradient
# bound too (T-BSO), and the bound that holds.
call 'style.gp' ARG1 ARG2 ARG3

entries = quoted('regret R(k)') . quoted('bound as printed') . quoted('times d') . quoted('times d and the gradient bound G') . quoted('bound that holds')
figure_title = "Regret and its bounds under reading A of Theorem 4.1 (both shares fall like 1/sqrt k), mean over seeds\n" . \
    "dashed grey: slopes 1/2 (claimed for BSO) and 3/4 (claimed for T-BSO)"
y_label = 'R(k), bounds'
quantity = 'regret|bound_.*'; only = 'A'; divided = 0; guides = '0.5 0.75'
curves = quoted('A|bound_printed|2') . quoted('A|bound_printed_d|3') . quoted('A|bound_printed_d_g|4') . quoted('A|bound_corrected|5') . quoted('A|regret|1')
load 'regret_panels.gp'
