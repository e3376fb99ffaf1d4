#!/bin/bash
# fetch.sh: downloads a data set from its source, checks its digest and unpacks it as the loaders read it.
#
# Sources, sizes and digests are in fetch.manifest. Nothing is unpacked before its digest is checked, and even then an archive is
# not trusted: what it lists must be plain files and folders below its own root. A data set is unpacked beside its place and
# renamed, so that what is there under its name is complete. Files that were not downloaded by this script are never changed.
set -euo pipefail

usage() {
    cat <<'END'
usage: datasets/fetch.sh NAME [DIR] [--dry-run] [--keep]
       datasets/fetch.sh list

Fetches the data set NAME into DIR (default: $BSO_DATA_DIR, else ./data). The same command again goes on where it stopped and
leaves alone what is complete.

  list         which data sets there are: size, licence, where they come from (also without NAME)
  --dry-run    say what would be downloaded and how much, and do nothing
  --keep       keep archives in DIR/downloads/NAME when they are unpacked

An archive that lies in DIR/downloads/NAME under its own name (for imagenet: in DIR/imagenet-archives) is used, not downloaded.
Environment: BASE_URL=http://host/folder is a mirror: the files are taken from there, under the same names. FETCH_MANIFEST is
another table of sources. The exit status is 0 when the data set is complete, 1 when something failed, 2 for a wrong option.
END
}

die() {
    echo "fetch.sh: $*" >&2
    exit 1
}

wrong() {
    echo "fetch.sh: $1" >&2
    usage >&2
    exit 2
}

set='' dir='' dry_run='' keep=''
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=yes ;;
    --keep) keep=yes ;;
    --help | -h) usage; exit 0 ;;
    -*) wrong "unknown option: $1" ;;
    *)
        if [ -z "$set" ]; then
            set=$1
        elif [ -z "$dir" ] && [ -n "$1" ]; then
            dir=$1
        else
            wrong "one data set and one folder, not also: $1"
        fi
        ;;
    esac
    shift
done
set=${set:-list}
manifest=${FETCH_MANIFEST:-$(dirname -- "$(readlink -f -- "$0")")/fetch.manifest}
[ -r "$manifest" ] || die "$manifest: cannot be read"

human() { # bytes: "171 MB"
    awk -v b="$1" 'BEGIN { split("B kB MB GB TB PB", u, " "); i = 1
        while (b >= 999.5 && i < 6) { b /= 1000; i++ }
        printf(i > 1 && b < 9.95 ? "%.1f %s" : "%.0f %s", b, u[i]) }'
}

list() {
    awk -F'|' '
        function human(b) { return b < 1e9 ? sprintf("%.0f MB", b / 1e6) : sprintf("%.1f GB", b / 1e9) }
        $1 == "set" { name[++n] = $2; licence[$2] = $3; page[$2] = $5 }
        $1 == "file" { b = $4; sub(/^~/, "", b); bytes[$2] += b }
        END {
            printf("%-19s %9s  %-15s %s\n", "NAME", "DOWNLOAD", "LICENCE", "SOURCE")
            for (i = 1; i <= n; i++)
                printf("%-19s %9s  %-15s %s\n", name[i], human(bytes[name[i]]), licence[name[i]], page[name[i]])
        }' "$manifest"
}
if [ "$set" = list ]; then
    list
    exit 0
fi

# ---- what there is to do ----

known='' licence='' unpacked='' page=''
file=() bytes=() about=() digest=() how=() to=() urls=()
while IFS='|' read -r kind name a b c d e f; do
    if [ "$name" != "$set" ]; then continue; fi
    case $kind in
    set) known=yes licence=$a unpacked=$b page=$c ;;
    file)
        file+=("$a") bytes+=("${b#\~}") digest+=("$c") how+=("$d") to+=("$e")
        case $b in \~*) about+=(yes) ;; *) about+=('') ;; esac
        if [ -n "${BASE_URL:-}" ]; then f=${BASE_URL%/}/$a; fi
        urls+=("$f")
        ;;
    esac
