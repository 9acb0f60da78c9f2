# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 280
#
# The table grows and shrinks with what it holds: the lines of the kernel log, the status line and
# the counter tell the same, and every remap is found at every size.

REMAPS=$(longer 1600)

resizes() { klog_since "bench: start $CASE_NAME" | sed -n 's/.*Adaptive hash table resize: //p'; }

# chain - each line must begin where the one before it ended, and at least double or halve.
chain() {
    resizes | awk 'NR > 1 && $1 != last || $3 < 2 * $1 && 2 * $3 > $1 { exit 1 } { last = $3 } END { if (!NR) exit 1 }'
}

# as_it_must_be EXTENTS - the buckets are right for this many extents, and the last line of the log
# is less than a doubling away. The least a part of the table can have is 64.
as_it_must_be() {
    local buckets logged
    buckets=$(field r buckets)
    logged=$(resizes | tail -n 1 | cut -d' ' -f3)
    eq "buckets of the status message" "$(stat_value r buckets)" "$buckets"
    ((buckets < 2 * logged && logged < 2 * buckets)) || fail "the log says $logged buckets, the status line $buckets"
    ((2 * $1 <= 3 * buckets)) || fail "$1 extents in $buckets buckets: above 1.5"
    ((buckets == 64 || 2 * $1 >= buckets)) || fail "$1 extents in $buckets buckets: below 0.5"
    pass "$1 extents in $buckets buckets"
}

mkloop MAIN 200M
mkloop SPARE 200M
mkremap r "$MAIN" "$SPARE"
eq "buckets at the start" "$(field r buckets)" 64
check "stamps" vm-test-sectors stamp /dev/mapper/r 0 $((REMAPS * 16)) 1
for ((i = 0; i < REMAPS; i++)); do echo "add_remap $((i * 16 + 3)) $((i * 10)) 5"; done >adds
began=$SECONDS
eq "added" "$(vm-test-message -q r <adds)" "$REMAPS accepted, 0 refused"
echo "  $REMAPS adds in $((SECONDS - began)) s"
eq "extents" "$(field r extents)" "$REMAPS"
check "each resize follows the last" chain
grown=$(resizes | wc -l)
((grown >= 4)) || fail "only $grown resizes"
as_it_must_be "$REMAPS"
eq "counted resizes" "$(stat_value r resizes stats)" "$grown"
check "every sector reads back" vm-test-sectors check /dev/mapper/r 0 $((REMAPS * 16)) 1
check "and can be written" vm-test-sectors stamp /dev/mapper/r 0 $((REMAPS * 16)) 2
eq "pages of list" "$(list_all r | wc -l)" "$REMAPS"
eq "places on the spare" "$(list_all r | awk '$2 != ($1 - 3) / 16 * 10 || $3 != 5 || $4 != "active"' | wc -l)" 0

# Back to an eighth, then to nothing.
sed -nE 's/^add_remap ([0-9]+) .*/remove_remap \1/p' adds | awk 'NR % 8' >removes
eq "removed" "$(vm-test-message -q r <removes)" "$(wc -l <removes) accepted, 0 refused"
as_it_must_be $((REMAPS / 8))
check "every sector after shrinking" vm-test-sectors check /dev/mapper/r 0 $((REMAPS * 16)) 2
msg_ok r clear_all
check "each resize follows the last" chain
eq "buckets of an empty table" "$(field r buckets)" 64
as_it_must_be 0
check "every sector on main" vm-test-sectors check "$MAIN" 0 $((REMAPS * 16)) 2
