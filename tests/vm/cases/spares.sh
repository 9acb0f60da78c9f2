# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 300
#
# A set with two spares: remaps that fill both and the border between them, a file system above, remove
# and create, the table line there and back, and a spare that is missing, given twice or left behind.

LINE="0 65536 dm-remap"

# stamped FROM COUNT ROUND - through the device.
stamped() { check "sectors from $1 on" vm-test-sectors check /dev/mapper/r "$1" "$2" "$3"; }

fill() {
    local total
    mkdm r "$LINE $MAIN $SPARE 2 spare $SECOND"
    total=$(stat_value r spare_total)
    check "stamps" vm-test-sectors stamp /dev/mapper/r 0 65536 1
    matches "copies of the metadata" "$(stat_value r copies)" '^4$'
    # Across the border of the two.
    msg_ok r add_remap 1000 $((total / 2 - 500)) 1000
    eq "is one extent" "$(field r extents)" 1
    msg_ok r remove_remap 1000
    for ((at = 0; at < 65536 && at < total / 2048 * 2048; at += 2048)); do
        msg_ok r relocate "$at" 2048
    done
    msg_ok r sync
    stamped 0 65536 1
    check "new content" vm-test-sectors stamp /dev/mapper/r 0 65536 2
    matches "both spares are used" "$(stat_value r spare_used)" "^$((at))\$"
}

again() {
    local table
    table=$(dmsetup table r)
    matches "the table line names the second spare" "$table" " 4 spare [0-9]+:[0-9]+ set [0-9a-f-]{36}$"
    dmsetup suspend r
    dmsetup reload r --table "$table"
    dmsetup resume r
    stamped 0 65536 2
    dmsetup remove r
    mkdm r "$table"
    stamped 0 65536 2
    eq "mode" "$(field r mode)" ok
    dmsetup remove r
    mkdm r "$LINE $MAIN $SECOND 2 spare $SPARE"
    pass "in the other order it is the same set"
    stamped 0 65536 2
    UUID=$(stat_value r set)
    dmsetup remove r
}

refused() {
    cp SECOND.img copy.img
    COPY=$(losetup --find --show copy.img)
    tables_refused "$MAIN" "$SPARE" "$SECOND" "$BLANK" "$COPY" <<END
EINVAL | member 1, [0-9a-f-]{36}, of set $UUID is missing; the set has more spares than were named | $LINE $MAIN $SPARE
EINVAL | member 0, [0-9a-f-]{36}, of set $UUID is missing; the set has more spares than were named | $LINE $MAIN $SECOND
EINVAL | member 1, [0-9a-f-]{36}, of set $UUID is missing; spare 2 holds no superblock | $LINE $MAIN $SPARE 2 spare $BLANK
EINVAL | spare 1 and spare 2 both are member 1, [0-9a-f-]{36}, of the set: one is a copy of the other | $LINE $MAIN $SECOND 2 spare $COPY
EINVAL | spare 3 is no member of set $UUID | $LINE $MAIN $SPARE 4 spare $SECOND spare $BLANK
EINVAL | dm-remap: two of the spares are the same device | $LINE $MAIN $SPARE 2 spare $SPARE
END
    mkdm r "$LINE $MAIN $SPARE 2 spare $SECOND"
    mkdm other "0 65536 linear $BLANK 0"
    expect_fail "the second spare of a device in use" dmsetup create two --table "$LINE /dev/mapper/other $SECOND"
    logged "says why" 'dm-remap: the spare belongs to another mapped device'
    expect_fail "a reload without it" dmsetup load r --table "$LINE $MAIN $SPARE"
    dmsetup remove other
    dmsetup remove r
    # A copy from before the set was opened last.
    tables_refused "$MAIN" "$SPARE" "$COPY" <<END
EINVAL | spare 2, member 1 of set $UUID, never heard of epoch [0-9]+: what it holds is out of date | $LINE $MAIN $SPARE 2 spare $COPY
END
    losetup -d "$COPY"
}

file_system() {
    mkdm r "$LINE $MAIN $SPARE 2 spare $SECOND"
    mkfs.ext4 -qF /dev/mapper/r
    mkdir -p mnt
    mount /dev/mapper/r mnt
    dd if=/dev/urandom of=mnt/file bs=1M count=12 status=none
    sync
    sum=$(sha256sum <mnt/file)
    for ((at = 0; at < 16384; at += 2048)); do msg_ok r remove_remap "$at" 2048; done
    umount mnt
    dmsetup remove r
    mkdm r "$LINE $MAIN $SPARE 2 spare $SECOND"
    mount /dev/mapper/r mnt
    eq "the file" "$(sha256sum <mnt/file)" "$sum"
    umount mnt
    check "fsck" e2fsck -fn /dev/mapper/r
    dmsetup remove r
}

tools() {
    wipe "$SPARE"
    wipe "$SECOND"
    check "dmremap create, with both" dmremap create r "$MAIN" "$SPARE" "$SECOND" --format --yes
    msg_ok r add_remap 1000 $(($(stat_value r spare_total) / 2 - 500)) 1000
    check "new content" vm-test-sectors stamp /dev/mapper/r 0 4096 3
    dmsetup remove r
    expect_fail "dmremap create without the second" dmremap create r "$MAIN" "$SPARE"
    check "dmremap create of what there is, in the other order" dmremap create r "$MAIN" "$SECOND" "$SPARE"
    stamped 0 4096 3
    expect_fail "dmremap check of spares in use" dmremap check "$SPARE" "$SECOND"
    dmsetup remove r
    check "dmremap check" dmremap check "$SPARE" "$SECOND" --main "$MAIN"
}

mkloop MAIN 32M
mkloop SPARE 24M
mkloop SECOND 24M
mkloop BLANK 32M
fill
again
refused
file_system
tools
