# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 180
#
# Main and spare with 4-KiB logical blocks: the device has them too, a file system lives on it, and
# remaps of whole blocks work under it.

REGION=65536

mkloop MAIN 300M 4096
mkloop SPARE 300M 4096
mkremap r "$MAIN" "$SPARE"
eq "logical block" "$(queue /dev/mapper/r logical_block_size)" 4096
eq "block_sectors of status" "$(stat_value r block_sectors)" 8
check "stamps" vm-test-sectors stamp "$MAIN" 0 $REGION 1
for at in 8 800 808 1600 4096 40000 65528; do
    echo "add_remap $at $((at + 8 * (at / 800))) $((at == 65528 ? 8 : (at / 100 + 1) % 3 * 8 + 8))"
done | sed 's/^add_remap 800 .*/add_remap 800 5000 8/' >adds
eq "remaps" "$(vm-test-message -q r <adds)" "7 accepted, 0 refused"
map_of r >places
check "random I/O" vm-test-cuts /dev/mapper/r "$MAIN" "$SPARE" $REGION 8 $((SEED = RANDOM)) 600 <places
echo "  seed $SEED"
expect_fail "half a block" dd if=/dev/mapper/r of=/dev/null bs=512 count=1 iflag=direct
msg_ok r clear_all

mkfs.ext4 -q /dev/mapper/r
mnt /dev/mapper/r mnt
cp -r /usr/lib/x86_64-linux-gnu/perl-base mnt/files
for at in 1000 20000 100000 300000; do
    msg_ok r relocate $at 2048
done
sync
echo 3 >/proc/sys/vm/drop_caches
check "files under remaps" diff -r /usr/lib/x86_64-linux-gnu/perl-base mnt/files
umount mnt
check "fsck is clean" e2fsck -fn /dev/mapper/r
dmsetup remove r

# 512-byte blocks on the spare are no harm to a main with 4 KiB.
mkloop SMALL 300M
mkremap r "$MAIN" "$SMALL"
eq "logical block over a 512-byte spare" "$(queue /dev/mapper/r logical_block_size)" 4096
msg_ok r relocate 1000 2048