done <"$manifest"
[ -n "$known" ] || die "$set: no such data set; there are$(awk -F'|' '$1 == "set" { printf "%s %s", sep, $2; sep = "," }' "$manifest")"
count=${#file[@]}

# The program takes the folder from data_dir or BSO_DATA_DIR only.
advice=''
if [ -z "$dir" ]; then dir=${BSO_DATA_DIR:-data}; fi
dir=$(realpath -m -- "$dir")
if [ "$dir" != "$(realpath -m -- "${BSO_DATA_DIR:-/}")" ]; then advice="; now: export BSO_DATA_DIR=$(printf %q "$dir")"; fi
work=$dir/downloads/$set
archives=$work
if [ "$set" = imagenet ]; then archives=$dir/imagenet-archives; fi

size_of() { stat -L -c %s -- "$1" 2>/dev/null || echo 0; }

target() { # number of a file: what is there when it is done
    if [ "${how[$1]}" = keep ]; then echo "$dir/${to[$1]}/${file[$1]}"; else echo "$dir/${to[$1]}"; fi
}

is_there() { # number
    local path
    path=$(target "$1")
    if [ "${how[$1]}" = keep ]; then [ -e "$path" ]; else [ -n "$(ls -A -- "$path" 2>/dev/null)" ]; fi
}

# Bytes to download, and bytes of disk that are needed besides what is there now.
plan() {
    local i rest all=0 pending=0 largest=0
    to_load=0 to_do=0
    for ((i = 0; i < count; i++)); do
        all=$((all + bytes[i]))
        if is_there "$i"; then continue; fi
        to_do=$((to_do + 1))
        pending=$((pending + bytes[i]))
        if [ -e "$archives/${file[i]}" ]; then continue; fi
        rest=$((bytes[i] - $(size_of "$work/${file[i]}.part")))
        if [ $rest -lt 0 ]; then rest=0; fi
        to_load=$((to_load + rest))
        if [ $rest -gt $largest ]; then largest=$rest; fi
    done
    if [ "$all" -eq 0 ]; then all=1; fi
    needed=$(awk -v u="$unpacked" -v p="$pending" -v a="$all" 'BEGIN { printf("%.0f", u * p / a) }')
    # What is kept as it is takes its place once, and so do archives that are unpacked one after the other.
    if [ "${how[0]}" != keep ]; then
        if [ -n "$keep" ]; then needed=$((needed + to_load)); else needed=$((needed + largest)); fi
    fi
}

free_bytes() {
    local at=$dir
    while [ ! -d "$at" ]; do at=$(dirname -- "$at"); done
    df -P -k -- "$at" | awk 'NR == 2 { printf("%.0f", $4 * 1024) }'
}

announce() {
    local free
    plan
    free=$(free_bytes)
    echo "$set: $(human "$to_load") to download, $(human "$needed") of disk needed, $(human "$free") free in $dir (licence: $licence; $page)"
    short=''
    if [ "$needed" -gt "$free" ]; then short="too little space in $dir: $(human "$needed") needed, $(human "$free") free"; fi
}

require() { # command, package
    command -v "$1" >/dev/null || die "the program $1 is missing; install it: sudo apt-get install $2"
}

# ---- download ----

exact() { [ -z "${about[$1]}" ]; }

# Bytes after which a server is not believed any more.
most_bytes() { # number
    if exact "$1"; then echo "${bytes[$1]}"; else echo $((bytes[$1] + bytes[$1] / 20 + 1000000)); fi
}

child=''
watch() { # path, bytes: while the child lives, tells a terminal how far it is
    local end=''
    while sleep 0.3 && kill -0 "$child" 2>/dev/null; do
        printf '\r%s: %s of %s ' "$set" "$(human "$(size_of "$1")")" "$(human "$2")" >&2
        end='\n'
    done
    # shellcheck disable=SC2059
    printf "$end" >&2
}

# One file from one address into $work/FILE.part, from where the part ends. Cut connections are taken up again as long as something
# comes through.
download_from() { # number, URL
    local i=$1 url=$2 part=$work/${file[$1]}.part most status code before tries=0 restarts=0
    most=$(most_bytes "$i")
    while :; do
        before=$(size_of "$part")
        if exact "$i" && [ "$before" -ge "$most" ]; then return 0; fi
        status=0
        # In the background, so that a signal ends it at once.
        (
            trap '' XFSZ
            ulimit -f $(((most + 1024) / 1024 + 1))
            exec curl --fail --location --proto '=http,https' --proto-redir '=http,https' --max-redirs 10 --connect-timeout 30 \
                --speed-limit 1 --speed-time 60 --continue-at - --output "$part" --write-out '%{http_code}' \
                --silent --show-error --stderr "$work/curl.log" -- "$url" >"$work/curl.code"
        ) &
        child=$!
        if [ -t 2 ]; then watch "$part" "${bytes[i]}"; fi
        wait $child || status=$?
        child=''
        code=$(<"$work/curl.code")
        case $status:$code in
        0:200 | 0:206) return 0 ;;
        *:416) # The part ends where the file does, or behind it.
            if [ "$before" -gt 0 ] && [ "${digest[i]}" != - ]; then return 0; fi
            rm -f -- "$part"
            ;;
        33:*)
            echo "$set: ${file[i]}: the server cannot go on where the download stopped; starting over"
            rm -f -- "$part"
            restarts=$((restarts + 1))
            if [ $restarts -gt 3 ]; then break; fi
            continue
            ;;
        22:408 | 22:429 | 22:5??) ;;
        22:* | 0:*) # A bot challenge is a 202 without a body.
            echo "$set: ${file[i]}: $url answered $code" >&2
            return 1
            ;;
        23:*)
            if [ "$(size_of "$part")" -lt "$most" ]; then die "$set: ${file[i]}: $(tail -n 1 -- "$work/curl.log")"; fi
            return 0 # too long: its digest or its size will be wrong
            ;;
        esac
        if [ "$(size_of "$part")" -gt "$before" ]; then
            tries=0
            sleep 0.2
        else
            tries=$((tries + 1))
            if [ $tries -ge 3 ]; then break; fi
            sleep $tries
        fi
    done
    echo "$set: ${file[i]}: $url: $(tail -n 1 -- "$work/curl.log")" >&2
    return 1
}

