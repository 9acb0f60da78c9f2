# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# memory: 3072
# timeout: 900
#
# Bad sectors that come while a file system is mounted and busy, on each file system twice.
#
# Moved: the part of main that holds the file system is moved to the spare first, and bad sectors there
# harm nobody; behind it is a part that is not moved and that no file system uses, where exactly the bad
# ones must fail.
#
# As it is: nothing is moved. Sectors of a file become bad while it is written over and over, then some
# that are only read, then some that are free when the file is removed.

LINEAR=/dev/mapper/dm-test-linear
# shellcheck disable=SC2034 # work_on()
BELOW=$LINEAR
REMAP=/dev/mapper/dm-test-remap
TAIL=32768 # sectors behind the file system

bad_in_table() { dmsetup table dm-test-linear | awk '$3 == "error" { for (i = 0; i < $2; i += 8) print $1 + i }'; }

# degrade_under_load SECONDS WORKER - again and again, at random and by a list, until the time is over,
# and three times at least.
degrade_under_load() {
    local end=$((SECONDS + $1)) worker=$2 rounds=0 before
    while ((SECONDS < end || rounds < 3)); do
        running "$worker" || break
        before=$(bad_in_table)
        dm-remap-loopback-setup --add-bad-sectors -c 100 --seed $((rounds + 1)) >>degraded
        echo $((FS_SECTORS / 8 + 100 + rounds * 7))-$((FS_SECTORS / 8 + 101 + rounds * 7)) >list
        dm-remap-loopback-setup --add-bad-sectors -f list >>degraded
        [[ -z $before ]] || eq "all that were bad still are" "$(bad_in_table | grep -cxFf <(echo "$before"))" "$(wc -l <<<"$before")"
        rounds=$((rounds + 1))
        sleep 0.5
    done
    echo "  $rounds rounds, $(bad_in_table | wc -l) bad sectors; I/O was held back for at most $(sed -nE 's/^I.O was held back for ([0-9.]+) ms/\1/p' degraded | sort -n | tail -n 1) ms"
    ((rounds >= 3)) || fail "too few rounds to mean anything: $rounds"
}

# What is bad where nothing was moved fails through dm-remap too, and nothing else does.
tail_fails_exactly() {
    local length=$(($(sectors "$REMAP") - FS_SECTORS))
    eq "behind the file system exactly the bad ones fail" \
        "$(vm-test-sectors errors "$REMAP" "$FS_SECTORS" "$length" direct 8 | cut -d' ' -f1 | paste -sd ' ')" \
        "$(bad_in_table | awk -v from="$FS_SECTORS" '$1 >= from' | paste -sd ' ')"
    eq "in what was moved none does" "$(vm-test-sectors errors "$REMAP" 0 "$FS_SECTORS" direct 8 | wc -l)" 0
    eq "though below they all do" "$(vm-test-sectors errors "$LINEAR" 0 "$FS_SECTORS" direct 8 | cut -d' ' -f1 | sha256sum)" \
        "$(bad_in_table | awk -v to="$FS_SECTORS" '$1 < to' | sha256sum)"
}

# stays_whole FSCK... - what was there before the sectors became bad.
stays_whole() {
    same_tree "what was there before" mnt/kept
    umount mnt
    mnt "$REMAP" mnt
    same_tree "mounted anew" mnt/kept
    umount mnt
    check "fsck" "$@" "$REMAP"
}

