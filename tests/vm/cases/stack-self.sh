# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# dm-remap whose main is another dm-remap and whose spare is a third: each keeps its own remaps, and
# a message to one waits for none to the others.

mkloop MAIN 64M
mkloop SPARE 64M
mkloop FIRST 64M
mkloop SECOND 64M
mkremap low "$MAIN" "$SPARE"
mkremap side "$FIRST" "$SECOND"
mkremap top /dev/mapper/low /dev/mapper/side
verified_under_churn /dev/mapper/top "$(spell 6)" top low side

# The same sectors remapped twice: main to the spare of one, that spare's sectors to the third.
msg_ok top add_remap 1000 500 64
msg_ok low add_remap 1000 700 64
place=$(physical top 500)
msg_ok side relocate "$place" 64
check "stamps through three remaps" vm-test-sectors stamp /dev/mapper/top 900 300 6
check "they are on the spare of the third" vm-test-sectors check "$SECOND" \
    "$(physical side "$(list_all side | cut -d' ' -f2)")" 64 6 1000
check "the remap of the middle one was not used" vm-test-sectors check /dev/mapper/low 1000 64 3
for name in top side low; do
    msg_ok $name clear_all
    check "read back with $name cleared" vm-test-sectors check /dev/mapper/top 900 300 6
done
dmsetup remove top
dmsetup remove low
dmsetup remove side
check "main alone has it all" vm-test-sectors check "$MAIN" 900 300 6
