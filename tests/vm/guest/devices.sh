# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Devices to test on, and their removal. Everything below is taken down by drop_all when the
# case ends; a case removes by itself only what it wants to see removed.

# mkloop VARIABLE SIZE [LOGICAL-BLOCK-SIZE] - a loop device on a new sparse file in memory,
# for example: mkloop MAIN 500M. The file is VARIABLE.img in the case's directory.
mkloop() {
    local -n mkloop_result=$1
    local file=${CASE_DIR:-/tmp}/$1.img
    truncate -s "$2" "$file"
    # shellcheck disable=SC2034 # the caller's variable
    mkloop_result=$(losetup --find --show --sector-size "${3:-512}" "$file") || return 1
}

# scratch VARIABLE NUMBER - one of the virtio disks 0 to 2 (2 GiB each), emptied.
scratch() {
    local -n scratch_result=$1
    scratch_result=$("$GUEST_DIR/disk" "scratch$2") || return 1
    wipefs -qaf "$scratch_result"
    blkdiscard "$scratch_result"
}

# wipe DEVICE - zeros all over, as a spare must be that is to serve another main.
wipe() { blkdiscard -z "$1" 2>/dev/null || dd if=/dev/zero of="$1" bs=1M oflag=direct status=none || true; }

sectors() { blockdev --getsz "$1"; }

# mkdm NAME TABLE... - a dm device from lines of a table, ready under /dev/mapper.
mkdm() {
    local name=$1
    shift
    printf '%s\n' "$@" | dmsetup create "$name"
}

# mklinear NAME DEVICE
mklinear() { mkdm "$1" "0 $(sectors "$2") linear $2 0"; }

# has_done NAME FIELD COUNT - so many requests of a dm device have ended: 1 reads, 5 writes (block/stat.rst). What an
# error target refuses is not counted on its own device.
has_done() { (($(requests "$1" "$2") >= $3)); }
requests() { awk -v field="$2" '{ print $field }' "/sys/block/$(dmsetup info -c --noheadings -o blkdevname "$1")/stat"; }

# replace_table NAME LINE... - load and resume.
replace_table() {
    local name=$1
    shift
    printf '%s\n' "$@" | dmsetup load "$name" && dmsetup resume "$name"
}

# mnt DEVICE DIRECTORY [MOUNT-OPTION...]
mnt() {
    local device=$1 directory=$2
    shift 2
    mkdir -p "$directory"
    mount "$@" "$device" "$directory"
}

# drop_mounts - everything mounted since boot, the newest first.
drop_mounts() {
    local target
    findmnt -rno TARGET | tac | while read -r target; do
        grep -qxF -- "$target" /run/base-mounts || umount "$target" || umount -l "$target"
    done
}

# drop_dm - removes every dm device; several passes, since they stand on each other.
drop_dm() {
    local pass name names
    for pass in 1 2 3 4 5 6 7 8; do
        names=$(dmsetup ls 2>/dev/null | sed -n 's/\t.*//p')
        [[ -n $names ]] || return 0
        for name in $names; do
            [[ $(dmsetup info -c --noheadings -o suspended "$name") != Suspended ]] || dmsetup resume "$name"
            dmsetup remove "$name" 2>/dev/null || ((pass < 5)) || dmsetup remove --force "$name"
        done
        ((pass == 1)) || sleep 0.2
    done
    echo "these dm devices could not be removed: $(dmsetup ls | cut -f1 | paste -sd ' ')"
    return 1
}

# drop_md - dm-remap may stand on it as well as below it, so it is tried before and after.
drop_md() { ! grep -qs '^md' /proc/mdstat || MDADM_NO_UDEV=1 mdadm --stop --scan --quiet; }

# drop_all - what a case may have set up: processes, swap, mounts, dm and loop devices, and
# modules that make disks.
drop_all() {
    local status=0 jobs module
    jobs=$(jobs -p)
    # shellcheck disable=SC2086 # a list of process ids
    [[ -z $jobs ]] || { kill -KILL $jobs; wait; } 2>/dev/null
    swapoff -a
    drop_mounts
    drop_md
    losetup -D
    drop_dm || status=1
    drop_md
    losetup -D
    rm -rf /run/dm-remap-loopback-setup
    find /sys/kernel/config/nullb -mindepth 1 -maxdepth 1 -type d -exec rmdir {} + 2>/dev/null
    for module in null_blk scsi_debug brd ublk_drv; do
        [[ ! -d /sys/module/$module ]] || modprobe -r "$module" || status=1
    done
    return "$status"
}
