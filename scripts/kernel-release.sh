#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Prints the newest Debian kernel release of a series that the package lists offer with both
# headers and an image, so that what is built is what can be booted:
#
#     scripts/kernel-release.sh 6.12 cloud     ->  6.12.<n>+deb12-cloud-amd64
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() { die "usage: kernel-release.sh SERIES [plain|cloud], for example: kernel-release.sh 6.12 cloud"; }

suffix_of() {
    case $1 in
        plain) printf 'amd64' ;;
        cloud) printf 'cloud-amd64' ;;
        *) usage ;;
    esac
}

# Releases of one series and flavour that have a package named PREFIX-RELEASE. A release of
# another flavour (rt, cloud) has letters and a dash before the suffix; the pattern for the
# middle part therefore takes no word after a dash, except a bare ABI number as in 6.1.0-56.
releases_with() {
    local prefix=$1 series=${2//./\\.} suffix=$3
    apt-cache pkgnames "$prefix-$2." |
        sed -nE "s/^$prefix-($series\.[0-9]+([+~.][0-9a-z+~.]*)?(-[0-9]+)?-$suffix)(-unsigned)?$/\1/p" |
        sort -Vu
}

main() {
    (($# >= 1 && $# <= 2)) || usage
    local series=$1 suffix release
    suffix=$(suffix_of "${2:-plain}")
    have apt-cache || die "apt-cache is missing: kernels can be chosen on Debian only."
    release=$(comm -12 <(releases_with linux-headers "$series" "$suffix" | sort) \
        <(releases_with linux-image "$series" "$suffix" | sort) | sort -V | tail -n 1)
    [[ -n $release ]] ||
        die "the package lists offer no kernel $series ($suffix): run 'apt-get update' as root and see that the suite bookworm-security is in the sources."
    printf '%s\n' "$release"
}

main "$@"
