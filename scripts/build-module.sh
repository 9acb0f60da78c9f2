#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the kernel module:
#
#     scripts/build-module.sh [RELEASE [SETTING=VALUE...]]    ->  build/module/RELEASE/dm-remap.ko
#
# BUILD_MODE=MODULAR, as a setting or in the environment, makes two modules of it: dm-remap.ko and
# the dm-remap-core.ko that it stands on. OUT names another folder than build/module.
#
# RELEASE is the kernel to build for, as `uname -r` prints it; without it the running kernel, else
# the newest one whose headers are installed. KDIR names its build folder where that is not
# /lib/modules/RELEASE/build. Settings are those of Kbuild: V=1, W=1.
#
# Each kernel has a folder of its own, with links to the sources in it: several can be built from
# one checkout, also at the same time.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

build_folder() { printf '%s' "${KDIR:-/lib/modules/$1/build}"; }

has_headers() { [[ -e $(build_folder "$1")/Makefile ]]; }

newest_headers() {
    local makefile
    for makefile in /lib/modules/*/build/Makefile; do
        [[ -e $makefile ]] || continue
        makefile=${makefile#/lib/modules/}
        printf '%s\n' "${makefile%/build/Makefile}"
    done | sort -V | tail -n 1
}

choose_release() {
    local release
    release=$(uname -r)
    has_headers "$release" || release=$(newest_headers)
    [[ -n $release ]] ||
        die "no kernel headers are installed: run 'scripts/deps.sh headers', or install the package linux-headers-$(uname -r)."
    printf '%s' "$release"
}

# Links that lead to the sources, and none that leads nowhere any more. What another mode left goes
# too: whoever takes all modules of the folder must get those of one build.
stage() {
    local folder=$1 mode=$2
    mkdir -p "$folder"
    find "$folder" -maxdepth 1 -xtype l -delete
    ln -sf "$ROOT"/kernel/Kbuild "$ROOT"/kernel/*.[ch] "$folder"/
    if [[ $(cat "$folder/mode" 2>/dev/null) != "$mode" ]]; then
        rm -f "$folder"/*.ko "$folder"/*.mod* "$folder"/.*.mod* "$folder"/.*.ko.cmd \
            "$folder"/dm-remap*.o "$folder"/.dm-remap*.o.cmd "$folder"/Module.symvers
        printf '%s\n' "$mode" >"$folder/mode"
    fi
}

# choose_mode SETTING... - a setting that is given twice counts as make would have it: the last one.
choose_mode() {
    local setting mode=${BUILD_MODE:-INTEGRATED}
    for setting in "$@"; do
        [[ $setting != BUILD_MODE=* ]] || mode=${setting#*=}
    done
    [[ $mode == INTEGRATED || $mode == MODULAR ]] ||
        die "BUILD_MODE is INTEGRATED or MODULAR, not '$mode'."
    printf '%s' "$mode"
}

main() {
    local release=${1:-} folder mode module
    shift $(($# > 0))
    [[ -n $release ]] || release=$(choose_release)
    has_headers "$release" ||
        die "the headers of kernel $release are not installed: run 'scripts/deps.sh headers', or install the package linux-headers-$release."
    mode=$(choose_mode "$@")
    folder=${OUT:-$ROOT/build/module}
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)/$release
    stage "$folder" "$mode"
    "${MAKE:-make}" --no-print-directory -C "$(build_folder "$release")" M="$folder" "$@" \
        BUILD_MODE="$mode" modules
    for module in "$folder"/*.ko; do
        say "${module#"$ROOT"/}"
    done
}

main "$@"
