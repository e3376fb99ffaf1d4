#!/bin/sh
# new-optimizer.sh NAME: writes baselines/NAME.c, a complete update rule to change, from tools/optimizer-template.c. The build
# finds it by itself. `make optimizer NAME=...` calls this.
set -eu
cd "$(dirname "$0")/.."

refuse() {
    echo "new-optimizer.sh: $1" >&2
    exit 1
}

usage='give the new rule a name: make optimizer NAME=my_rule'
[ $# -eq 1 ] && [ -n "$1" ] || refuse "$usage"
name=$1

# A locale's idea of a-z may hold capitals, hence the letters.
case $name in
[!abcdefghijklmnopqrstuvwxyz]* | *[!abcdefghijklmnopqrstuvwxyz0123456789_]*)
    refuse "NAME=$name: a name is small letters, digits and _, the first one a letter" ;;
esac
[ ${#name} -le 30 ] || refuse "NAME=$name: ${#name} characters; a name has at most 30"
keywords=' auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true false '
case $(echo "$keywords" | tr '\n' ' ') in
*" $name "*) refuse "NAME=$name: a word of the language C; take another name" ;;
esac
file=baselines/$name.c
[ ! -e "$file" ] || refuse "$file exists already; take another name"
if grep -q "^const bso_optimizer bso_optimizer_$name = {" core/*.c baselines/*.c; then
    refuse "NAME=$name: there is an optimizer of that name; take another one"
fi

# Under its name only when complete: the build takes every file it finds there.
trap 'rm -f "$file.tmp"' EXIT
sed "s/@NAME@/$name/g" tools/optimizer-template.c > "$file.tmp"
mv "$file.tmp" "$file"

cat << END
$file: a complete rule, to be changed into yours. Then:

    make && build/bso list             is it there?
    make test                          does it keep to the interface? (that alone: build/tests/test_conformance $name)
    build/bso tune $name               find its hyperparameters
    build/bso compare $name tbso adam_ste
END
