#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Prints the kernel release to build the module for: the running kernel when its headers are
# here, else the newest release whose headers are. Without any it says what to install.
#
#     scripts/module-kver.sh        ->  6.12.<n>+deb12-amd64
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

has_headers() { [[ -e /lib/modules/$1/build/Makefile ]]; }

newest_with_headers() {
    local directory
    for directory in /lib/modules/*/; do
        directory=${directory%/}
        ! has_headers "${directory##*/}" || printf '%s\n' "${directory##*/}"
    done | sort -V | tail -n 1
}

main() {
    local release
    release=$(uname -r)
    has_headers "$release" || release=$(newest_with_headers)
    [[ -n $release ]] || die "no kernel headers are installed, so no module can be built: as root, run" \
        "'apt-get install linux-headers-$(uname -r)' for the running kernel," \
        "or 'scripts/deps.sh headers' for Debian's 6.1 and 6.12."
    printf '%s\n' "$release"
}

main "$@"
