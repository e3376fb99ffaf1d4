#!/bin/bash
# fetch.sh: datasets/fetch.sh against a local server that is good, cut, tampered with, forgetful of ranges or empty-handed, and
# against archives that try to get out of their folder. Nothing is fetched from elsewhere. Needs curl, zip and unzip, and a C
# compiler for the server. Ends with "N passed, N failed"; exit status 1 when any failed.
set -u

cd "$(dirname "$0")/.." || exit 1
fetch=$PWD/datasets/fetch.sh
# A space in every path.
work=$(mktemp -d "${TMPDIR:-/tmp}/bso fetch XXXXXX") || exit 1
server=''
clean_up() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck disable=SC2034
shown='out err'
# shellcheck source=/dev/null
. tests/lib/check.sh
unset BSO_DATA_DIR BASE_URL FETCH_MANIFEST http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY
status=0 data=$work/data manifest=$work/manifest

run() { # arguments ...
    "$fetch" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}
says_first() { head -n 1 "$work/out" | grep -q -- "$1"; }
says_nothing_of() { ! says "$1"; }
done_well() { [ $status = 0 ] && [ ! -s "$work/err" ]; }
refused() { [ $status = 1 ] && [ "$(grep -c '^fetch.sh: ' "$work/err")" = 1 ] && says "$1"; }
asked() { [ "$(cat "$work/log")" = "$1" ]; }
asked_nothing() { [ ! -s "$work/log" ]; }
anew() { rm -rf "$data"; : >"$work/log"; }
nothing_left() { [ -z "$(find "$data" -type f ! -name .lock)" ]; }

# ---- the real table ----

run
check "no argument: the list" [ $status = 0 ]
for name in mnist fashion-mnist kmnist cifar10 cifar100 cifar10-dvs n-mnist speech-commands-v1 speech-commands-v2 imagenet; do
    check "listed, with its size and source: $name" says "^$name  *[0-9.]* [MG]B .*https*://"
done
run list
check "list: exit 0" [ $status = 0 ]
run --help
check "--help: exit 0" [ $status = 0 ]
run --fly
check "unknown option: exit 2" [ $status = 2 ]
run cifar10 "$data" more
check "too many arguments: exit 2" [ $status = 2 ]
run marsupials "$data"
check "unknown data set: exit 1, with the known ones" refused 'no such data set; .*mnist.*imagenet'
run cifar10 "$data" --dry-run
check "--dry-run: exit 0" done_well
check "--dry-run: the size, the room, the licence, the source" says '^cifar10: 170 MB to download, 355 MB of disk needed, .* free in .*licence'
check "--dry-run: the address" says 'www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz'
check "--dry-run: nothing is made" [ ! -e "$data" ]
formed() {
    awk -F'|' '/^(#|$)/ { next }
        $1 == "set" && NF == 5 && $4 + 0 > 0 { known[$2]; next }
        $1 == "file" && NF == 8 && ($2 in known) && $4 ~ /^~?[0-9]+$/ && $5 ~ /^(-|sha256:[0-9a-f]+|md5:[0-9a-f]+)$/ &&
            (length($5) == 71 || length($5) == 36 || $5 == "-") && $6 ~ /^(keep|whole|folder:.+|imagenet-(train|val|boxes))$/ { next }
        { print; bad = 1 } END { exit bad }' datasets/fetch.manifest >"$work/out"
}
check "every line of fetch.manifest has its form" formed

# ---- files and their table ----

mkdir "$work/served" "$work/make"
cc -std=c17 -D_DEFAULT_SOURCE -o "$work/http_server" tests/lib/http_server.c 2>"$work/err"
check "the server is built" [ $? = 0 ]
"$work/http_server" "$work/served" "$work/port" "$work/log" 2>"$work/err" &
server=$!
for _ in $(seq 100); do
    if [ -s "$work/port" ]; then break; fi
    sleep 0.05
done
root=http://127.0.0.1:$(cat "$work/port")
export FETCH_MANIFEST=$manifest

