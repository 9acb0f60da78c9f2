# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# memory: 3072
# timeout: 900
#
# Bad sectors that come while a file system is mounted and busy. dm-remap does not remap by itself yet,
# so the part of main that holds the file system is moved to the spare first, and bad sectors there harm
# nobody; behind it is a part that is not moved and that no file system uses, where exactly the bad ones
# must fail.

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
    same_tree "what was there before" mnt/kept
    umount mnt
    mnt "$REMAP" mnt
    same_tree "mounted anew" mnt/kept
    umount mnt
    check "fsck" "${fsck[@]}" "$REMAP"
    # Reads may fail, of those who look for signatures at the end of a disk.
    eq "write errors that dm-remap saw" "$(field dm-test-remap write_errors)" 0
    eq "blocks of the file system that could not be read" \
        "$(klog_since "bench: $mkfs" | sed -nE 's/.*error on dev dm-1, logical block ([0-9]+),.*/\1/p' | awk -v to=$((FS_SECTORS / 8)) '$1 < to' | wc -l)" 0
    tail_fails_exactly
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
live 128 make_ext4 "e2fsck -fn"
live 340 make_xfs "xfs_repair -n"
live 340 make_btrfs "btrfs check --readonly --check-data-csum"
