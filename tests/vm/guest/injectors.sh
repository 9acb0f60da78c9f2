# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Disks that behave in ways a loop device cannot.

# mknull NAME ATTRIBUTE=VALUE... - a null_blk disk through configfs; its node is NULL_DISK. Newer
# kernels name the disk after the directory.
mknull() {
    local name=$1 dir=/sys/kernel/config/nullb/$1 pair
    shift
    modprobe null_blk nr_devices=0
    mkdir "$dir"
    for pair in "$@"; do
        echo "${pair#*=}" >"$dir/${pair%%=*}"
    done
    echo 1 >"$dir/power"
    NULL_DISK=/dev/nullb$(<"$dir/index")
    [[ ! -e /sys/block/$name ]] || NULL_DISK=/dev/$name
    wait_for 10 test -b "$NULL_DISK" || fail "null_blk made no disk"
}

# spoil NAME FIRST SECTORS COUNT - so many blocks of 4 KiB of this range go bad for good, at random; the
# file `spoiled` has their first sectors. A disk of null_blk keeps 512 pieces at most.
spoil() {
    local i at
    for ((i = 0; i < $4; i++)); do
        at=$(($2 + (RANDOM * 32768 + RANDOM) % ($3 / 8) * 8))
        echo "+$at-$((at + 7))" >"/sys/kernel/config/nullb/$1/badblocks"
        echo "$at" >>spoiled
    done
}

# mkscsi OPTION... - a scsi_debug disk; its node is SCSI_DISK.
mkscsi() {
    local before
    modprobe sd_mod
    before=$(find /sys/block -name 'sd*' | sort)
    modprobe scsi_debug "$@"
    # shellcheck disable=SC2016 # expanded by the inner shell
    wait_for 20 bash -c '[[ $(find /sys/block -name "sd*" | sort) != "$1" ]]' - "$before" || fail "scsi_debug made no disk"
    SCSI_DISK=/dev/$(comm -13 <(echo "$before") <(find /sys/block -name 'sd*' | sort) | xargs basename)
    wait_for 20 test -b "$SCSI_DISK"
}

# queue DEVICE ATTRIBUTE - of its queue in sysfs.
queue() { cat "/sys/dev/block/$(lsblk -dnro MAJ:MIN "$1")/queue/$2"; }
