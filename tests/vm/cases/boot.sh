# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 180
#
# The bench itself: the kernel, the tools, and the devices that other cases stand on.

matches "kernel release" "$(uname -r)" '^[0-9]+\.[0-9]+\.'
echo "  kernel $(uname -r), $(nproc) processors, $(free -m | awk '/^Mem:/ { print $2 }') MiB"

for tool in dmsetup losetup blockdev blkdiscard fio mkfs.ext4 mkfs.xfs mkfs.btrfs e2fsck \
    debugfs lvm mdadm cryptsetup modprobe strace xxd jq sfdisk blktrace; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
done
pass "tools"

modprobe -a dm-flakey dm-log-writes dm-delay dm-snapshot dm-thin-pool null_blk xfs btrfs
pass "kernel modules of the injectors and file systems"

for disk in 0 1 2; do
    scratch SCRATCH "$disk"
    eq "scratch disk $disk in sectors" "$(sectors "$SCRATCH")" 4194304
done

mkloop MAIN 500M
mklinear bench "$MAIN"
eq "dm-linear in sectors" "$(sectors /dev/mapper/bench)" 1024000
mkfs.ext4 -q /dev/mapper/bench
mnt /dev/mapper/bench mnt
fio --name=verify --filename=mnt/file --size=8M --rw=randwrite --bs=4k --verify=crc32c \
    --output=fio.log || fail "fio: $(tail -n 3 fio.log)"
pass "fio verify on ext4 on dm-linear on a loop device"
umount mnt
check "e2fsck is clean" e2fsck -fn /dev/mapper/bench

if modinfo dm-remap >/dev/null 2>&1; then
    check "modprobe dm-remap" modprobe dm-remap
    matches "target registered" "$(dmsetup targets)" 'dm-remap|remap'
    check "modprobe -r dm_remap" modprobe -r dm_remap
fi