cd "$work/make" || exit 1
sum() { echo "sha256:$(sha256sum <"$1" | cut -d ' ' -f 1)"; }
row() { # set, file, digest or '', how, to, mode
    local digest=${3:-$(sum "$work/served/$2")}
    echo "file|$1|$2|$(stat -c %s "$work/served/$2")|$digest|$4|$5|$root/$6/$2"
}
table() { # lines ...: the manifest of one data set `toy` that takes 1 MB
    {
        echo "set|toy|free|1000000|$root/page"
        printf '%s\n' "$@"
    } >"$manifest"
}
# 250,000 bytes that do not shrink much and are the same every time.
awk 'BEGIN { srand(7); while (n++ < 25000) printf("%09d\n", int(rand() * 1e9)) }' >numbers
mkdir -p top/one top/two loose/word
cp numbers top/one/a
echo b >top/two/b
echo c >loose/word/c
echo list >loose/list.txt
cp numbers "$work/served/plain"
tar -czf "$work/served/top.tar.gz" top
tar -czf "$work/served/loose.tar.gz" -C loose .
zip -qr "$work/served/top.zip" top
for how in plain top.tar.gz loose.tar.gz top.zip; do
    check "a file to serve: $how" [ -s "$work/served/$how" ]
done

# ---- good ----

export BSO_DATA_DIR=$data
anew
table "$(row toy plain '' keep toy good)" "$(row toy top.tar.gz '' folder:top toy-top good)" \
    "$(row toy loose.tar.gz '' whole toy-loose good)" "$(row toy top.zip '' folder:top deep/zipped good)"
run toy
check "good: exit 0, nothing on stderr" done_well
check "good: says first how much it will be" says_first "^toy: .* to download, .* needed, .* free in .*$root/page"
check "good: digests are checked" [ "$(grep -c 'sha256 as published' "$work/out")" = 4 ]
check "good: the plain file" cmp -s numbers "$data/toy/plain"
check "good: the folder of a .tar.gz" diff -r top "$data/toy-top"
check "good: all of a .tar.gz" diff -r loose "$data/toy-loose"
check "good: the folder of a .zip, in a folder" diff -r top "$data/deep/zipped"
check "good: no archive is left" [ -z "$(find "$data/downloads" -type f ! -name .lock)" ]
check "good: says nothing of BSO_DATA_DIR, which is set" says_nothing_of export
: >"$work/log"
run toy
check "again: exit 0" done_well
check "again: nothing to download" says '^toy: 0 B to download'
check "again: the server is not asked" asked_nothing
rm -r "$data/toy-top"
run toy
check "again, one part missing: exit 0" done_well
check "again, one part missing: only that is fetched" asked 'good/top.tar.gz 0'
check "again, one part missing: it is there" diff -r top "$data/toy-top"
run toy "$work/else where" --keep
check "another folder: exit 0" done_well
check "another folder: says how to use it" says 'export BSO_DATA_DIR=.*else.*where'
check "--keep: archives are kept" cmp -s "$work/served/top.zip" "$work/else where/downloads/toy/top.zip"
: >"$work/log"
rm -r "$work/else where/deep"
run toy "$work/else where"
check "a kept archive is used again" [ $status = 0 -a ! -s "$work/log" -a -e "$work/else where/deep/zipped/two/b" ]
check "a kept archive stays" [ -e "$work/else where/downloads/toy/top.zip" ]
anew
(cd "$work" && env -u BSO_DATA_DIR "$fetch" toy >"$work/out" 2>"$work/err")
check "no folder given: ./data, and how to use it" [ -e "$data/toy/plain" -a "$(grep -c "export BSO_DATA_DIR=" "$work/out")" = 1 ]

# ---- cut, resumed, forgetful ----