# live MIB MKFS FSCK - MKFS is a function that makes a file system of FS_SECTORS on a device.
live() {
    local size=$1 mkfs=$2 worker
    local -a fsck
    read -ra fsck <<<"$3"
    rm -f degraded enough
    echo "bench: $mkfs" >/dev/kmsg
    check "a clean device of $size MiB" dm-remap-loopback-setup --no-bad-sectors -M "${size}M" -S "$((size + 32))M"
    FS_SECTORS=$(($(sectors "$REMAP") - TAIL))
    msg_ok dm-test-remap relocate 0 "$FS_SECTORS"
    check "$mkfs" "$mkfs" "$REMAP"
    mnt "$REMAP" mnt
    cp -r tree mnt/kept
    (work_on mnt 200) &
    worker=$!
    verify_begin file mnt/fio 200 --size=4M --ioengine="$(fio_engine)"
    degrade_under_load "$(longer 12)" "$worker"
    touch enough
    wait "$worker" || fail "the work on the file system failed"
    verify_end file
    stays_whole "${fsck[@]}"
    # Reads may fail, of those who look for signatures at the end of a disk.
    eq "write errors that dm-remap saw" "$(field dm-test-remap write_errors)" 0
    eq "blocks of the file system that could not be read" \
        "$(klog_since "bench: $mkfs" | sed -nE 's/.*error on dev dm-1, logical block ([0-9]+),.*/\1/p' | awk -v to=$((FS_SECTORS / 8)) '$1 < to' | wc -l)" 0
    tail_fails_exactly
    check "cleanup" dm-remap-loopback-setup --cleanup
    eq "mapped devices" "$(dmsetup ls)" 'No devices found'
}

# add_of PLACES COUNT SEED - of these sectors, of 4096 bytes, COUNT that are not bad yet become it.
add_of() {
    comm -23 "$1" <(bad_in_table | awk '{ print $1 / 8 }' | sort) |
        awk -v seed="$3" 'BEGIN { srand(seed) } { print rand(), $0 }' | sort | awk -v most="$2" 'NR <= most { print $2 }' >list
    eq "sectors to become bad" "$(wc -l <list)" "$2"
    dm-remap-loopback-setup --add-bad-sectors -f list >>degraded
}

# writes FILE SECTORS - writes all of it again and again, each time with the next generation, until there
# is a file `written`. The last one is in `generation`.
writes() {
    local generation=1
    while [[ ! -e written ]]; do
        generation=$((generation + 1))
        vm-test-sectors stamp "$1" 0 "$2" "$generation" || fail "the writer saw an error"
    done
    echo "$generation" >generation
}

# bad_of_file PLACES - the sectors of the file, of 512 bytes and in its own count, that are on bad ones.
bad_of_file() { awk 'NR == FNR { bad[$1]; next } $1 in bad { print $2 }' <(bad_in_table) "$1" | sort -n; }

# written_over FILE SECTORS - while it is written all the time, its sectors become bad. The writer sees
# nothing of that, and all it has written is there.
written_over() {
    local writer round
    rm -f written generation
    (writes "$1" "$2") &
    writer=$!
    for round in 1 2 3 4 5 6; do
        running "$writer" || break
        add_of places 100 "$round"
        sleep 0.5
    done
    # What became bad last is written once more, from the beginning.
    sleep 1
    touch written
    wait "$writer" || fail "the file could not be written"
    check "one more time" vm-test-sectors stamp "$1" 0 "$2" $(($(<generation) + 1))
    echo "  $(<generation) times"
    check "what was written last is there" vm-test-sectors check "$1" 0 "$2" $(($(<generation) + 1))
    eq "bad sectors" "$(bad_in_table | wc -l)" 600
    eq "sectors on the spare" "$(field dm-test-remap mapped)" 4800
    eq "by operator, by write, by read" "$(field dm-test-remap remaps)" 0/600/0
    eq "read errors, lost, pending" "$(field dm-test-remap read_errors) $(field dm-test-remap lost) $(field dm-test-remap pending)" '0 0 0'
}