download() { # number
    local i=$1 url done_bytes
    require curl curl
    done_bytes=$(size_of "$work/${file[i]}.part")
    if [ "$done_bytes" -gt 0 ]; then
        echo "$set: ${file[i]}: going on after $(human "$done_bytes") of $(human "${bytes[i]}")"
    else
        echo "$set: ${file[i]}: downloading $(human "${bytes[i]}")"
    fi
    for url in ${urls[i]}; do
        if download_from "$i" "$url"; then return 0; fi
    done
    die "$set: ${file[i]} could not be downloaded; the same command goes on from here. Or put it into $archives yourself ($page), or set BASE_URL to a mirror"
}

# ---- digests ----

digest_of() { # kind, path
    "${1}sum" <"$2" | cut -d ' ' -f 1
}

# Whether a file is the published one; else $why says what is wrong. Where no digest is published, the first one seen is written
# down, and later ones are compared with it.
verify() { # number, path
    local i=$1 path=$2 record=$work/${file[$1]}.sha256 kind want have size
    size=$(size_of "$path")
    if exact "$i" && [ "$size" != "${bytes[i]}" ]; then
        why="has $size bytes, not ${bytes[i]}"
        return 1
    fi
    kind=${digest[i]%%:*} want=${digest[i]#*:}
    case $kind in
    sha256 | md5) ;;
    -) kind=sha256 want=$(cut -d ' ' -f 1 -- "$record" 2>/dev/null || true) ;;
    *) die "$manifest: ${file[i]}: no such kind of digest: $kind" ;;
    esac
    if ! have=$(digest_of "$kind" "$path"); then
        why="cannot be read"
        return 1
    fi
    if [ -z "$want" ]; then
        echo "$have  ${file[i]}" >"$record"
        echo "$set: ${file[i]}: unverified, no digest is published; its SHA-256 is recorded in $record"
        return 0
    fi
    if [ "$have" != "$want" ]; then
        why="its $kind is $have, not $want as published"
        if [ "${digest[i]}" = - ]; then why="its $kind is $have, not $want as recorded in $record"; fi
        return 1
    fi
    if [ "${digest[i]}" = - ]; then
        echo "$set: ${file[i]}: unverified, but the same as at the first download"
    else
        echo "$set: ${file[i]}: $kind as published"
    fi
}

