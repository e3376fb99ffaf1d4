#!/bin/bash
# test-avx512.sh FOLDER TEST...: runs tests on the AVX-512 path on a CPU that has no AVX-512.
#
# The CPU is Bochs's, which emulates those of 2019. No emulator of a single process that Debian packages knows AVX-512
# (QEMU, Valgrind), so a whole machine is started: Debian's kernel, and in its initial RAM disk the TESTs (cmocka programs)
# with the shared libraries they need and tests/emulated/init.c, which runs them. What they print comes out of the serial
# port. It is slow, about a thousandth of the speed of a real CPU, and says nothing about speed.
#
# One line for each test; the output of those that fail; the last line is the total, "N passed, N failed". FOLDER keeps the
# machine, its output (serial.txt) and Bochs's log. Where the CPU has AVX-512, or the packages cannot be had, nothing is run
# and the exit status is 0. BSO_EMULATION_SECONDS (3600) limits the whole.
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: tools/test-avx512.sh FOLDER TEST..." >&2; exit 2; }
folder=$1
shift
limit=${BSO_EMULATION_SECONDS:-3600}

skip() {
    echo "skipped: $*"
    exit 0
}

[ "$(uname -m)" = x86_64 ] || skip "the AVX-512 path is not built on $(uname -m)"
if grep -w avx512_vpopcntdq /proc/cpuinfo | grep -qw avx512_vnni; then
    echo "This CPU has AVX-512: \`make test\` runs that path, nothing needs emulating."
    exit 0
fi
tools/install-dependencies.sh --for emulation || skip "no emulator"

# The kernel is unpacked, not installed: an installed one would be what this machine starts with next time.
fetch_kernel() { # into the folder linux
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
    [ -n "$package" ] && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg-deb -x linux-image-*.deb linux
}
mkdir -p "$folder"
if [ ! -e "$folder/vmlinuz" ]; then
    (cd "$folder" && { fetch_kernel || { apt-get -qq update && fetch_kernel; }; } >kernel.log 2>&1) ||
        skip "Debian's package linux-image-cloud-amd64 could not be downloaded ($folder/kernel.log)"
    mv "$folder"/linux/boot/vmlinuz-* "$folder/vmlinuz"
    rm -r "$folder"/linux "$folder"/linux-image-*.deb
fi

# ---- the machine

root=$folder/root iso=$folder/iso
rm -rf "$root" "$iso"
mkdir -p "$root"/{dev,proc,sys,tmp,tests} "$iso"
"${CC:-gcc}" -D_DEFAULT_SOURCE -O1 -Wall -Wextra -static -o "$root/init" tests/emulated/init.c
cp "$@" "$root/tests"
for library in $(ldd "$@" | grep -o '/[^ :]* (0x' | cut -d ' ' -f 1 | sort -u); do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
(cd "$root" && find . | cpio --quiet -o -H newc) >"$iso/initrd"

# Bochs 2.7 tells sizes of XSAVE areas that do not agree (pku, xsaves, xsavec), and FSRM without fast strings, for which
# Linux 6.1 picks a memmove() that is wrong: the kernel is told not to use them.
cat >"$iso/isolinux.cfg" <<END
default test
prompt 0
label test
  kernel vmlinuz
  append initrd=initrd console=ttyS0 quiet clearcpuid=pku,xsaves,xsavec,fsrm mitigations=off nokaslr
END
cp "$folder/vmlinuz" /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$iso"
xorriso -as mkisofs -quiet -o "$folder/machine.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table "$iso" 2>"$folder/xorriso.log" || { cat "$folder/xorriso.log" >&2; exit 1; }

cat >"$folder/bochsrc" <<END
cpu: model=corei7_icelake_u, ips=50000000, reset_on_triple_fault=0
megs: 512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$folder/machine.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$folder/serial.txt
log: $folder/bochs.log
display_library: term
END
# Debian's Bochs starts in its debugger.
printf 'continue\nquit\n' >"$folder/debugger"

# ---- run it

rm -f "$folder/serial.txt"
TERM=xterm timeout -k 10 "$limit" bochs -rc "$folder/debugger" -f "$folder/bochsrc" </dev/null >"$folder/screen.txt" 2>&1 &
bochs=$!
trap 'kill $bochs 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
# A kernel that has given up does not end Bochs. Its screen is a terminal that somebody must read, or Bochs waits for ever: the
# cursor blinks.
screen=
while kill -0 $bochs 2>/dev/null && ! grep -qs 'Kernel panic' "$folder/serial.txt"; do
    if [ -z "$screen" ] && screen=$(sed -n 's/^Bochs connected to screen "\(.*\)".*/\1/p' "$folder/screen.txt") && [ -n "$screen" ]; then
        cat "$screen" >/dev/null 2>&1 &
    fi
    sleep 1
done

# ---- what came of it

output=$folder/output.txt log=$folder/test.txt
[ -e "$folder/serial.txt" ] || { echo "Bochs did not start: see $folder/screen.txt and $folder/bochs.log" >&2; exit 1; }
tr -d '\r' <"$folder/serial.txt" >"$output"
sed -n 's/^=== cpu /emulated CPU: /p' "$output"
sed -n 's/^=== features //p' "$output" | tr ' ' '\n' | grep -E '^(avx|bmi|fma|popcnt|gfni)' | paste -sd ' ' | fold -s -w 110 | sed 's/^/    /'

total_passed=0 total_failed=0
for test in "$@"; do
    name=$(basename "$test")
    sed -n "/^=== begin $name\$/,/^=== end $name /p" "$output" >"$log"
    status=$(sed -n "s/^=== end $name //p" "$log")
    passed=$(awk '/^\[  PASSED  \]/ { n += $4 } END { print n + 0 }' "$log")
    failed=$(awk '/^\[  FAILED  \] [0-9]+ test/ { n += $4 } END { print n + 0 }' "$log")
    if [ "$failed" -eq 0 ] && { [ "$status" != 0 ] || [ "$passed" -eq 0 ]; }; then failed=1; fi
    total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed))
    if [ "$failed" -eq 0 ]; then
        printf 'ok    %-28s %4d passed\n' "$name" "$passed"
    else
        trouble="did not end"
        [ -z "$status" ] || trouble="exit status $status"
        printf 'FAIL  %-28s %4d passed, %d failed (%s)\n' "$name" "$passed" "$failed" "$trouble"
        sed 's/^/    | /' "$log"
    fi
done
if [ $total_passed -eq 0 ]; then tail -n 20 "$output" >&2; fi
echo "$total_passed passed, $total_failed failed"
[ $total_failed -eq 0 ]
