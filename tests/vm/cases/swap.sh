# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# needs: own-boot
# memory: 256
# timeout: 400
#
# Swap on a dm-remap in a machine of 256 MiB, with 400 MiB in use that are verified word by word,
# while the remaps below the swap come and go. A remap that needed memory which only swapping can
# free would stand still here for ever.

scratch MAIN 0
scratch SPARE 1
mkdm live "0 $((600 * 2048)) dm-remap $MAIN $SPARE"
swap_on /dev/mapper/live
out=$(counted pswpout) in=$(counted pswpin)
churn_begin live 0 $((450 * 2048))
check "400 MiB in a machine of 256" vm-test-memory verify 400 "$(longer 5)"
# A message that finds no memory at all may be refused, and has changed nothing then.
churn_end live ENOMEM
out=$(($(counted pswpout) - out)) in=$(($(counted pswpin) - in))
echo "  pages swapped out: $out, in: $in"
((out > 50000)) || fail "only $out pages were swapped out"
((in > 20000)) || fail "only $in pages were swapped in"
healthy live
msg_ok live stats
matches "swap went to the spare: remapped_writes $(reply_value remapped_writes)" "$(reply_value remapped_writes)" '^[1-9][0-9]+$'
matches "and came from there: remapped_reads $(reply_value remapped_reads)" "$(reply_value remapped_reads)" '^[1-9][0-9]+$'
swapoff /dev/mapper/live
msg_ok live clear_all
