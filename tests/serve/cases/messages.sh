# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The target's messages on the control socket, and sectors that fail.
new_images
dd if=/dev/urandom of=main.img bs=1M count=8 conv=notrunc status=none
cp main.img before.img
start_server --fail-sectors 1000,2000-2007
for socket in "$NAME" n; do
    expect 0 '^srw------- 600$' stat -c '%A %a' "$socket"
done
expect 0 "^extents +0$" "$DMREMAP" status "$NAME"
expect 0 '' "$DMREMAP" add "$NAME" 3000 5000 100
expect 0 '3000 +5000 +100 +active' "$DMREMAP" list "$NAME"
grep -q 'Added remap: 3000 -> 5000 (length: 100)' server.log && PASSED=$((PASSED + 1)) || FAILED=$((FAILED + 1))
refuses 5 'add_remap: the range is mapped already \(sector 3050\)' "$DMREMAP" add "$NAME" 3050 9000 8
refuses 1 "relocate: MAIN 99999999999 with LEN 8 reaches beyond main, which has $SECTORS sectors" \
    "$DMREMAP" relocate "$NAME" 99999999999 8
expect 0 '"extents": 1' "$DMREMAP" status "$NAME" --json
# A read of the moved range and of the rest.
expect 0 '' nbdsh -u "$URI" -c 'assert h.pread(204800, 2900 * 512) == open("before.img", "rb").read()[2900 * 512:3300 * 512]'
expect 0 '"in_flight": 0' "$DMREMAP" status "$NAME" --json
# What fails fails alone, and is pending; moved, it is lost until it is written; then it is there.
nbd() { nbdsh -u "$URI" -c "$1"; }
expect 1 'Input/output error' nbd 'h.pread(4096, 2000 * 512)'
expect 0 '' nbd 'h.pread(512, 1999 * 512)'
expect 0 'pending_sectors +8' "$DMREMAP" status "$NAME"
expect 0 '' "$DMREMAP" relocate "$NAME" 1000 1
expect 0 '' "$DMREMAP" relocate "$NAME" 2000 8
expect 0 'pending_sectors +0' "$DMREMAP" status "$NAME"
expect 0 '1000 +[0-9]+ +1 +lost' "$DMREMAP" list "$NAME"
expect 1 'Input/output error' nbd 'h.pread(512, 1000 * 512)'
expect 0 '' nbd 'h.pwrite(b"z" * 512, 1000 * 512)'
expect 0 '' nbd 'assert h.pread(512, 1000 * 512) == b"z" * 512'
expect 0 '1000 +[0-9]+ +1 +active' "$DMREMAP" list "$NAME"
expect 0 'lost_sectors +8' "$DMREMAP" status "$NAME"
# One write across main, a lost range and main again, larger than a slice.
expect 0 '' nbd 'h.pwrite(b"w" * 1048576, 1900 * 512); assert h.pread(1048576, 1900 * 512) == b"w" * 1048576'
expect 0 'lost_sectors +0' "$DMREMAP" status "$NAME"
expect 0 '' nbd 'h.zero(512, 1000 * 512); assert h.pread(512, 1000 * 512) == bytes(512)'
# Messages that no subcommand sends as they are; in any letters.
message() { python3 "$HERE/ask.py" "$NAME" "message $1"; }
expect 0 '^add_remap MAIN SPARE LEN \[nocopy\]$' message help
expect 0 '^remove_remap MAIN \[LEN\] \[stale-ok\]$' message HELP
expect 0 '^score=[0-9]+$' message health
expect 0 '^rating=[A-Z]+$' message Health
expect 0 '^added=3$' message stats
expect 0 '^fences=[1-9][0-9]*$' message StAtS
expect 0 '^counters cleared$' message Clear_Stats
expect 0 '^added=0$' message stats
expect 0 '' message 'Add_Remap 60000 70000 16 NoCopy'
expect 0 '60000 +70000 +16 +lost' "$DMREMAP" list "$NAME"
expect 0 '' message 'Remove_Remap 60000 16 Stale-OK'
"$DMREMAP" list "$NAME" >told
expect 1 '' grep '^ *60000 ' told
expect 1 "^unknown message 'unmap'; 'help' lists the messages$" message 'unmap 1'
expect 1 '^remove_remap: nothing is mapped there \(sector 60000\)$' message 'remove_remap 60000'
# In use, it is not removed.
nbdsh -u "$URI" -c 'import time; open("up", "w"); time.sleep(60)' &
CLIENT=$!
for _ in {1..100}; do [[ ! -e up ]] || break; sleep 0.05; done
refuses 5 'remap is in use: a client is connected' "$DMREMAP" remove "$NAME"
kill "$CLIENT"
wait "$CLIENT" 2>/dev/null || true
expect 0 '' "$DMREMAP" del "$NAME" 3000
sleep 0.2
expect 0 '' "$DMREMAP" remove "$NAME"
wait "$SERVER" && PASSED=$((PASSED + 1)) || FAILED=$((FAILED + 1))
expect 1 '' test -e "$NAME"
expect 0 'extents +2 ' "$DMREMAP" check spare.img
