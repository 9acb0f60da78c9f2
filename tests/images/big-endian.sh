#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whether a big-endian machine writes and reads the images of the format as they are: builds
# image.cc for s390x and runs it under qemu-user. 'scripts/deps.sh cross' installs what it needs.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/../../scripts/lib.sh"

CROSS=${CROSS:-s390x-linux-gnu-g++}
EMULATOR=${EMULATOR:-qemu-s390x}

main() {
    local temp
    have "$CROSS" "$EMULATOR" || die "$CROSS or $EMULATOR is missing: run 'scripts/deps.sh cross'."
    temp=$(mktemp -d)
    # shellcheck disable=SC2064 # the directory of now
    trap "rm -rf '$temp'" EXIT
    cd "$HERE/../.."
    "$CROSS" -std=c++20 -O1 -static -I. -o "$temp/image" \
        tests/images/image.cc tests/unit/host_broken.cc
    "$EMULATOR" "$temp/image" check tests/images
}

main "$@"
