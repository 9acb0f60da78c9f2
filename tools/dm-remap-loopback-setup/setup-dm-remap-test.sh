#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The name under which dm-remap-loopback-setup was known as a script. It starts the program, from this
# repository's build if there is one, else the one that is installed.
set -euo pipefail
HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
PROGRAM=dm-remap-loopback-setup

for candidate in "${DMREMAP_BUILD:-$HERE/../../build}/bin/$PROGRAM" "$(PATH=$PATH:/usr/local/sbin:/usr/sbin command -v $PROGRAM || true)"; do
    [[ ! -x $candidate ]] || exec "$candidate" "$@"
done
echo "$PROGRAM is neither built nor installed: run 'make programs' in the repository." >&2
exit 4
