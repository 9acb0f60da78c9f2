# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 60
#
# A device whose remaps cannot be loaded is not resumed: no I/O goes through before they are there.
# When the spare is well again the same table is resumed, with all of them.

TOTAL=131072

well() { replace_table spare "0 $TOTAL linear $SPARE 0"; }
ill() { replace_table spare "0 $TOTAL error"; }

# loaded - a table of the device that was surveyed, but not resumed yet.
loaded() {
    dmsetup create r --notable
    dmsetup load r --table "0 $TOTAL dm-remap $MAIN /dev/mapper/spare"
}

mkloop MAIN 64M
mkloop SPARE 64M
mklinear spare "$SPARE"
mkremap r "$MAIN" /dev/mapper/spare
check "stamps" vm-test-sectors stamp "$MAIN" 0 3000 1
msg_ok r relocate 1000 100
check "new content" vm-test-sectors stamp /dev/mapper/r 1000 100 2
dmsetup remove r

loaded
ill
expect_fail "a resume without the spare" dmsetup resume r
eq "the device is suspended" "$(dmsetup info -c --noheadings -o suspended r)" Suspended
well
check "a resume with it" dmsetup resume r
eq "mapped" "$(field r mapped)" 100
check "the remaps" vm-test-sectors check /dev/mapper/r 1000 100 2
check "and main" vm-test-sectors check /dev/mapper/r 0 1000 1
dmsetup remove r

loaded
ill
expect_fail "a resume without the spare" dmsetup resume r
check "a device that was never resumed can be removed" dmsetup remove r
well
mkremap r "$MAIN" /dev/mapper/spare
check "nothing was lost by it" vm-test-sectors check /dev/mapper/r 1000 100 2