anew
table "$(row toy plain '' keep toy cut)"
run toy
check "cut every 100,000 bytes: exit 0" done_well
check "cut: goes on where it was cut" asked 'cut/plain 0
cut/plain 100000
cut/plain 200000'
check "cut: the file is whole" cmp -s numbers "$data/toy/plain"
anew
mkdir -p "$data/downloads/toy"
head -c 70000 numbers >"$data/downloads/toy/plain.part"
table "$(row toy plain '' keep toy good)"
run toy
check "a download of another day: exit 0" done_well
check "a download of another day: goes on after it" says 'going on after 70 kB of 250 kB'
check "a download of another day: only the rest is asked for" asked 'good/plain 70000'
check "a download of another day: the file is whole" cmp -s numbers "$data/toy/plain"
anew
mkdir -p "$data/downloads/toy"
head -c 70000 numbers >"$data/downloads/toy/plain.part"
table "$(row toy plain '' keep toy norange)"
run toy
check "no ranges: exit 0" done_well
check "no ranges: says that it starts over" says 'starting over'
check "no ranges: the file is whole" cmp -s numbers "$data/toy/plain"
anew
table "$(row toy plain '' keep toy norangecut)"
run toy
check "no ranges and always cut: gives up" refused 'could not be downloaded'
check "no ranges and always cut: not for ever" [ "$(grep -c '' "$work/log")" -le 12 ]
anew
mkdir -p "$data/downloads/toy"
cp numbers "$data/downloads/toy/plain.part"
table "$(row toy plain '' keep toy good | sed 's/|250000|/|~250500|/')"
run toy
check "all there, but the size is not known: exit 0" done_well
check "all there, but the size is not known: the file is whole" cmp -s numbers "$data/toy/plain"
anew
table "$(row toy plain '' keep toy moved)"
run toy
check "moved: exit 0, and the file" [ $status = 0 -a -e "$data/toy/plain" ]

# ---- stopped ----

anew
mkdir -p "$data/downloads/toy/unpacking/old"
table "$(row toy top.tar.gz '' folder:top toy-top stall)"
"$fetch" toy >"$work/out" 2>"$work/err" &
stopped=$!
for _ in $(seq 100); do
    if [ -s "$data/downloads/toy/top.tar.gz.part" ]; then break; fi
    sleep 0.05
done
kill -TERM $stopped
wait $stopped
check "stopped while it downloads: exit 143" [ $? = 143 ]
part=$(stat -c %s "$data/downloads/toy/top.tar.gz.part")
check "stopped while it downloads: what came is kept" [ "$part" -gt 0 ]
table "$(row toy top.tar.gz '' folder:top toy-top good)"
run toy
check "then again: exit 0" done_well
check "then again: goes on where it stopped" asked "stall/top.tar.gz 0
good/top.tar.gz $part"
check "then again: unpacked, and what a killed run had left is gone" diff -r top "$data/toy-top"
check "then again: nothing else is left" [ ! -e "$data/downloads/toy/unpacking" ]

# ---- missing, empty, broken, endless ----

anew
table "$(row toy plain '' keep toy good | sed 's/plain$/nothing/')"
run toy
check "404: exit 1, one line" refused 'could not be downloaded'
check "404: the answer is named" says 'answered 404'
check "404: asked once" asked 'good/nothing 0'
check "404: nothing is left" nothing_left
anew
table "$(row toy plain '' keep toy good | sed "s,|http,|$root/good/nothing http,")"
run toy
check "404, then a second address: exit 0, and the file" [ $status = 0 -a -e "$data/toy/plain" ]
anew
table "$(row toy plain '' keep toy empty)"
run toy
check "202 without a body: exit 1" refused 'could not be downloaded'
check "202 without a body: the answer is named" says 'answered 202'
anew
table "$(row toy plain '' keep toy broken)"
run toy
check "500: exit 1, after some tries" refused 'could not be downloaded'
check "500: three tries" [ "$(grep -c '' "$work/log")" = 3 ]
anew
table "$(row toy plain '' keep toy endless)"
run toy
check "endless: exit 1" refused 'has [0-9]* bytes, not 250000'
check "endless: not more than was announced is stored" [ "$(stat -c %s "$data/downloads/toy/plain.bad")" -le 260000 ]