# read_only_there FILE SECTORS - what becomes bad and is only read is gone, and nothing else is.
read_only_there() {
    bad_of_file found >before
    add_of places 40 7
    bad_of_file found | comm -13 <(sort before) <(sort) >gone
    eq "blocks of the file that became bad" "$(wc -l <gone)" 40
    vm-test-sectors errors "$1" 0 "$2" direct 8 >unreadable
    eq "exactly these cannot be read" "$(cut -d' ' -f1 unreadable | sort | paste -sd ' ')" "$(paste -sd ' ' gone)"
    # btrfs has one error for all that cannot be read.
    matches "the medium is at fault" "$(cut -d' ' -f2 unreadable | sort -u)" '^(ENODATA|EIO)$'
    eq "pending" "$(field dm-test-remap pending)" 320
    check "they are written" vm-test-sectors stamp "$1" 0 "$2" 5000
    check "and there again" vm-test-sectors check "$1" 0 "$2" 5000
    eq "pending" "$(field dm-test-remap pending)" 0
    eq "sectors on the spare" "$(field dm-test-remap mapped)" 5120
}

# given_away FILE DIRECTORY - what becomes bad and is then free is taken by other files, which are whole.
given_away() {
    local room mapped
    add_of places 200 8
    mapped=$(field dm-test-remap mapped)
    rm "$1"
    sync
    room=$(($(df --output=avail -B 1M "$2" | tail -n 1) - 24))
    : >"$2/filler"
    check "$room MiB in its place" vm-test-sectors stamp "$2/filler" 0 $((room * 2048)) 6000
    sync
    echo 3 >/proc/sys/vm/drop_caches
    check "which are whole" vm-test-sectors check "$2/filler" 0 $((room * 2048)) 6000
    eq "lost, pending" "$(field dm-test-remap lost) $(field dm-test-remap pending)" '0 0'
    echo "  sectors on the spare: $(field dm-test-remap mapped)"
    (($(field dm-test-remap mapped) > mapped)) || fail "no bad sector was written, so nothing was tested"
}

# as_it_is MIB MKFS FSCK - a file of 16 MiB whose sectors become bad, beside other work.
as_it_is() {
    local size=$1 mkfs=$2 worker stamped=32768
    local -a fsck
    read -ra fsck <<<"$3"
    rm -f degraded enough
    check "a clean device of $size MiB" dm-remap-loopback-setup --no-bad-sectors -M "${size}M" -S 40M
    FS_SECTORS=$(sectors "$REMAP")
    check "$mkfs" "$mkfs" "$REMAP"
    mnt "$REMAP" mnt
    cp -r tree mnt/kept
    : >mnt/stamped
    # btrfs writes in place only what it does not sum; the others know nothing of it.
    chattr +C mnt/stamped 2>/dev/null || true
    check "a file" vm-test-sectors stamp mnt/stamped 0 $stamped 1
    sync
    vm-test-sectors find "$REMAP" 0 "$FS_SECTORS" 1 >found
    awk '$1 % 8 == 0 { print $1 / 8 }' found | sort >places
    eq "where it lies" "$(wc -l <places)" $((stamped / 8))
    (work_on mnt 200) &
    worker=$!
    written_over mnt/stamped $stamped
    touch enough
    wait "$worker" || fail "the work on the file system failed"
    read_only_there mnt/stamped $stamped
    given_away mnt/stamped mnt
    stays_whole "${fsck[@]}"
    check "cleanup" dm-remap-loopback-setup --cleanup
    eq "mapped devices" "$(dmsetup ls)" 'No devices found'
}

# shellcheck disable=SC2329 # by name
make_ext4() { mkfs.ext4 -q "$1" "$((FS_SECTORS / 2))k"; }
# shellcheck disable=SC2329
make_xfs() { mkfs.xfs -q -d size=$((FS_SECTORS * 512)) "$1"; }
# shellcheck disable=SC2329
make_btrfs() { mkfs.btrfs -q -b $((FS_SECTORS * 512)) "$1"; }

make_tree tree
for way in live as_it_is; do
    "$way" 128 make_ext4 "e2fsck -fn"
    "$way" 340 make_xfs "xfs_repair -n"
    "$way" 340 make_btrfs "btrfs check --readonly --check-data-csum"
done
