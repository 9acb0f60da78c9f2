# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 240
#
# Threads read and write the same few sectors while just these move to the spare and back: no read
# sees what was superseded when it began, and no acknowledged write is lost.

HOT=1024 # sectors that vm-test-stale works on

# What is below gives no stale data by itself.
control() {
    mklinear plain "$MAIN"
    check "dm-linear on the same disk" vm-test-stale /dev/mapper/plain 0 1 "$SEED"
    dmsetup remove plain
}

SEED=$RANDOM
mkloop MAIN 64M
mkloop SPARE 64M
control
mkremap r "$MAIN" "$SPARE"
churn_begin r 0 $HOT
check "no superseded read, seed $SEED" vm-test-stale /dev/mapper/r 0 "$(longer 10)" "$SEED"
churn_end r
HELD=$(stat_value r held stats)
((HELD > 50)) || fail "only $HELD I/Os met a fence: too few to mean anything"
pass "I/Os that met a fence: $HELD"
healthy r
