# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What goes into the guest: a tar archive written straight onto a disk, laid out like the
# repository, so that scripts find each other by the paths they know.

# INPUT_PATHS are taken as they are when they exist.
# Modules that cases need besides ours (dust.sh).
EXTRA_MODULES=()

INPUT_PATHS=(tests scripts demos tools/dm-remap-loopback-setup quickstart.sh Makefile build/bin)

# make_input FILE RELEASE DIRECTORY-WITH-THE-PLAN
make_input() {
    local file=$1 release=$2 plan_dir=$3 path paths=()
    for path in "${INPUT_PATHS[@]}"; do
        [[ ! -e $REPO/$path ]] || paths+=("$path")
    done
    tar -C "$REPO" --owner=0 --group=0 -cf "$file" "${paths[@]}"
    [[ ! -d $MODULES/$release ]] ||
        tar -C "$MODULES" --owner=0 --group=0 --transform='s,^,build/module/,' -rf "$file" "$release"
    for path in "${EXTRA_MODULES[@]}"; do
        tar -C "$(dirname "$path")" --owner=0 --group=0 --transform="s,^,build/module/$release/," -rf "$file" "$(basename "$path")"
    done
    # What cases can be told from outside, such as DMREMAP_LONG=1.
    env | sed -nE 's/^(DMREMAP_[A-Z_]+=[A-Za-z0-9._-]*)$/export \1/p' >"$plan_dir/environment"
    tar -C "$plan_dir" --owner=0 --group=0 -rf "$file" plan environment
    for path in script source.tar; do
        [[ ! -e $plan_dir/$path ]] || tar -C "$plan_dir" --owner=0 --group=0 -rf "$file" "$path"
    done
    [[ $MODULES == */none ]] || compgen -G "$MODULES/$release/*.ko" >/dev/null ||
        say "note: build/module/$release has no module; 'make module KVER=$release' builds it. Booting without." >&2
    compgen -G "$REPO/build/bin/vm-test-*" >/dev/null ||
        say "note: build/bin has no programs for the cases; 'make programs' builds them." >&2
}

# make_source FILE - the repository as a user gets it: what git knows, as it is in this folder.
make_source() {
    git -c safe.directory="$REPO" -C "$REPO" ls-files -z --cached --others --exclude-standard |
        tar -C "$REPO" --owner=0 --group=0 --ignore-failed-read --null -T - -cf "$1" 2>/dev/null
}

# unpack_output DISK DIRECTORY - what the guest left there; a guest that died left nothing.
unpack_output() {
    mkdir -p "$2"
    tar -C "$2" -xf "$1" 2>/dev/null || true
}
