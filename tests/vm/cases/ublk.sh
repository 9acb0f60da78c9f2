# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 900
# set: full
# memory: 3072
#
# `dmremap serve --device ublk`: the disk has the size and the properties it should have, flushes and FUA
# reach the devices behind it, a file system lives on it through bad sectors, and a kill loses nothing
# that was flushed. Where the kernel has no ublk, `auto` takes a loop device and says nothing.

BAD=()
# served MAIN SPARE [OPTION...] - with the bad sectors of the case.
served() { serve u "$@" "${BAD[@]}"; }

# pair SIZE-OF-MAIN SIZE-OF-SPARE [BLOCK] - new and empty.
pair() {
    rm -f MAIN.img SPARE.img
    mkloop MAIN "$1" "${3:-512}"
    mkloop SPARE "$2" "${3:-512}"
}

# told KEY - of its status.
told() { dmremap status u | awk -v key="$1" '$1 == key { print $2 }'; }
gone() { [[ ! -e $1 ]]; }
# none_left WHEN - neither a disk nor what its server opens.
none_left() { eq "$1: what is left" "$(find /dev -name 'ublk[bc]*' | sort | xargs)" ''; }

without_ublk() {
    local status=0
    pair 32M 32M
    served "$MAIN" "$SPARE"
    matches "auto without ublk" "$PLACE" '^/dev/loop'
    eq "and says nothing of it" "$(grep -v '^dm-remap' server.log || true)" ''
    end_serve
    dmremap serve "$MAIN" "$SPARE" --device ublk >output 2>&1 || status=$?
    eq "by name it is refused" "$status" 4
    check "with the reason" grep -q '/dev/ublk-control cannot be opened: the module ublk_drv' output
    losetup -d "$MAIN" "$SPARE"
}

properties() {
    pair 64M 64M
    served "$MAIN" "$SPARE"
    matches "auto takes ublk" "$PLACE" '^/dev/ublkb[0-9]+$'
    eq "sectors" "$(sectors "$PLACE")" 131072
    eq "logical block" "$(blockdev --getss "$PLACE")" 512
    eq "physical block" "$(blockdev --getpbsz "$PLACE")" "$(blockdev --getpbsz "$MAIN")"
    eq "cache" "$(queue "$PLACE" write_cache)" 'write back'
    eq "FUA" "$(queue "$PLACE" fua)" 1
    eq "largest request, KiB" "$(queue "$PLACE" max_hw_sectors_kb)" 256
    eq "largest discard" "$(queue "$PLACE" discard_max_bytes)" 1073741824
    eq "discard granularity" "$(queue "$PLACE" discard_granularity)" 512
    eq "largest write of zeros" "$(queue "$PLACE" write_zeroes_max_bytes)" 1048576
    check "stamps" vm-test-sectors stamp "$PLACE" 0 4000 1
    check "written through it" vm-test-sectors check "$MAIN" 0 4000 1
    check "zeros" blkdiscard -z -o $((2048 * 512)) -l 4096 "$PLACE"
    check "are zeros" cmp -n 4096 -i $((2048 * 512)):0 "$PLACE" /dev/zero
    check "discard" blkdiscard -o $((3072 * 512)) -l 8192 "$PLACE"
    check "what is beside them" vm-test-sectors check "$PLACE" 0 2048 1
    check "a partition" sfdisk -q "$PLACE" <<<'2048,'
    check "is there at once" wait_for 20 test -b "${PLACE}p1"
    end_serve
    none_left "removed"
    served "$MAIN" "$SPARE" --device ublk
    check "partitions are looked for" wait_for 20 test -b "${PLACE}p1"
    end_serve
    losetup -d "$MAIN" "$SPARE"
    pair 64M 64M 4096
    served "$MAIN" "$SPARE"
    eq "logical block of 4 KiB" "$(blockdev --getss "$PLACE")" 4096
    eq "discard granularity" "$(queue "$PLACE" discard_granularity)" 4096
    end_serve
    losetup -d "$MAIN" "$SPARE"
}

