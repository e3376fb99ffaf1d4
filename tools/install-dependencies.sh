#!/bin/bash
# install-dependencies.sh: checks that the Debian or Ubuntu packages this project needs are there and installs what is not.
#
# It installs packages and nothing else: no sources, no settings, nothing outside apt. Silent when nothing is missing.
set -euo pipefail

usage() {
    cat <<'END'
usage: tools/install-dependencies.sh [--for run|test|ci|emulation]

  --for run   what ./run_all.sh needs (the default)
  --for test  what `make test` needs
  --for ci    all of it, and the compilers and checkers of .ci/run
  --for emulation
              what `make test-avx512` needs besides

Missing packages are installed with apt-get as root or with passwordless sudo; otherwise the command to run is
printed and the exit status is 1. With BSO_DATA_DIR set, the packaged Fashion-MNIST is not required.
END
}

purpose=run
while [ $# -gt 0 ]; do
    case $1 in
    --for) [ $# -ge 2 ] || { usage >&2; exit 2; }; purpose=$2; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "install-dependencies.sh: unknown option: $1" >&2; usage >&2; exit 2 ;;
    esac
done
case $purpose in run | test | ci | emulation) ;; *) usage >&2; exit 2 ;; esac

dataset_need=required
[ -z "${BSO_DATA_DIR:-}" ] || dataset_need=optional

# package | needed for | required or optional | a command that is as good as the package, or - | what is off without it
packages="
build-essential|run test ci|required|-|the compiler and make
pkg-config|run test ci|required|pkg-config|finding the libraries
libopenblas-openmp-dev|run test ci|required|-|matrix products
libhdf5-dev|run test ci|required|-|result files
libconfig-dev|run test ci|required|-|sweep files
librandom123-dev|run test ci|required|-|random numbers
zlib1g-dev|run test ci|required|-|compressed data files
libsndfile1-dev|run test ci|required|-|recordings
libturbojpeg0-dev|run test ci|required|-|photographs
libpng-dev|run test ci|required|-|photographs that are PNG files
libsamplerate0-dev|run test ci|required|-|recordings of other rates
libfftw3-dev|run test ci|required|-|spectrograms
dataset-fashion-mnist|run test ci|$dataset_need|-|the default data set
gnuplot-nox|run ci|optional|gnuplot|the plots; tables and the report are made all the same
espeak-ng|run test ci|optional|espeak-ng|the stand-in for Speech Commands; its tests
curl|run|optional|curl|downloading data sets
ca-certificates|run|optional|-|downloading data sets from https addresses
unzip|run|optional|unzip|unpacking CIFAR10-DVS and N-MNIST
curl|test ci|required|curl|the tests of downloading
unzip|test ci|required|unzip|the same
zip|test ci|required|zip|the same
procps|test ci|required|pkill|the tests that kill
libcmocka-dev|test ci|required|-|the unit tests
libopenmpi-dev|test ci|optional|-|trainings on several machines (make mpi); their tests
openmpi-bin|test ci|optional|mpirun|the same
slurm-wlm|test ci|optional|sbatch|the tests of run_all.sh --slurm
munge|test ci|optional|munged|the same
chromium|test ci|optional|chromium|the tests of what the report looks like
clang|ci|required|clang|the second compiler
libclang-rt-dev|ci|required|-|its libFuzzer and sanitizers
libomp-dev|ci|required|-|the second compiler's OpenMP
clang-format|ci|required|clang-format|the layout check
bochs|emulation|required|-|a CPU with AVX-512
bochs-term|emulation|required|-|its screen, in a terminal
isolinux|emulation|required|-|starting the emulated machine
syslinux-common|emulation|required|-|the same
xorriso|emulation|required|xorriso|its disk
cpio|emulation|required|cpio|the same
"

if ! command -v dpkg-query >/dev/null; then
    echo "install-dependencies.sh: not a Debian or Ubuntu system; going on without checking. Needed under other names:" >&2
    while IFS='|' read -r package purposes need _ effect; do
        case " $purposes " in *" $purpose "*) echo "    $package ($need: $effect)" >&2 ;; esac
    done <<<"$packages"
    exit 0
fi

present() { # package, command or -
    [ "$2" = - ] || ! command -v "$2" >/dev/null || return 0
    [ "$(dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | head -n 1)" = installed ]
}

required=() optional=() effects=()
while IFS='|' read -r package purposes need substitute effect; do
    case " $purposes " in *" $purpose "*) ;; *) continue ;; esac
    ! present "$package" "$substitute" || continue
    if [ "$need" = required ]; then
        required+=("$package")
    else
        optional+=("$package") effects+=("$effect")
    fi
done <<<"$packages"

missing=("${required[@]}" "${optional[@]}")
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
may_install=yes
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root=(sudo -n); else may_install=no; fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120 "$@" >>"$log" 2>&1
}

ask_for() { # packages...
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*" >&2
}

if [ $may_install = yes ]; then
    echo "installing ${missing[*]}"
    # A list that cannot be refreshed may still do: the installation below decides.
    apt update || true
    if [ ${#required[@]} -gt 0 ] && ! apt install --no-install-recommends "${required[@]}"; then
        tail -n 15 "$log" >&2
        echo "These packages are missing and apt-get could not install them (its last words are above): ${required[*]}" >&2
        echo "Once apt-get works here, run" >&2
        ask_for "${required[@]}"
        exit 1
    fi
elif [ ${#required[@]} -gt 0 ]; then
    echo "These packages are missing, and this user may not install them: ${required[*]}" >&2
    echo "Run" >&2
    ask_for "${missing[@]}"
    echo "and start again." >&2
    exit 1
fi

for i in "${!optional[@]}"; do
    if [ $may_install = no ] || ! apt install --no-install-recommends "${optional[i]}"; then
        echo "without the package ${optional[i]} you go without: ${effects[i]}. To have it, run" >&2
        ask_for "${optional[i]}"
    fi
done