# ---- tampered ----

anew
row=$(row toy top.tar.gz '' folder:top toy-top good)
table "$row"
cp "$work/served/top.tar.gz" "$work/right"
printf X | dd of="$work/served/top.tar.gz" bs=1 seek=5000 conv=notrunc 2>/dev/null
run toy
check "one byte wrong: exit 1, with the digest" refused 'its sha256 is [0-9a-f]*, not [0-9a-f]* as published'
check "one byte wrong: nothing is unpacked" [ ! -e "$data/toy-top" ]
check "one byte wrong: kept under another name" cmp -s "$work/served/top.tar.gz" "$data/downloads/toy/top.tar.gz.bad"
cp "$work/right" "$work/served/top.tar.gz"
run toy
check "one byte wrong, then right: exit 0" done_well
check "one byte wrong, then right: unpacked" diff -r top "$data/toy-top"
anew
table "${row/sha256:*|folder/md5:$(md5sum <"$work/right" | cut -d ' ' -f 1)|folder}"
run toy
check "MD5: exit 0" done_well
check "MD5: checked" says 'md5 as published'
anew
table "${row/sha256:*|folder/md5:00000000000000000000000000000000|folder}"
run toy
check "a wrong MD5: exit 1" refused 'its md5 is'
anew
head -c 1000 "$work/right" >"$work/served/top.tar.gz"
table "$row"
run toy
check "shorter than announced: exit 1" refused 'has 1000 bytes, not'
cp "$work/right" "$work/served/top.tar.gz"

# ---- what the user has put there ----

anew
mkdir -p "$data/toy" "$data/downloads/toy"
echo mine >"$data/toy/plain"
table "$(row toy plain '' keep toy good)"
run toy
check "another file in its place: exit 1" refused 'move it away'
check "another file in its place: left as it is" [ "$(cat "$data/toy/plain")" = mine ]
check "another file in its place: nothing is downloaded" asked_nothing
anew
mkdir -p "$data/downloads/toy"
echo mine >"$data/downloads/toy/top.tar.gz"
table "$row"
run toy
check "a wrong archive of the user's: exit 1" refused 'left as it is'
check "a wrong archive of the user's: left as it is" [ "$(cat "$data/downloads/toy/top.tar.gz")" = mine ]
anew
mkdir -p "$data/toy-top"
echo mine >"$data/toy-top/file"
run toy
check "a folder in its place: not touched, not fetched" [ $status = 0 -a ! -s "$work/log" -a "$(cat "$data/toy-top/file")" = mine ]
echo 'stand-in for toy' >"$data/toy-top/STAND-IN"
run toy
check "a stand-in in its place: exit 1" refused 'is a stand-in'

# ---- no digest is published ----

anew
table "$(row toy plain - keep toy good)"
run toy
check "no digest: exit 0, unverified" [ $status = 0 ]
check "no digest: says so" says 'unverified.*recorded in'
check "no digest: recorded" grep -q "^$(sum numbers | cut -d : -f 2)  plain$" "$data/downloads/toy/plain.sha256"
run toy
check "no digest, again: compared with the record" says 'the same as at the first download'
printf X | dd of="$data/toy/plain" bs=1 seek=9 conv=notrunc 2>/dev/null
run toy
check "no digest, changed since: exit 1" refused 'as recorded in'

# ---- mirror, space, two at once ----

