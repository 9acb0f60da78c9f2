# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 480
# set: full
#
# The bad blocks of a disk (null_blk) grow while fio writes and verifies over dm-remap: where nothing is
# yet, fio sees no error; where something is, it is lost, and nothing else is, until it is written anew.

STRIP=16384 # sectors
STRIPS=8

# fio_on DEVICE OPTION... - all blocks of all strips, at random; the same content each time.
fio_on() {
    local device=$1
    shift
    fio --name=all --filename="$device" --size=$((STRIP * STRIPS / 2))k --direct=1 --ioengine=libaio --iodepth=32 \
        --bs=4k --rw=randwrite --randseed=7 --verify=crc32c --verify_fatal=1 --output=fio.log "$@"
}

bad_sectors() { echo $(($(sort -u spoiled | wc -l) * 8)); }

# While fio works on one strip the next one goes bad.
ahead_of_fio() {
    local strip
    spoil main 0 $STRIP 20
    for ((strip = 0; strip < STRIPS; strip++)); do
        verify_begin "strip$strip" /dev/mapper/r 0 --offset=$((strip * STRIP / 2))k --size=$((STRIP / 2))k
        ((strip == STRIPS - 1)) || spoil main $(((strip + 1) * STRIP)) $STRIP 20
        verify_end "strip$strip"
    done
    eq "mapped sectors: those of all bad blocks" "$(field r mapped)" "$(bad_sectors)"
    eq "pending" "$(field r pending)" 0
}

# Blocks that hold something go bad as well. Writes see nothing of it; a read may fail in these blocks.
under_fio() {
    sort -u spoiled >before
    fio_on /dev/mapper/r --do_verify=0 --time_based --runtime=8 &
    for _ in {1..10}; do
        spoil main 0 $((STRIP * STRIPS)) 15
        running $! || { cat fio.log; fail "fio has ended"; }
        sleep 0.3
    done
    wait $! || { cat fio.log; fail "fio has seen an error"; }
    vm-test-sectors errors /dev/mapper/r 0 $((STRIP * STRIPS)) direct 8 | cut -d' ' -f1 | sort >unreadable
    echo "  $(wc -l <unreadable) blocks cannot be read"
    eq "of those that were good or remapped" "$(comm -23 unreadable <(sort -u spoiled | comm -23 - before))" ''
    check "fio writes and verifies all of it" fio_on /dev/mapper/r
    eq "mapped sectors: those of all bad blocks" "$(field r mapped)" "$(bad_sectors)"
    eq "pending, lost, write errors that went upward" \
        "$(field r pending) $(field r lost) $(field r write_errors)" '0 0 0'
}

made_again() {
    dmsetup remove --retry r
    mkremap r "$NULL_DISK" "$SPARE"
    check "read back when made again" fio_on /dev/mapper/r --verify_only
}

mknull main size=128 memory_backed=1 blocksize=512 completion_nsec=0
mkloop SPARE 64M
mkremap r "$NULL_DISK" "$SPARE"
ahead_of_fio
under_fio
made_again
dmsetup remove --retry r
expect_fail "the same on the disk itself" fio_on "$NULL_DISK"
