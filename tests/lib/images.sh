# images.sh: a data set that costs nothing, for tests of the program. To be sourced (sh or bash), with $bso set.

# A data set in the IDX format: any bytes as 28 x 28 images, labels 0 to 9 over and over.
make_images() { # file, count (a multiple of 256 is 1 in the third byte)
    printf '\000\000\010\003\000\000\001\000\000\000\000\034\000\000\000\034' > "$1"
    head -c 200704 "$bso" >> "$1"
}
make_labels() { # file
    printf '\000\000\010\001\000\000\001\000' > "$1"
    i=0
    while [ $i -lt 26 ]; do
        printf '\000\001\002\003\004\005\006\007\010\011'
        i=$((i + 1))
    done | head -c 256 >> "$1"
}