# Each request of the disk, as it comes to the devices: as in the case flush.
flushes_and_fua() {
    pair 100M 100M
    log_under under_main "$MAIN" LOG_MAIN
    log_under under_spare "$SPARE" LOG_SPARE
    served /dev/mapper/under_main /dev/mapper/under_spare --device ublk
    check "a remap" dmremap add u 1000 5000 100
    mark() { log_mark "$1" under_main under_spare; }
    put() {
        dd if=/dev/urandom of="$PLACE" bs=$(($2 * 512)) seek=$(($1 * 512)) count=1 \
            oflag="direct,seek_bytes$3" conv=notrunc,nocreat status=none
    }
    mark a
    for _ in 1 2 3 4 5; do sync "$PLACE"; done
    mark b
    put 998 5 ,dsync
    mark c
    put 1010 4 ''
    mark d
    mkfs.ext4 -q "$PLACE"
    mnt "$PLACE" mnt
    echo data >mnt/file
    mark e
    sync mnt/file
    mark f
    umount mnt
    end_serve
    dmsetup remove under_main
    dmsetup remove under_spare
    entries "$LOG_MAIN" >main.log
    entries "$LOG_SPARE" >spare.log
    keep main.log spare.log
    eq "5 flushes from above, on main" "$(flushes main.log a b)" 5
    eq "5 flushes from above, on the spare" "$(flushes spare.log a b)" 5
    matches "FUA on main for its part" "$(between main.log b c)" "998 2 $FUA"
    matches "FUA on the spare for its part" "$(between spare.log b c)" "[0-9] 3 $FUA"
    eq "a plain write: no flush on main" "$(flushes main.log c d)" 0
    eq "a plain write: no flush on the spare" "$(flushes spare.log c d)" 0
    matches "fsync of a file flushes main" "$(flushes main.log e f)" '^[1-9]'
    matches "and the spare" "$(flushes spare.log e f)" '^[1-9]'
    losetup -d "$MAIN" "$SPARE" "$LOG_MAIN" "$LOG_SPARE"
}

# reloaded KIND - a spare comes and goes while the disk is written.
reloaded() {
    local round again=()
    pair 64M 64M
    rm -f SECOND.img
    mkloop SECOND 32M
    served "$MAIN" "$SPARE" --device "$1"
    verify_begin fio "$PLACE" 200 --size=32M
    for round in 1 2 3; do
        check "round $round: a spare is added" dmremap spare add u "$SECOND" --yes "${again[@]}"
        check "what is written is moved" dmremap relocate u 2048 4096
        check "the spare is removed" dmremap spare remove u "$SECOND"
        check "and what was moved goes back" dmremap del u 2048 4096
        again=(--wipe-set "$(told set)")
    done
    touch enough
    verify_end fio
    rm enough
    eq "spares" "$(told spares)" '0:in_use'
    eq "errors that went upward" "$(told read_errors) $(told write_errors)" '0 0'
    end_serve
    losetup -d "$MAIN" "$SPARE" "$SECOND"
}

verified() {
    pair 64M 64M
    BAD=(--fail-sectors '8000-8007,12000,40000-40063')
    served "$MAIN" "$SPARE" --device ublk
    verify_begin fio "$PLACE" "$(spell 8)" --size=32M
    verify_end fio
    check "any size" fio --name=any --filename="$PLACE" --direct=1 --ioengine=libaio --iodepth=32 \
        --bsrange=512-1M --bs_unaligned=0 --blockalign=512 --rw=randrw --size=32M --offset=32M \
        --verify=crc32c --verify_fatal=1 --output=any.log
    eq "write errors that went upward" "$(told write_errors)" 0
    check "what failed was moved" test "$(told extents)" -gt 0
    end_serve
    # A sector that nobody has written: only it is gone, and as a disk says it.
    BAD=(--fail-sectors 70000)
    served "$MAIN" "$SPARE" --device ublk
    expect_fail "a bad sector" dd if="$PLACE" of=/dev/null bs=512 skip=70000 count=1 iflag=direct
    matches "as a medium error" "$OUTPUT" 'No data available'
    check "its neighbours" dd if="$PLACE" of=/dev/null bs=512 skip=69992 count=8 iflag=direct status=none
    check "on both sides" dd if="$PLACE" of=/dev/null bs=512 skip=70001 count=7 iflag=direct status=none
    BAD=()
    end_serve
    losetup -d "$MAIN" "$SPARE"
}

