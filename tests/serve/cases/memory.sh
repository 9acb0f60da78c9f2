# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Files in memory are read and written at once, not through the ring: what is promised is the same.
MEMORY=$(mktemp -d /dev/shm/dm-remap-test.XXXXXX)
trap 'end_servers; rm -rf "$MEMORY"' EXIT
expect 0 '^tmpfs$' stat -f -c %T "$MEMORY"
cd "$MEMORY" || exit
. "$HERE/cases/recover.sh"
. "$HERE/cases/verify.sh"
. "$HERE/cases/spares.sh"
