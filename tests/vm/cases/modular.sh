# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 180
#
# The module in two parts (BUILD_MODE=MODULAR): whoever asks for one gets both, and the core cannot
# go while the target is there. tests/modular builds them and runs this.

loaded() { [[ -d /sys/module/$1 ]]; }

eq "modules that were built" "$(cd "/bench/build/module/$(uname -r)" && echo ./*.ko)" \
    './dm-remap-core.ko ./dm-remap.ko'
modprobe -qr dm_remap || true
check "modprobe dm-remap" modprobe dm-remap
check "it brought the core with it" loaded dm_remap_core
check "the target holds the core" test -e /sys/module/dm_remap_core/holders/dm_remap
expect_fail "the core cannot be unloaded under the target" rmmod dm_remap_core
check "modprobe -r dm_remap" modprobe -r dm_remap
check "both are gone" eval '! loaded dm_remap && ! loaded dm_remap_core'

mkloop MAIN 64M
mkloop SPARE 64M
mkremap two "$MAIN" "$SPARE"
check "a table loads both by itself" loaded dm_remap_core
vm-test-message -p two help >/dev/null
head -c 1M /dev/urandom >pattern
dd if=pattern of=/dev/mapper/two bs=1M oflag=direct status=none
msg_ok two add_remap 1000 5000 104
msg_ok two relocate 8 8
eq "extents" "$(field two extents)" 2
dd if=/dev/mapper/two of=back bs=1M count=1 iflag=direct status=none
check "the data is the same" cmp pattern back
msg_ok two clear_all
dmsetup remove two

# The core may stay while the target goes and comes: what both need is made and dropped by the target.
for _ in 1 2 3; do
    check "the target alone goes" rmmod dm_remap
    check "and comes" modprobe dm-remap
    wipe "$SPARE"
    mkremap two "$MAIN" "$SPARE"
    msg_ok two relocate 8 8
    dmsetup remove two
done