anew
table "$(row toy plain '' keep toy broken | sed 's,http://[^/]*,http://elsewhere.invalid,')"
BASE_URL=$root/good/ run toy
check "a mirror: exit 0" done_well
check "a mirror: is asked for the same name" asked 'good/plain 0'
anew
table "file|toy|plain|900000000000000000|$(sum numbers)|keep|toy|$root/good/plain"
sed -i 's/|1000000|/|900000000000000000|/' "$manifest"
run toy
check "too little space: exit 1" refused 'too little space'
check "too little space: nothing is downloaded, nothing made" [ ! -s "$work/log" -a ! -e "$data" ]
run toy --dry-run
check "too little space: --dry-run says so" refused 'too little space'
anew
table "$(row toy top.zip '' folder:top toy-top cut)"
"$fetch" toy >"$work/first" 2>&1 &
first=$!
run toy
wait $first
check "two at once: both end well" [ $? = 0 -a $status = 0 ]
check "two at once: downloaded once" [ "$(grep -c ' 0$' "$work/log")" = 1 ]
check "two at once: unpacked" diff -r top "$data/toy-top"

# ---- archives that are not what they should be ----

hostile() { # what, word, file
    anew
    table "$(row toy "$3" '' whole toy-top good)"
    run toy
    check "$1: exit 1, one line" refused "$2"
    check "$1: nothing is unpacked" [ ! -e "$data/toy-top" -a ! -e "$data/downloads/toy/unpacking" ]
}
mkdir links && echo x >links/file && ln -s /etc links/etc && ln links/file links/hard
echo x >victim
tar -cf "$work/served/link.tar" links/etc
tar -cf "$work/served/hard.tar" links/file links/hard
tar -cPf "$work/served/absolute.tar" "$PWD/victim"
tar -cPf "$work/served/up.tar" --transform='s,^,../../../,' victim
tar -cPf "$work/served/within.tar" --transform='s,^,a/../../../,' victim
mkfifo pipe && tar -cf "$work/served/pipe.tar" pipe
head -c 3000 "$work/served/top.tar.gz" >"$work/served/damaged.tar.gz"
tar -cf "$work/served/empty.tar" -T /dev/null
truncate -s 3000000 huge && tar -czf "$work/served/huge.tar.gz" huge
(cd links && zip -qy "$work/served/link.zip" etc && zip -q "$work/served/up.zip" ../victim)
zip -q "$work/served/huge.zip" huge
head -c 100000 "$work/served/top.zip" >"$work/served/damaged.zip"
hostile 'a symbolic link' 'links/etc.*neither a file nor a folder' link.tar
hostile 'a hard link' 'links/hard.*neither a file nor a folder' hard.tar
hostile 'an absolute path' 'absolute path' absolute.tar
hostile 'a path that leads out' 'leads out' up.tar
hostile 'a path that leads out later' 'leads out' within.tar
hostile 'a pipe' 'neither a file nor a folder' pipe.tar
hostile 'half an archive' 'is damaged' damaged.tar.gz
hostile 'an empty archive' 'is empty' empty.tar
hostile 'more than the data set has' 'unpacks to more' huge.tar.gz
hostile 'a symbolic link in a .zip' 'neither a file nor a folder' link.zip
hostile 'a path that leads out of a .zip' 'leads out' up.zip
hostile 'more than the data set has, in a .zip' 'unpacks to more' huge.zip
hostile 'half a .zip' 'is damaged' damaged.zip
check "nothing got out" [ "$(find "$work" -name victim | grep -c '')" = 1 ]
anew
table "$(row toy top.tar.gz '' folder:other toy-top good)"
run toy
check "another folder in it: exit 1" refused 'holds no folder other'
for mode in 000 7777; do
    tar --mode=$mode -czf "$work/served/mode.tar.gz" top
    anew
    table "$(row toy mode.tar.gz '' folder:top toy-top good)"
    run toy
    check "files of mode $mode: exit 0" done_well
    check "files of mode $mode: as any other" [ "$(stat -c %a "$data/toy-top/one" "$data/toy-top/one/a" | tr '\n' ' ')" = \
        "$([ $mode = 000 ] && echo 755 644 || echo 755 755) " ]
done

# ---- ImageNet ----

