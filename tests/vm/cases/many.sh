# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 3600
# memory: 3072
#
# 100,000 remaps that do not touch, made by one program in one run; the device is removed and made
# again, once with the log as it was left and once from a checkpoint: every one is there.

COUNT=${DMREMAP_REMAPS:-100000}

# milliseconds COMMAND... - how long it takes.
milliseconds() {
    local began
    began=$(date +%s%N)
    "$@" >&2
    echo $((($(date +%s%N) - began) / 1000000))
}

again() { mkremap many "$MAIN" "$SPARE"; }

# look LABEL - all there, and started how fast.
look() {
    local took
    dmsetup remove many
    took=$(milliseconds again)
    eq "$1: extents" "$(field many extents)" "$COUNT"
    list_all many >now
    eq "$1: lines" "$(wc -l <now)" "$COUNT"
    eq "$1: checksum of the list" "$(sha256sum <now)" "$SUM"
    pass "$1: started in $took ms"
}

# Disks in memory: each remap is made stable by itself.
mknull main memory_backed=1 queue_mode=0 size=2048 blocksize=512
MAIN=$NULL_DISK
mknull spare memory_backed=1 queue_mode=0 size=1024 blocksize=512
SPARE=$NULL_DISK
check "stamps" vm-test-sectors stamp "$MAIN" 0 40000 1
again
awk -v n="$COUNT" 'BEGIN { for (i = 0; i < n; i++) print "relocate", i * 40 + i % 3, 1 + i % 2 }' >lines
TOOK=$(milliseconds eval 'vm-test-message -q many <lines >made')
eq "remaps" "$(<made)" "$COUNT accepted, 0 refused"
pass "made in $TOOK ms"
list_all many >before
SUM=$(sha256sum <before)
eq "lines that are what was asked for" \
    "$(awk -v n="$COUNT" '$1 == i * 40 + i % 3 && $3 == 1 + i % 2 && $4 == "active" { good++ } { i++ } END { print good }' before)" "$COUNT"
check "new content" vm-test-sectors stamp /dev/mapper/many 0 40000 2
look "from the log as it was"
msg_ok many sync
look "from a checkpoint"
check "the content" vm-test-sectors check /dev/mapper/many 0 40000 2
dmsetup remove many
check "dmremap check" dmremap check "$SPARE"
