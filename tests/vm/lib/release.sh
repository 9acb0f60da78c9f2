# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Which kernel release to boot for "6.12": the one a module was built for, else the newest.

# MODULES is set by all.sh and by an option of run.
MODULES=${MODULES:?}

# Built module directories of a series, the newest last; FLAVOUR may be empty.
built_releases() {
    local series=$1 flavour=$2 file release kind
    for file in "$MODULES"/"$series".*/dm-remap.ko; do
        [[ -e $file ]] || continue
        release=$(basename "$(dirname "$file")")
        kind=plain
        [[ $release != *-cloud-* ]] || kind=cloud
        [[ -n $flavour && $flavour != "$kind" ]] || printf '%s\n' "$release"
    done | sort -V
}

# choose_release SERIES FLAVOUR - prints it. With no flavour asked for, cloud is preferred:
# it has what the tests need, a third of the size, and boots faster.
choose_release() {
    local series=$1 flavour=$2 built
    [[ $series =~ ^[0-9]+\.[0-9]+$ ]] || die "'$series' is not a kernel series such as 6.12."
    [[ -z $flavour || $flavour == cloud || $flavour == plain ]] ||
        die "the flavour is cloud or plain, not '$flavour'."
    built=$(built_releases "$series" "${flavour:-cloud}" | tail -n 1)
    [[ -n $built || -n $flavour ]] || built=$(built_releases "$series" plain | tail -n 1)
    if [[ -n $built ]]; then
        printf '%s\n' "$built"
    else
        "$REPO/scripts/kernel-release.sh" "$series" "${flavour:-cloud}"
    fi
}

flavour_of() {
    if [[ $1 == *-cloud-* ]]; then
        printf cloud
    else
        printf plain
    fi
}