archives=$data/imagenet-archives
boxes() { # picture, class
    printf '<annotation>\n\t<object>\n\t\t<name>%s</name>\n\t</object>\n\t<object>\n\t\t<name>%s</name>\n\t</object>\n</annotation>\n' \
        "$2" "$2" >"val/$1.xml"
}
imagenet() { # makes the archives of the user, and the table
    anew
    mkdir -p "$archives"
    tar -cf "$archives/train.tar" n01440764.tar n02000000.tar
    tar -cf "$archives/val.tar" one.JPEG two.JPEG three.JPEG
    tar -czf "$archives/boxes.tgz" val
    {
        echo "set|imagenet|terms|1000000|$root/page"
        for name in boxes:boxes.tgz:val val:val.tar:val train:train.tar:train; do
            IFS=: read -r how file to <<<"$name"
            echo "file|imagenet|$file|$(stat -c %s "$archives/$file")|$(sum "$archives/$file")|imagenet-$how|imagenet/$to|"
        done
    } >"$manifest"
}
for picture in n01440764_1 n01440764_2 n02000000_7 one two three; do echo $picture >$picture.JPEG; done
tar -cf n01440764.tar n01440764_1.JPEG n01440764_2.JPEG
tar -cf n02000000.tar n02000000_7.JPEG
mkdir val
boxes one n02000000
boxes two n01440764
boxes three n02000000
imagenet
run imagenet
check "imagenet: exit 0" done_well
check "imagenet: the classes of the training set" [ "$(cd "$data/imagenet" && echo train/*/*)" = \
    'train/n01440764/n01440764_1.JPEG train/n01440764/n01440764_2.JPEG train/n02000000/n02000000_7.JPEG' ]
check "imagenet: the classes of the validation set" [ "$(cd "$data/imagenet" && find val -type f | sort | tr '\n' ' ')" = \
    'val/n01440764/two.JPEG val/n02000000/one.JPEG val/n02000000/three.JPEG ' ]
check "imagenet: the pictures" cmp -s one.JPEG "$data/imagenet/val/n02000000/one.JPEG"
check "imagenet: the user's archives stay" [ -e "$archives/train.tar" -a -e "$archives/val.tar" -a -e "$archives/boxes.tgz" ]
run imagenet
check "imagenet, again: exit 0" done_well
imagenet
cp "$archives"/* "$work/served"
rm "$archives/val.tar" "$archives/boxes.tgz"
run imagenet
check "imagenet, archives missing: names them, and where to get them" refused "get boxes.tgz val.tar from $root/page"
check "imagenet, archives missing: nothing is done" [ ! -e "$data/imagenet" ]
BASE_URL=$root/good run imagenet
check "imagenet, the rest from a mirror: exit 0" done_well
check "imagenet, the rest from a mirror: there" [ -e "$data/imagenet/val/n01440764/two.JPEG" -a -e "$data/imagenet/train/n02000000" ]
check "imagenet, the rest from a mirror: no archive is left" [ -z "$(find "$data/downloads" -type f ! -name .lock)" ]
rm val/three.xml
imagenet
run imagenet
check "imagenet, a picture without its class: exit 1" refused 'does not say of which class three.JPEG is'
check "imagenet, a picture without its class: not there" [ ! -e "$data/imagenet/val" ]
boxes three ../../up
imagenet
run imagenet
check "imagenet, no class: exit 1" refused 'does not say of which class'
boxes three n02000000
boxes four n02000000
imagenet
run imagenet
check "imagenet, a picture too few: exit 1" refused 'holds no four.JPEG'
rm val/four.xml
cp n02000000.tar wrong.tar
imagenet
tar -cf "$archives/train.tar" n01440764.tar wrong.tar
sed -i "s/|train.tar|.*|imagenet-train|/|train.tar|$(stat -c %s "$archives/train.tar")|$(sum "$archives/train.tar")|imagenet-train|/" "$manifest"
run imagenet
check "imagenet, no archive of a class: exit 1" refused 'wrong.tar, which is no archive of a class'
check "imagenet, no archive of a class: not there" [ ! -e "$data/imagenet/train" ]

totals
