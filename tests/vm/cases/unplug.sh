# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# needs: plain
# timeout: 300
#
# Main is unplugged while it is in use and comes back under another name, and is set offline and online
# (scsi_debug): not one of its sectors is bad, so nothing is remapped, and all is there afterwards.

device_of() { readlink -f "/sys/block/${SCSI_DISK##*/}/device"; }

# at_work - fio reads and writes until it sees an error; in a range that no stamps are in.
at_work() {
    fio --name=work --filename=/dev/mapper/r --offset=32m --size=30m --rw=randrw --bs=4k --iodepth=16 \
        --ioengine=libaio --direct=1 --time_based --runtime=120 >work.log 2>&1 &
    sleep 3
    check "fio is at work" running $!
}

# sees_it - what is under way ends with an error, and so does what comes.
sees_it() {
    local status=0 i
    wait $! || status=$?
    ((status)) || fail "fio has not seen that the disk is gone"
    for i in {1..5}; do
        expect_fail "a write" dd if=/dev/zero of=/dev/mapper/r bs=4096 seek=$((5000 + i)) count=1 oflag=direct conv=nocreat,notrunc status=none
        expect_fail "a read" dd if=/dev/mapper/r of=/dev/null bs=4096 skip=$((5000 + i)) count=1 iflag=direct status=none
    done
    check "what is on the spare can be read" vm-test-sectors check /dev/mapper/r 1000 100 1
}

# nothing_remapped
nothing_remapped() {
    matches "the verdict: $(stat_value r verdict health)" "$(stat_value r verdict health)" '^(device|path)$'
    eq "mapped, pending and lost" "$(field r mapped) $(field r pending) $(field r lost)" '100 0 0'
    eq "remaps" "$(field r remaps)" 1/0/0
    eq "mode" "$(field r mode)" ok
}

all_there() {
    check "stamps" vm-test-sectors check /dev/mapper/r 0 20000 1
    check "a write" vm-test-sectors stamp /dev/mapper/r 70000 1000 "$1"
    check "reads back" vm-test-sectors check /dev/mapper/r 70000 1000 "$1"
    eq "mapped, pending and lost" "$(field r mapped) $(field r pending) $(field r lost)" '100 0 0'
}

# Over the same device all goes on when it is back.
offline() {
    at_work
    echo offline >"$(device_of)/state"
    sees_it
    nothing_remapped
    echo running >"$(device_of)/state"
    all_there 2
}

unplugged() {
    local device host before
    device=$(device_of)
    host=$(grep -o 'host[0-9]*' <<<"$device" | head -n 1)
    at_work
    echo 1 >"$device/delete"
    sees_it
    nothing_remapped
    # Its old name is taken as long as something uses the device that is gone.
    before=$SCSI_DISK
    echo '- - -' >"/sys/class/scsi_host/$host/scan"
    wait_for 20 compgen -G "$device/block/sd*" >found || fail "the disk does not come back"
    SCSI_DISK=/dev/$(basename "$(head -n 1 found)")
    wait_for 20 test -b "$SCSI_DISK"
    [[ $SCSI_DISK != "$before" ]] || fail "it has its old name"
    dmsetup remove --retry r
    mkremap r "$SCSI_DISK" "$SPARE"
    all_there 3
}

mkscsi dev_size_mb=64
mkloop SPARE 64M
mkremap r "$SCSI_DISK" "$SPARE"
msg_ok r relocate 1000 100
check "stamps" vm-test-sectors stamp /dev/mapper/r 0 20000 1
offline
unplugged
