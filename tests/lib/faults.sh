# faults.sh: what the tests that inject faults share: a folder, a data set, a sweep of short trainings, and what of a folder
# of results must be equal whatever happened on the way. To be sourced by them (bash), after `bso` is set.

work=$(mktemp -d "${TMPDIR:-/tmp}/bso-faults-XXXXXX") || exit 1
trap 'exit 130' INT
trap 'exit 143' TERM
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/check.sh"
. "$here/images.sh"
shown='out err'
unset BSO_DATA_DIR
data=$work/data conf=$work/faults.conf
mkdir "$data"
make_images "$data/train-images-idx3-ubyte"
make_labels "$data/train-labels-idx1-ubyte"
make_images "$data/t10k-images-idx3-ubyte"
make_labels "$data/t10k-labels-idx1-ubyte"

sweep_file() { # epochs, cells
    cat > "$conf" <<END
name = "faults";
title = "short trainings";
common = { dataset = "mnist"; data_dir = "$data"; network = "8C3-AP2-8C3-GAP-FC"; batch = 32; epochs = $1; };
cells = ( $2 );
END
}

# What must be the same: weights by their hashes, and every table without its times.
summary() { # DIR
    local file
    for file in "$1"/runs/*.h5; do
        printf '%s ' "$(basename "$file")"
        "$bso" inspect "$file" | grep -o 'hash [0-9a-f]*'
    done
    "$bso" table "$1" > /dev/null || echo "no tables"
    for file in "$1"/tables/*.csv; do
        echo "== $(basename "$file")"
        awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) out[i] = $i ~ /images_per_second|waiting|seconds/ }
                 { for (i = 1; i <= NF; i++) if (!out[i]) printf "%s,", $i; print "" }' "$file"
    done
}
temporary() { find "$1" -name '*.tmp.*' | wc -l; }
one_line_error() { [ "$(grep -c '^bso: ' "$work/err")" -ge 1 ] && [ "$(grep -vc '^bso: ' "$work/err")" = 0 ]; }
