# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# LVM as the only one of its machine.

# lvm_looks_at REGEX - the only devices it sees from now on: a disk below dm-remap has the same label as
# the device over it.
lvm_looks_at() { LOOK_AT=$1; }

# lvm_do WORDS... - LVM, which must succeed. There is no udev, and none of the caches it would fill.
lvm_do() {
    lvm "$@" --config "devices { use_devicesfile=0 obtain_device_list_from_udev=0
        external_device_info_source=\"none\" filter=[\"a|$LOOK_AT|\",\"r|.*|\"] }
        activation { udev_sync=0 udev_rules=0 monitoring=0 } backup { backup=0 archive=0 }" \
        >lvm.log 2>&1 || fail "lvm $*: $(grep -v -i warning lvm.log | tail -n 3)"
}