file_system_lives() {
    local i list=''
    pair 300M 64M
    # Every second MiB has a bad block.
    for ((i = 1; i < 300; i += 2)); do list+="$((2056 * i))-$((2056 * i + 7)),"; done
    BAD=(--fail-sectors "${list%,}")
    served "$MAIN" "$SPARE" --device ublk
    check "mkfs" mkfs.ext4 -q -b 4096 "$PLACE"
    mnt "$PLACE" mnt
    make_tree tree
    cp -r tree mnt/kept
    same_tree "over bad sectors" mnt/kept
    cp -r tree mnt/trimmed
    rm -r mnt/trimmed
    sync
    check "fstrim" fstrim mnt
    check "bad blocks were moved" test "$(told extents)" -gt 4
    eq "write errors that went upward" "$(told write_errors)" 0
    expect_fail "removal while it is mounted" dmremap remove u
    matches "it says so" "$OUTPUT" 'is in use'
    same_tree "after fstrim" mnt/kept

    echo "  -- kill -9 while more is written"
    dd if=/dev/zero of=mnt/more bs=1M count=40 status=none 2>/dev/null &
    LOAD=$!
    sleep 1
    kill -9 "$SERVER"
    wait "$SERVER" 2>/dev/null || true
    check "the driver takes the disk away" wait_for 60 gone "$PLACE"
    wait "$LOAD" 2>/dev/null || true
    eq "and leaves its number" "$(find /dev -name 'ublkc*')" "/dev/ublkc${PLACE#/dev/ublkb}"
    expect_fail "what is left fails" bash -c 'touch mnt/new && sync -f mnt'
    # Mounted still: the new one has another number.
    served "$MAIN" "$SPARE" --device ublk
    eq "the number of the dead one is taken away" "$(find /dev -name 'ublkc*')" "/dev/ublkc${PLACE#/dev/ublkb}"
    umount mnt
    e2fsck -fy "$PLACE" >fsck.log 2>&1 || (($? == 1)) || { cat fsck.log; fail "fsck after the kill"; }
    mnt "$PLACE" mnt
    same_tree "what was flushed before the kill" mnt/kept

    echo "  -- SIGTERM while it is mounted"
    cp -r tree mnt/again
    kill "$SERVER"
    wait "$SERVER" || fail "the server ended with $?"
    check "the disk is gone" gone "$PLACE"
    umount mnt
    none_left "after SIGTERM"
    served "$MAIN" "$SPARE" --device ublk
    e2fsck -fy "$PLACE" >fsck.log 2>&1 || (($? == 1)) || { cat fsck.log; fail "fsck after SIGTERM"; }
    mnt "$PLACE" mnt
    same_tree "what was written before it" mnt/again
    umount mnt
    check "fsck" e2fsck -fn "$PLACE"
    end_serve
    none_left "removed"
    check "nothing is damaged" dmremap check "$SPARE" --main "$MAIN"
}

without_ublk
reloaded loop
if ! modprobe ublk_drv 2>/dev/null; then
    echo "  this kernel has no ublk"
    return 0
fi
properties
flushes_and_fua
reloaded ublk
verified
file_system_lives
check "the driver can be unloaded" modprobe -r ublk_drv