# ---- archives ----

# From a listing, lines of permissions, ..., size in field 3 or 4, ..., name behind `before` fields: the first thing that an archive
# must not hold; nothing where all is well.
judge() { # fields before the name, the field of the size, most bytes
    awk -v before="$1" -v field="$2" -v most="$3" '
        function bad(text) { print text; told = 1; exit }
        {
            type = substr($0, 1, 1)
            bytes += $field
            name = $0
            for (i = 0; i < before; i++) sub(/^[^ ]+ +/, "", name)
            if (type != "-" && type != "d") bad("holds " name ", which is neither a file nor a folder")
            if (name ~ /^[\/\\]/ || name ~ /^[A-Za-z]:/) bad("holds the absolute path " name)
            if (name ~ /(^|[\/\\])\.\.([\/\\]|$)/) bad("holds " name ", which leads out of it")
            if (bytes > most) bad("unpacks to more than the data set has")
        }
        END { if (!told && !NR) print "is empty" }'
}

look_into() { # path, its name: what judge has to say, or that it is damaged
    local most=$((unpacked + unpacked / 4 + 1000000)) found status=0
    case $2 in
    *.zip) found=$(unzip -Z "$1" '*' 2>/dev/null </dev/null | judge 8 4 "$most") || status=$? ;;
    *) found=$(tar --numeric-owner --quoting-style=escape -tvf "$1" 2>/dev/null | judge 5 3 "$most") || status=$? ;;
    esac
    if [ $status -ne 0 ] && [ "${found:-is empty}" = 'is empty' ]; then found='is damaged'; fi
    echo "$found"
}

unpack_archive() { # path, its name, empty folder
    local path=$1 name=$2 into=$3 found
    case $name in *.zip) require unzip unzip ;; esac
    found=$(look_into "$path" "$name")
    [ -z "$found" ] || die "$set: $name $found; nothing of it was unpacked"
    case $name in
    *.zip)
        unzip -qq -n -P none "$path" -d "$into" </dev/null >"$work/unpack.log" 2>&1 ||
            die "$set: $name cannot be unpacked: $(tail -n 1 -- "$work/unpack.log")"
        ;;
    *)
        tar --no-same-owner --no-same-permissions -C "$into" -xf "$path" 2>"$work/unpack.log" ||
            die "$set: $name cannot be unpacked: $(tail -n 1 -- "$work/unpack.log")"
        ;;
    esac
    chmod -R u=rwX,go=rX -- "$into"
}

# A folder below the temporary one gets its name.
place() { # folder, path
    mkdir -p -- "$(dirname -- "$2")"
    mv -T -- "$1" "$2" || die "$set: $2: cannot be put in its place"
}

