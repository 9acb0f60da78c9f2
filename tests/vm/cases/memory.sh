# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# needs: own-boot
# memory: 512
# append: slub_debug=FZP,dm_remap_3k,dm_remap_5k,dm_remap_6k,dm_remap_9k,dm_remap_10k,kmalloc-1k,kmalloc-2k,kmalloc-4k
# timeout: 300
#
# Remaps while memory is short: next to all of it is locked, and what is left fills with dirty pages
# that only I/O through the device can free. Everything goes on and is right. The kernel checks every
# object of the module's own caches for writes beyond its end and after its release meanwhile.

# hold_all_but MIB - locks memory until so much is left.
hold_all_but() {
    local available
    sync
    echo 3 >/proc/sys/vm/drop_caches
    available=$(free -m | awk '/^Mem:/ { print $7 }')
    vm-test-memory hold $((available - $1)) >held &
    wait_for 60 grep -q held held || fail "the memory could not be held"
    echo "  available before: $available MiB, now: $(free -m | awk '/^Mem:/ { print $7 }') MiB"
}

grep -q slub_debug=FZP /proc/cmdline || fail "the kernel was not told to check its caches"
scratch MAIN 0
scratch SPARE 1
mkremap live "$MAIN" "$SPARE"
mkfs.ext4 -q /dev/mapper/live
mnt /dev/mapper/live mnt
# A table of some size, so that its growth and shrinking ask for memory as well.
REMAPS=$(short && echo 1000 || echo 3000)
for ((i = 0; i < REMAPS; i++)); do echo "relocate $((3000000 + i * 16)) 8"; done >adds
hold_all_but 48
churn_begin live 0 400000
eq "remaps while memory is short" "$(vm-test-message live <adds | cut -d' ' -f1 | sort | uniq -c | xargs)" "$REMAPS 0"
for ((i = 0; i < $(spell 3); i++)); do
    # Buffered and twice as much as fits, so that writing it waits for writing it back.
    check "fio through the page cache" fio --name=dirty --filename=mnt/file --size=96M --rw=randwrite --bs=16k \
        --ioengine=psync --verify=crc32c --verify_fatal=1 --randseed=$i --output=fio.log
done
sed -n 's/^relocate \([0-9]*\) .*/remove_remap \1/p' adds >removes
eq "and their removal" "$(vm-test-message -q live <removes)" "$REMAPS accepted, 0 refused"
churn_end live ENOMEM
healthy live
not_logged "nothing was killed for its memory" 'Out of memory|oom-kill'
umount mnt
check "fsck over remaps" e2fsck -fn /dev/mapper/live
msg_ok live clear_all
dmsetup remove live
check "fsck of main alone" e2fsck -fn "$MAIN"
