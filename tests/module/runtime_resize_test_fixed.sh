#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 3,850 remaps that do not touch each other, on a real device: the table grows several times,
# which the kernel log shows, and every one of them is still where it was put. Run through
# tests/runtime_resize_test_fixed.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

REMAPS=3850
BATCH=350
LEAST_RESIZES=3

adds_all() {
    local have=0
    spots 0 "$REMAPS" | write_pattern "$DEVICE" 21
    while ((have < REMAPS)); do
        adds "$have" "$BATCH" | messages >/dev/null
        have=$((have + BATCH))
        equal "extents" "$(extents)" "$have"
    done
    equal "mapped sectors" "$(mapped)" $((REMAPS * 8))
}

# The log has a line whenever the table has doubled since the last one; the status line shows what
# it is now, which may be up to twice as much.
resized_often_enough() {
    local count last
    count=$(resize_count)
    ((count >= LEAST_RESIZES)) || wrong "the kernel log shows $count resizes, wanted $LEAST_RESIZES"
    equal "the first resize begins" "$(resizes | head -n 1 | cut -d- -f1)" 64
    equal "the chain of the log" "$(resizes | cut -d- -f1 | tail -n +2)" "$(resizes | cut -d- -f2 | head -n -1)"
    last=$(resizes | tail -n 1 | cut -d- -f2)
    (($(buckets) >= last && $(buckets) < 2 * last)) || wrong "$(buckets) buckets, but the log ends with $last"
    ((REMAPS * 2 <= $(buckets) * 3 && REMAPS * 2 >= $(buckets))) || wrong "$REMAPS extents in $(buckets) buckets"
    found "$count resizes in the kernel log: $(resizes | paste -sd ' '); $(buckets) buckets"
}

reads_back_all() {
    spots 0 "$REMAPS" | check_pattern "$DEVICE" 21
    spots 0 "$REMAPS" | write_pattern "$DEVICE" 22
    spots 0 "$REMAPS" | check_pattern "$DEVICE" 22
    spots 0 "$REMAPS" | check_pattern "$MAIN" 21
    found "$REMAPS remaps hold what was written before and after; main holds the old data"
}

gives_back_all() {
    message clear_all
    equal "extents" "$(extents)" 0
    equal "buckets" "$(buckets)" 64
    spots 0 "$REMAPS" | check_pattern "$MAIN" 22
    no_complaints
}

begin "$REMAPS remaps" 4
make_loops 500M
create_device
check "$REMAPS non-contiguous remaps are accepted" adds_all
check "at least $LEAST_RESIZES resizes are in the kernel log" resized_often_enough
check "every remap reads back its data" reads_back_all
check "clear_all gives everything back to main" gives_back_all
finish
