#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The table grows and shrinks with what it holds, and nobody above notices: 12 checks, on the
# rule that a table grows above 1.5 extents per bucket, shrinks below 0.5, and never has fewer
# than 64 buckets. Run through tests/validate_hash_resize.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SEED_BEFORE=11 # written before a remap: copied by add_remap
SEED_AFTER=12  # written after it: goes to the spare

starts_at_64() {
    create_device
    equal "buckets" "$(buckets)" 64
    equal "extents" "$(extents)" 0
    equal "resizes in the log" "$(resize_count)" 0
}

stays_up_to_96() {
    spots 0 96 | write_pattern "$DEVICE" "$SEED_BEFORE"
    adds 0 96 | messages
    equal "extents" "$(extents)" 96
    equal "buckets at 96 extents" "$(buckets)" 64
    equal "resizes in the log" "$(resize_count)" 0
}

doubles_at_97() {
    spots 96 1 | write_pattern "$DEVICE" "$SEED_BEFORE"
    adds 96 1 | messages
    equal "extents" "$(extents)" 97
    equal "buckets at 97 extents" "$(buckets)" 128
    equal "the log's last resize" "$(resizes | tail -n 1)" 64-128
}

# One by one: the rule holds after each, and the log has a line where the status shows a doubling.
agrees_at_each_resize() {
    local wanted
    spots 97 672 | write_pattern "$DEVICE" "$SEED_BEFORE"
    adds 97 672 | watched_messages >"$DIR/growth"
    equal "steps seen" "$(wc -l <"$DIR/growth")" 672
    wanted=$(follow_rule 128 "$DIR/growth") || wrong "$wanted"
    equal "the log" "$(resizes | paste -sd ' ')" "$(paste -sd ' ' <<<"64-128"$'\n'"$wanted")"
    (($(resize_count) >= 3)) || wrong "only $(resize_count) resizes"
    found "$(resizes | paste -sd ' '); $(extents) extents in $(buckets) buckets"
}

keeps_every_mapping() {
    spots 0 769 | check_pattern "$DEVICE" "$SEED_BEFORE"
    spots 0 769 | write_pattern "$DEVICE" "$SEED_AFTER"
    spots 0 769 | check_pattern "$DEVICE" "$SEED_AFTER"
    # Written through the device and not arrived on main: so each of them went to the spare.
    spots 0 769 | check_pattern "$MAIN" "$SEED_BEFORE"
    found "769 remaps read back what was written before and after them; main holds the old data"
}

lists_what_is_mapped() {
    listing >"$DIR/list"
    equal "lines of list" "$(wc -l <"$DIR/list")" "$(extents)"
    equal "mapped sectors" "$(awk '{ s += $3 } END { print s }' "$DIR/list")" "$(mapped)"
    diff <(awk '{ print $1, $2, $3 }' "$DIR/list") <(adds 0 769 | cut -d' ' -f2-) >"$DIR/diff" ||
        wrong "list is not what was added: $(head -n 3 "$DIR/diff")"
}

survives_suspend() {
    local before i
    before="$(listing | cksum) $(buckets) $(extents)"
    for i in 1 2 3; do
        dmsetup suspend "$NAME"
        dmsetup resume "$NAME"
    done
    equal "the table after $i suspends" "$(listing | cksum) $(buckets) $(extents)" "$before"
    spots 0 769 | check_pattern "$DEVICE" "$SEED_AFTER"
}

survives_reload() {
    local before
    before="$(listing | cksum) $(buckets) $(extents)"
    table_line | dmsetup load "$NAME"
    dmsetup resume "$NAME"
    equal "the table after a reload" "$(listing | cksum) $(buckets) $(extents)" "$before"
    spots 0 769 | check_pattern "$DEVICE" "$SEED_AFTER"
}

# One by one down to 200: at no moment less than half an extent a bucket.
shrinks_below_half() {
    local before wanted last
    before=$(resize_count)
    last=$(resizes | tail -n 1 | cut -d- -f2)
    removes 80 689 | watched_messages >"$DIR/shrinking"
    equal "extents" "$(extents)" 80
    wanted=$(follow_rule "$last" "$DIR/shrinking") || wrong "$wanted"
    [[ -n $wanted ]] || wrong "the table did not shrink: $(buckets) buckets for 80 extents"
    equal "the log" "$(resizes | tail -n +$((before + 1)) | paste -sd ' ')" "$(paste -sd ' ' <<<"$wanted")"
    spots 0 769 | check_pattern "$DEVICE" "$SEED_AFTER"
    found "$(paste -sd ' ' <<<"$wanted"); 80 extents in $(buckets) buckets, all 769 places read right"
}

shrinks_to_64() {
    local before
    before=$(resize_count)
    message clear_all
    equal "extents" "$(extents)" 0
    equal "buckets" "$(buckets)" 64
    equal "the log's last resize ends" "$(resizes | tail -n 1 | cut -d- -f2)" 64
    (($(resize_count) > before)) || wrong "the log shows no resize"
    # Each line begins where the one before it ended.
    equal "the chain of the log" "$(resizes | cut -d- -f1 | tail -n +2)" "$(resizes | cut -d- -f2 | head -n -1)"
    spots 0 769 | check_pattern "$MAIN" "$SEED_AFTER"
    found "main holds the data of all 769 places again; $(resizes | tail -n +$((before + 1)) | paste -sd ' ')"
}

# Remaps come while files are written: all of it is checked from the medium afterwards.
grows_under_ext4() {
    local before copy
    mkfs.ext4 -q -F "$DEVICE"
    mkdir -p "$DIR/mnt"
    mount "$DEVICE" "$DIR/mnt"
    before=$(resize_count)
    copy_files "$DIR/mnt/files" 60 &
    copy=$!
    adds 0 800 | messages >/dev/null
    wait "$copy"
    verify_files "$DIR/mnt/files"
    (($(extents) * 2 <= $(buckets) * 3)) || wrong "$(extents) extents in $(buckets) buckets"
    (($(resize_count) >= before + 3)) || wrong "the log has $(resize_count) resizes, before $before"
    found "$(wc -l <"$DIR/files.sums") files are what was copied, $(buckets) buckets"
}

shrinks_under_ext4() {
    message clear_all
    equal "buckets" "$(buckets)" 64
    verify_files "$DIR/mnt/files"
    umount "$DIR/mnt"
    e2fsck -fn "$DEVICE"
    dmsetup remove --retry "$NAME"
    # Nothing is remapped any more: main alone is the file system.
    e2fsck -fn "$MAIN"
    no_complaints
}

begin "The table grows and shrinks" 12
make_loops 500M
check "a new table has 64 buckets" starts_at_64
check "96 extents stay in 64 buckets" stays_up_to_96
check "the 97th extent doubles the table" doubles_at_97
check "status line and kernel log agree at each resize" agrees_at_each_resize
check "no mapping is lost while the table grows" keeps_every_mapping
check "list shows exactly what was added" lists_what_is_mapped
check "suspend and resume keep the table" survives_suspend
check "a reload of the live table keeps it" survives_reload
check "the table halves below half an extent a bucket" shrinks_below_half
check "clear_all brings it back to 64 buckets" shrinks_to_64
check "it grows under a mounted ext4 that is being written" grows_under_ext4
check "it shrinks under ext4; fsck of the device and of main is clean" shrinks_under_ext4
finish
