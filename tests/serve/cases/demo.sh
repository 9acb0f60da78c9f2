# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The demonstration shows what it says, and leaves nothing behind.
left() { ls -d "${TMPDIR:-/tmp}"/dmremap-demo-* /run/dm-remap/demo-* "$XDG_RUNTIME_DIR"/dm-remap/demo-* 2>/dev/null; }
BEFORE=$(left)
expect 0 '^All 7 steps hold\.$' "$DMREMAP" demo
cp output told
expect 0 '' grep '^ 4\. That is why: [1-9][0-9]* bad sectors' told
check 'nothing is left' test "$(left)" = "$BEFORE"
# Without what it needs it says so.
mkdir bin
refuses 4 'the program mkfs.ext4 is not there' unshare -rm bash -c \
    'for d in /sbin /usr/sbin /usr/local/sbin; do mount --bind bin $d; done; PATH=bin "$0" demo' "$DMREMAP"
if ((EUID)); then
    skip 'without FUSE; another user' 'only root can hide /dev/fuse, and become one'
    return 0
fi
refuses 4 'the server did not start: FUSE cannot be mounted at /[^ ]*: .+' \
    unshare -m sh -c 'mount --bind /dev/null /dev/fuse && exec "$0" demo' "$DMREMAP"
check 'and leaves nothing behind either' test "$(left)" = "$BEFORE"
# Another user: the demonstration holds, and what is served without an option is a file.
for_another
expect 0 '^All 7 steps hold\.$' "${OTHER[@]}" "$DMREMAP" demo
check 'nothing of it is left' test -z "$(ls -d dmremap-demo-* dm-remap/demo-* 2>/dev/null)"
new_images
chown 65534:65534 main.img spare.img
: >address
"${OTHER[@]}" "$DMREMAP" serve main.img spare.img >address 2>server.log &
SERVER=$!
SERVERS+=("$SERVER")
started 2
expect 0 "^nbd\+unix:///\?socket=$PWD/dm-remap/remap.nbd$" sed -n 1p address
expect 0 "^$PWD/dm-remap/remap.device/remap$" sed -n 2p address
# Nobody else sees what he has mounted.
theirs() { nsenter -m -t "$SERVER" setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
expect 0 "^$((MIB << 20)) 600$" theirs stat -c '%s %a' "$PWD/dm-remap/remap.device/remap"
expect 0 '' theirs mkfs.ext4 -qF "$PWD/dm-remap/remap.device/remap"
expect 0 '' theirs e2fsck -fn "$PWD/dm-remap/remap.device/remap"
end_server TERM
expect 0 '^0$' echo "$ENDED"
expect 0 'nothing is damaged' "$DMREMAP" check spare.img --main main.img