# ImageNet's training set is an archive of archives, one for each class, named by its WordNet number.
unpack_train() { # path, name, empty folder, target
    local into=$3 class inner done_classes=0 all
    mkdir -- "$into/archives" "$into/train"
    unpack_archive "$1" "$2" "$into/archives"
    all=$(find "$into/archives" -type f | wc -l)
    for inner in "$into/archives"/*; do
        class=$(basename -- "$inner" .tar)
        [[ $class =~ ^n[0-9]{8}$ && -f $inner ]] || die "$set: $2 holds $(basename -- "$inner"), which is no archive of a class"
        mkdir -- "$into/train/$class"
        unpack_archive "$inner" "$class.tar" "$into/train/$class"
        rm -- "$inner"
        done_classes=$((done_classes + 1))
        if [ $((done_classes % 100)) -eq 0 ]; then echo "$set: $done_classes of $all classes unpacked"; fi
    done
    place "$into/train" "$4"
}

# The pictures of the validation set lie in one folder; the boxes say of which class each is.
unpack_val() { # path, name, empty folder, target
    local into=$3 boxes='' i class picture
    for ((i = 0; i < count; i++)); do
        if [ "${how[i]}" = imagenet-boxes ]; then boxes=$i; fi
    done
    mkdir -- "$into/pictures" "$into/boxes" "$into/val"
    unpack_archive "$(archive_of "$boxes")" "${file[boxes]}" "$into/boxes"
    unpack_archive "$1" "$2" "$into/pictures"
    find "$into/boxes" -type f -name '*.xml' -exec awk '
        FNR == 1 { seen = 0 }
        !seen && match($0, /<name>n[0-9]+<\/name>/) && RLENGTH == 22 {
            seen = 1
            picture = FILENAME
            sub(/.*\//, "", picture)
            sub(/\.xml$/, "", picture)
            print substr($0, RSTART + 6, 9), picture
        }' {} + | sort >"$into/classes"
    [ -s "$into/classes" ] || die "$set: ${file[boxes]} names no classes"
    while read -r class picture; do
        [ -f "$into/pictures/$picture.JPEG" ] || die "$set: $2 holds no $picture.JPEG, which is in ${file[boxes]}"
        mkdir -p -- "$into/val/$class"
        printf '%s\0' "$into/pictures/$picture.JPEG" >>"$into/val/$class/.pictures"
    done <"$into/classes"
    for class in "$into/val"/*/; do
        xargs -0 mv -t "$class" -- <"$class/.pictures" || die "$set: ${file[boxes]} names a picture twice"
        rm -- "$class/.pictures"
    done
    picture=$(find "$into/pictures" -type f -print -quit)
    [ -z "$picture" ] || die "$set: ${file[boxes]} does not say of which class $(basename -- "$picture") is"
    place "$into/val" "$4"
}

# The archive as the user has put it there, or as it was downloaded.
archive_of() { # number
    if [ -e "$archives/${file[$1]}" ]; then echo "$archives/${file[$1]}"; else echo "$work/${file[$1]}.part"; fi
}

unpacking=''
unpack() { # number, path
    local i=$1 path=$2 end
    end=$(target "$i")
    # Of a run that was killed.
    rm -rf -- "$work/unpacking"
    mkdir -- "$work/unpacking"
    unpacking=$work/unpacking
    echo "$set: ${file[i]}: unpacking"
    case ${how[i]} in
    whole)
        unpack_archive "$path" "${file[i]}" "$unpacking"
        place "$unpacking" "$end"
        ;;
    folder:*)
        unpack_archive "$path" "${file[i]}" "$unpacking"
        [ -d "$unpacking/${how[i]#*:}" ] || die "$set: ${file[i]} holds no folder ${how[i]#*:}"
        place "$unpacking/${how[i]#*:}" "$end"
        ;;
    imagenet-train) unpack_train "$path" "${file[i]}" "$unpacking" "$end" ;;
    imagenet-val) unpack_val "$path" "${file[i]}" "$unpacking" "$end" ;;
    *) die "$manifest: ${file[i]}: no such way to unpack it: ${how[i]}" ;;
    esac
    rm -rf -- "$unpacking"
    unpacking=''
}

