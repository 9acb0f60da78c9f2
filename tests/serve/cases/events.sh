# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# `dmremap events` tells of a served device what `dmsetup wait` tells of a mapped one.
ask() { python3 "$HERE/ask.py" "$NAME" "$1"; }
tasks() { find "/proc/$SERVER/task" -mindepth 1 -maxdepth 1 | wc -l; }
new_images
start_server --fail-sectors 1000,2000
BEFORE=$(ask events)
IDLE=$(tasks)
expect 1 'is not a number' ask 'events x'
# Nothing happens: it waits. What is no event does not wake it.
expect 124 '' timeout 1 "$DMREMAP" events "$NAME" --count 1
timeout 20 "$DMREMAP" events "$NAME" --from "$BEFORE" --count 2 >told &
WAITER=$!
expect 0 '' "$DMREMAP" relocate "$NAME" 5000 8
sleep 0.3
expect 0 '^0$' stat -c %s told
# A sector that is lost, and one that is pending.
expect 0 '' "$DMREMAP" relocate "$NAME" 1000 1
for _ in {1..100}; do [[ ! -s told ]] || break; sleep 0.05; done
expect 0 "^$((BEFORE + 1)) 0 $SECTORS dm-remap ok " cat told
expect 1 'Input/output error' nbdsh -u "$URI" -c 'h.pread(512, 2000 * 512)'
ENDED=0
wait "$WAITER" || ENDED=$?
expect 0 '^0$' echo "$ENDED"
expect 0 "^$((BEFORE + 2)) 0 $SECTORS dm-remap ok " cat told
expect 0 '^2$' grep -c . told
# What has passed is told at once to who asks for it.
expect 0 "^$((BEFORE + 2)) " timeout 5 "$DMREMAP" events "$NAME" --from "$BEFORE" --count 1
# Who hangs up is waited for no longer.
expect 124 '' timeout 1 "$DMREMAP" events "$NAME"
for _ in {1..40}; do (($(tasks) > IDLE)) || break; sleep 0.05; ask events >told; done
check 'no thread is left' test "$(tasks)" -le $((IDLE + 1))
# The end of the service is the end of the wait.
"$DMREMAP" events "$NAME" >told 2>&1 &
WAITER=$!
sleep 0.3
end_server TERM
expect 0 '^0$' echo "$ENDED"
ENDED=0
wait "$WAITER" || ENDED=$?
expect 0 '^4$' echo "$ENDED"
expect 0 'it is not served any more' cat told
