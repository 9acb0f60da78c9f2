# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# format: what it makes, what it asks, and what it refuses.
new_images
expect 0 'WHAT IS THERE|What it costs' "$DMREMAP" format --help
expect 0 'nothing was written' "$DMREMAP" format main.img spare.img --dry-run
answer no 1 "the answer was 'no', not YES" "$DMREMAP" format main.img spare.img
answer yes 1 "the answer was 'yes', not YES" "$DMREMAP" format main.img spare.img
expect 4 'holds no set' "$DMREMAP" probe spare.img
answer YES 0 '^set [0-9a-f-]{36}$|metadata takes' "$DMREMAP" format main.img spare.img --max-extents 1024 --main-id wwn-1
expect 0 '^DMREMAP_MAIN_ID=wwn-1$' "$DMREMAP" probe spare.img
expect 0 'nothing is damaged' "$DMREMAP" check spare.img --main main.img

# A set stays.
SET=$("$DMREMAP" probe spare.img | sed -n 's/^DMREMAP_SET=//p')
expect 5 "holds set $SET" "$DMREMAP" format main.img spare.img --yes
expect 5 "holds set $SET" "$DMREMAP" format main.img spare.img --yes --overwrite
expect 5 'has traces of set' "$DMREMAP" format main.img spare.img --yes --wipe-set 6ba7b810-9dad-41d1-80b4-00c04fd430c8
expect 1 "'nonsense' is not a UUID" "$DMREMAP" format main.img spare.img --yes --wipe-set nonsense
unchanged "$DMREMAP" format main.img spare.img --yes --overwrite
# So do traces of one.
damage spare.img "$HEAD" 2
damage spare.img "$TAIL" 2 zero
expect 5 "traces of a set.*--wipe-set $SET" "$DMREMAP" format main.img spare.img --yes --overwrite
damage spare.img "$MIDDLE" 2 zero
expect 5 'not blank' "$DMREMAP" format main.img spare.img --yes
expect 4 'no trace of set' "$DMREMAP" format main.img spare.img --yes --wipe-set "$SET"
new_set
expect 0 'WHAT IS THERE IS DESTROYED' "$DMREMAP" format main.img spare.img --yes --wipe-set "$SET"
expect 0 'nothing is damaged' "$DMREMAP" check spare.img

# What is somebody's.
new_images
mkfs.ext4 -q spare.img
expect 5 'signature of another use \(ext4\)' "$DMREMAP" format main.img spare.img --yes
unchanged "$DMREMAP" format main.img spare.img --yes
expect 0 'DESTROYED' "$DMREMAP" format main.img spare.img --yes --overwrite
# A partition table: one entry, and the two bytes at the end.
new_images
printf '\0\0\0\0\203\0\0\0\0\010\0\0\0\020\0\0' | dd of=spare.img bs=1 seek=446 conv=notrunc status=none
printf '\125\252' | dd of=spare.img bs=1 seek=510 conv=notrunc status=none
expect 5 'signature of another use \(dos partition table\)' "$DMREMAP" format main.img spare.img --yes
new_images
printf 4RMD | dd of=spare.img bs=512 seek=512 conv=notrunc status=none
expect 5 'dm-remap v4' "$DMREMAP" format main.img spare.img --yes
new_images
printf x | dd of=spare.img bs=1 seek=$((SECTORS * 512 - 1)) conv=notrunc status=none
expect 5 "data at sector $((SECTORS - 1)).*--overwrite" "$DMREMAP" format main.img spare.img --yes

# Wrong devices and arguments.
new_images
expect 4 'same device' "$DMREMAP" format spare.img spare.img --yes
expect 4 'No such file' "$DMREMAP" format main.img none.img --yes
expect 4 'No such file' "$DMREMAP" format none.img spare.img --yes
expect 4 'neither a block device nor a file' "$DMREMAP" format main.img /dev/null --yes
truncate -s 64K small.img
expect 4 'smaller than its own metadata' "$DMREMAP" format main.img small.img --yes
truncate -s 0 empty.img
expect 4 'too small or too large' "$DMREMAP" format empty.img spare.img --yes
expect 4 'its metadata alone would take' "$DMREMAP" format main.img spare.img --yes --max-extents 4000000
expect 1 'max-extents' "$DMREMAP" format main.img spare.img --yes --max-extents 5
expect 1 'main-id has 3 characters' "$DMREMAP" format main.img spare.img --yes --main-id 'a b'
expect 1 'required' "$DMREMAP" format main.img
expect 1 'subcommand' "$DMREMAP"
expect 1 'give --format with them' "$DMREMAP" create x main.img spare.img --max-extents 1024
expect 4 'holds no set' "$DMREMAP" probe spare.img
if ((EUID != 0)); then
    chmod 444 spare.img
    expect 2 'Permission denied' "$DMREMAP" format main.img spare.img --yes
fi