# ---- one file ----

finish() { # path of a download that is done with, its name
    if [ -n "$keep" ]; then mv -- "$1" "$work/$2"; else rm -f -- "$1"; fi
}

check_kept() { # number: a file that needs no unpacking and is there
    local path
    path=$(target "$1")
    verify "$1" "$path" || die "$set: $path: $why; move it away to fetch it again"
}

fetch_one() { # number
    local i=$1 path
    path=$(archive_of "$i")
    if [ ! -e "$archives/${file[i]}" ]; then download "$i"; fi
    if ! verify "$i" "$path"; then
        if [ "$path" != "$work/${file[i]}.part" ]; then die "$set: $path: $why; nothing was unpacked, and it is left as it is"; fi
        mv -f -- "$path" "$work/${file[i]}.bad"
        die "$set: ${file[i]}: $why; kept as $work/${file[i]}.bad, nothing was unpacked; the same command fetches it anew"
    fi
    case ${how[i]} in
    keep)
        mkdir -p -- "$dir/${to[i]}"
        if [ "$path" = "$work/${file[i]}.part" ]; then
            place "$path" "$(target "$i")"
        else
            cp -- "$path" "$work/${file[i]}.part"
            place "$work/${file[i]}.part" "$(target "$i")"
        fi
        ;;
    imagenet-boxes) ;; # needed beside the pictures
    *)
        unpack "$i" "$path"
        if [ "$path" = "$work/${file[i]}.part" ]; then finish "$path" "${file[i]}"; fi
        ;;
    esac
}

# What is missing and cannot be downloaded is named all at once, before anything is done.
missing=''
for ((i = 0; i < count; i++)); do
    if ! is_there "$i" && [ -z "${urls[i]}" ] && [ ! -e "$archives/${file[i]}" ]; then missing="$missing ${file[i]}"; fi
    # Folders of a stand-in would pass for the data set's own.
    path=$dir/${to[i]%%/*}/STAND-IN
    if [ -e "$path" ]; then die "$(dirname -- "$path") is a stand-in; move it away, or fetch into another folder"; fi
done
announce
if [ -n "$dry_run" ]; then
    for ((i = 0; i < count; i++)); do
        if is_there "$i"; then
            echo "  ${file[i]}: there, as $(target "$i")"
        elif [ -e "$archives/${file[i]}" ]; then
            echo "  ${file[i]}: from $archives"
        else
            echo "  ${file[i]}: $(human "${bytes[i]}") from ${urls[i]:-$page, with an account}"
        fi
    done
fi
if [ -n "$missing" ]; then
    die "$set: needs an account; get$missing from $page and put what you get into $archives, or set BASE_URL to a mirror"
fi
if [ -n "$short" ]; then die "$set: $short"; fi
if [ -n "$dry_run" ]; then exit 0; fi

mkdir -p -- "$work" || die "$work: cannot be made"
clean_up() {
    if [ -n "$child" ]; then kill "$child" 2>/dev/null && wait "$child" 2>/dev/null; fi
    rm -f -- "$work/curl.log" "$work/curl.code" "$work/unpack.log"
    if [ -n "$unpacking" ]; then rm -rf -- "$unpacking"; fi
}
trap 'exit 130' INT
trap 'exit 143' TERM
exec 9>"$work/.lock"
if ! flock -n 9; then
    echo "$set: another process is fetching it into $dir; waiting for its end"
    flock 9
fi
trap clean_up EXIT

for ((i = 0; i < count; i++)); do
    if ! is_there "$i"; then
        fetch_one "$i"
    elif [ "${how[i]}" = keep ]; then
        check_kept "$i"
    fi
done
for ((i = 0; i < count; i++)); do
    if [ "${how[i]}" = imagenet-boxes ]; then rm -f -- "$work/${file[i]}.part"; fi
done
echo "$set: complete in $dir$advice"
