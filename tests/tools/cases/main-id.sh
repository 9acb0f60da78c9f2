# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What main is known by: the WWN or serial number that sysfs has, cleaned up as main_identity.h says.
IDENTITY=${DMREMAP%/*}/tools-test-identity

# disk MAJOR:MINOR PATH [ATTRIBUTE VALUE]... - a device in the made up sysfs; values as for printf %b.
disk() {
    local number=$1 path=$2
    shift 2
    mkdir -p "sys/devices/$path" sys/dev/block
    ln -sfn "../../devices/$path" "sys/dev/block/$number"
    while (($#)); do
        mkdir -p "$(dirname "sys/devices/$path/$1")"
        printf '%b' "$2" >"sys/devices/$path/$1"
        shift 2
    done
}

# identity MAJOR:MINOR TEXT - exactly.
identity() { expect 0 "^$(sed 's/[.~_@]/[&]/g' <<<"$2")\$" "$IDENTITY" sys "$1"; }

disk 8:0 scsi/sda device/wwid 'naa.5000c500a1b2c3d4\n' device/vendor 'ATA'
identity 8:0 naa.5000c500a1b2c3d4
disk 8:1 scsi/sda/sda1 partition '1\n' start '2048\n'
identity 8:1 naa.5000c500a1b2c3d4@2048
disk 8:5 scsi/sda/sda5 partition '5\n' start '4096\n' serial 'of the partition'
identity 8:5 naa.5000c500a1b2c3d4@4096
disk 259:0 nvme/nvme0n1 wwid 'eui.0025388b71b2d0a1\n' device/serial 'S4X9NF0M900000      \n'
identity 259:0 eui.0025388b71b2d0a1
disk 259:1 nvme/nvme0n1/nvme0n1p1 partition '1\n' start '34\n'
identity 259:1 eui.0025388b71b2d0a1@34
disk 254:0 virtio/vda serial 'scratch0' device/vendor '0x1af4\n'
identity 254:0 scratch0
disk 179:0 mmc/mmcblk0 device/cid '150100303030303030\n' device/serial '0x1234abcd\n'
identity 179:0 150100303030303030
disk 3:0 old/hda device/serial 'WD-WCC7K0AB1234\n'
identity 3:0 WD-WCC7K0AB1234

# Blanks and odd bytes.
disk 8:16 scsi/sdb device/wwid 't10.ATA     Some SSD 850 EVO   250GB               S21PNXAG\n'
identity 8:16 t10.ATA_Some_SSD_850_EVO_250GB_S21PNXAG
disk 8:32 scsi/sdc device/wwid '\n' device/serial '  \001\\A 1\xff\xfe2\t \0\0\n'
identity 8:32 A_1_2

# What says nothing, and what has nothing.
disk 8:48 scsi/sdd device/wwid 'naa.0000000000000000\n' serial '        \n' device/serial '000-00\n'
identity 8:48 ''
disk 8:49 scsi/sdd/sdd1 partition '1\n' start '2048\n'
identity 8:49 ''
disk 8:64 scsi/sde device/wwid 'naa.0000000000000000\n' device/serial 'X1\n'
identity 8:64 X1
disk 7:0 virtual/block/loop0 size '2048\n'
identity 7:0 ''
identity 9:9 ''
# A partition whose place is not told cannot be told from the others.
disk 8:2 scsi/sda/sda2 partition '2\n'
identity 8:2 ''

# 64 characters are kept; longer ones differ although their beginning is the same.
EXACT=nvme.144d-$(printf '3%.0s' {1..54})
disk 259:2 nvme/nvme1n1 wwid "$EXACT\n"
identity 259:2 "$EXACT"
disk 259:3 nvme/nvme2n1 wwid "${EXACT}4\n"
disk 259:4 nvme/nvme3n1 wwid "${EXACT}5\n"
expect 0 "^${EXACT:0:47}~[0-9a-f]{16}$" "$IDENTITY" sys 259:3
cp output first
expect 0 "^${EXACT:0:47}~[0-9a-f]{16}$" "$IDENTITY" sys 259:4
expect 1 '' cmp first output
disk 259:5 nvme/nvme1n1/nvme1n1p1 partition '1\n' start '34\n'
disk 259:6 nvme/nvme1n1/nvme1n1p2 partition '2\n' start '35\n'
expect 0 "^${EXACT:0:47}~[0-9a-f]{16}$" "$IDENTITY" sys 259:5
cp output first
expect 0 "^${EXACT:0:47}~[0-9a-f]{16}$" "$IDENTITY" sys 259:6
expect 1 '' cmp first output
# The hash is a promise to sets that exist: FNV-1a, "foobar" is 85944171f73967e8.
LONG=$(printf 'a%.0s' {1..65})
disk 259:7 nvme/nvme4n1 wwid "$LONG\n"
identity 259:7 "${LONG:0:47}~$(perl -Mbigint -e '
    my $h = 0xcbf29ce484222325;
    $h = (($h ^ ord) * 0x100000001b3) & 0xffffffffffffffff for split //, shift;
    printf "%s", substr("0" x 16 . substr($h->as_hex, 2), -16)' "$LONG")"

# format: as given, as found (an image file has none), or not at all.
new_images
expect 0 'main is known by WD-1' "$DMREMAP" format main.img spare.img --dry-run --main-id WD-1
expect 1 '--main-id has 3 characters.*backslash' "$DMREMAP" format main.img spare.img --yes --main-id 'a\b'
expect 1 'main-id' "$DMREMAP" format main.img spare.img --yes --main-id a --no-main-id
expect 0 '^set ' "$DMREMAP" format main.img spare.img --yes --no-main-id
"$DMREMAP" probe spare.img >probed
expect 1 '' grep DMREMAP_MAIN_ID probed
expect 1 "say how a set is made: give --format" "$DMREMAP" create x main.img spare.img --max-extents 5000
