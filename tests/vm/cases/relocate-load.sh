# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# 64 MiB move to the spare and back while fio verifies on another range: its I/O waits for none of
# it, which the counter held_outside shows, and all data is right afterwards.

MOVED=$((64 * 2048))

mkloop MAIN 200M
mkloop SPARE 200M
mkremap r "$MAIN" "$SPARE"
check "stamps on what will move" vm-test-sectors stamp /dev/mapper/r 0 $MOVED 1
verify_begin other /dev/mapper/r 200 --offset=100M --size=16M # until there is enough
sleep 1
began=$(date +%s%N)
msg_ok r relocate 0 $MOVED
moved=$(date +%s%N)
check "fio was still at work" running "$FIO_PID"
eq "mapped sectors" "$(field r mapped)" $MOVED
msg_ok r remove_remap 0
back=$(date +%s%N)
short || sleep 5
touch enough
verify_end other
echo "  64 MiB moved in $(((moved - began) / 1000000)) ms, back in $(((back - moved) / 1000000)) ms"
echo "  fio's worst latency: $(worst_latency other) ms"
msg_ok r stats
eq "held_outside" "$(reply_value held_outside)" 0
eq "copied_sectors" "$(reply_value copied_sectors)" $MOVED
eq "returned_sectors" "$(reply_value returned_sectors)" $MOVED
matches "fences: at least one for each MiB and way" "$(reply_value fences)" '^(12[89]|1[3-9][0-9])$'
eq "extents" "$(field r extents)" 0
check "what moved reads back" vm-test-sectors check /dev/mapper/r 0 $MOVED 1
check "on main too" vm-test-sectors check "$MAIN" 0 $MOVED 1
