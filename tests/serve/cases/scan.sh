# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The scan of a served device: it finds what is bad, survives restarts, and stands back behind clients.
new_images
start_server --fail-sectors 1000,70000-70003,131071
expect 0 '^scan=stopped$' "$DMREMAP" scan "$NAME" status
expect 1 'now' "$DMREMAP" scan "$NAME" now
expect 0 '^scan started at sector 0$' "$DMREMAP" scan "$NAME" start
for _ in {1..300}; do
    "$DMREMAP" scan "$NAME" status >told
    ! grep -q '^scan_passes=1$' told || break
    sleep 0.1
done
expect 0 '^scan=stopped$' cat told
expect 0 '^scan_pending_sectors=6$' cat told
expect 0 'pending_sectors +6$' "$DMREMAP" status "$NAME"
expect 0 'read_errors +0$' "$DMREMAP" status "$NAME"
# The next write brings such a sector back.
expect 0 '' nbdsh -u "$URI" -c 'h.pwrite(b"w" * 4096, 1000 * 512)'
expect 0 'pending_sectors +5$' "$DMREMAP" status "$NAME"
# In the middle of a pass, stopped cleanly and killed.
for signal in TERM KILL; do
    expect 0 '^scan started' "$DMREMAP" scan "$NAME" start
    sleep 0.5
    end_server "$signal"
    start_server
    expect 0 '^scan=running$' "$DMREMAP" scan "$NAME" status
    expect 0 'pending_sectors +5$' "$DMREMAP" status "$NAME"
    expect 0 '^scan stopped at sector [0-9]+$' "$DMREMAP" scan "$NAME" stop
done
end_server TERM
expect 0 'nothing is damaged' "$DMREMAP" check spare.img --main main.img
