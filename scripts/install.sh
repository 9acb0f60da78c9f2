#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Puts the module, the tools and their pages where the system looks for them, or takes them away:
#
#     install.sh install|uninstall BUILD-DIRECTORY
#
# From the environment: DESTDIR (a staging root; depmod is then left to the package), PREFIX,
# MODULEDIR, KVER.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Programs that are for developers and stay in the build directory.
is_tool() { [[ -x $1 && $1 != */*-test* && $1 != */*bench* && $1 != */unit-tests && $1 != */*-sim ]]; }

# What a build can have made: one module or, with BUILD_MODE=MODULAR, two.
MODULE_NAMES=(dm-remap dm-remap-core)

# module_target RELEASE [NAME]
module_target() { printf '%s/lib/modules/%s/%s/%s.ko' "$DESTDIR" "$1" "$MODULEDIR" "${2:-dm-remap}"; }

run_depmod() {
    [[ -z $DESTDIR ]] || return 0
    PATH=$PATH:/usr/sbin:/sbin depmod "$1"
}

# The module that was built for KVER, or for the running kernel, or the only one there is.
choose_release() {
    local release=${KVER:-} built
    [[ -n $release ]] || release=$(scripts/module-kver.sh 2>/dev/null) || release=''
    [[ -z $release || ! -e $1/module/$release/dm-remap.ko ]] || { printf '%s' "$release"; return; }
    [[ -z ${KVER:-} ]] || return 0
    mapfile -t built < <(find "$1/module" -name dm-remap.ko -printf '%h\n' 2>/dev/null)
    ((${#built[@]} != 1)) || printf '%s' "${built[0]##*/}"
}

install_module() {
    local release name
    release=$(choose_release "$1")
    if [[ -z $release ]]; then
        [[ -z ${KVER:-} ]] || die "there is no module for $KVER: run 'make module KVER=$KVER' first."
        say "no module to install: 'make module' builds one."
        return
    fi
    for name in "${MODULE_NAMES[@]}"; do
        if [[ -e $1/module/$release/$name.ko ]]; then
            install -D -m 644 "$1/module/$release/$name.ko" "$(module_target "$release" "$name")"
            say "installed $(module_target "$release" "$name")"
        else
            rm -f "$(module_target "$release" "$name")" # of an earlier build in the other mode
        fi
    done
    run_depmod "$release"
}

install_tools() {
    local program
    for program in "$1"/bin/*; do
        is_tool "$program" || continue
        install -D -m 755 "$program" "$DESTDIR$PREFIX/sbin/${program##*/}"
        say "installed $DESTDIR$PREFIX/sbin/${program##*/}"
    done
}

# Where nbdkit looks for its plugins; empty: it is not here.
plugin_directory() { pkg-config --variable=plugindir nbdkit 2>/dev/null || true; }

install_plugin() {
    local plugin=$1/nbdkit/nbdkit-dm-remap-plugin.so directory
    directory=$(plugin_directory)
    [[ -e $plugin && -n $directory ]] || return 0
    install -D -m 644 "$plugin" "$DESTDIR$directory/${plugin##*/}"
    say "installed $DESTDIR$directory/${plugin##*/}"
}

uninstall_plugin() {
    local plugin
    plugin=$DESTDIR$(plugin_directory)/nbdkit-dm-remap-plugin.so
    [[ -e $plugin ]] || return 0
    rm -f "$plugin"
    say "removed $plugin"
}

# pages_and_completions BUILD-DIRECTORY - source and target of each, a line.
pages_and_completions() {
    local file
    for file in "$1"/man/*.8; do
        [[ ! -e $file ]] || printf '%s %s\n' "$file" "$DESTDIR$PREFIX/share/man/man8/${file##*/}"
    done
    for file in tools/completion/*; do
        printf '%s %s\n' "$file" "$DESTDIR$PREFIX/share/bash-completion/completions/${file##*/}"
    done
}

install_pages() {
    local source target
    while read -r source target; do
        [[ $target != */completions/* || -x $1/bin/${source##*/} ]] || continue
        install -D -m 644 "$source" "$target"
        say "installed $target"
    done < <(pages_and_completions "$1")
}

uninstall_all() {
    local file release program target
    for file in "$DESTDIR"/lib/modules/*/"$MODULEDIR"/dm-remap{,-core}.ko; do
        [[ -e $file ]] || continue
        release=${file#"$DESTDIR/lib/modules/"}
        release=${release%%/*}
        [[ -z ${KVER:-} || $KVER == "$release" ]] || continue
        rm -f "$file"
        run_depmod "$release"
        say "removed $file"
    done
    for program in "$1"/bin/*; do
        is_tool "$program" || continue
        [[ ! -e $DESTDIR$PREFIX/sbin/${program##*/} ]] || say "removed $DESTDIR$PREFIX/sbin/${program##*/}"
        rm -f "$DESTDIR$PREFIX/sbin/${program##*/}"
    done
    uninstall_plugin
    while read -r _ target; do
        [[ ! -e $target ]] || say "removed $target"
        rm -f "$target"
    done < <(pages_and_completions "$1")
}

main() {
    local build=$2
    DESTDIR=${DESTDIR:-} PREFIX=${PREFIX:-/usr/local} MODULEDIR=${MODULEDIR:-updates}
    case $1 in
        install)
            install_module "$build"
            install_tools "$build"
            install_plugin "$build"
            install_pages "$build"
            ;;
        uninstall) uninstall_all "$build" ;;
        *) die "usage: install.sh install|uninstall BUILD-DIRECTORY" ;;
    esac
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
main "$@"
