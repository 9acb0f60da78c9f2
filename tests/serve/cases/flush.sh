# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# fsync on the file, and a flush of every other front end, reaches both devices: main and spare are files
# of nbdfuse over an nbdkit that writes down what it is asked for.
new_images
FUSES=()
for device in main spare; do
    mkdir "$device.d"
    nbdkit -f -U "$device.s" --filter=log file "$device.img" logfile="$device.log" 2>/dev/null &
    SERVERS+=("$!")
    for _ in {1..100}; do [[ ! -S $device.s ]] || break; sleep 0.05; done
    nbdfuse "$device.d/$device" "nbd+unix:///?socket=$PWD/$device.s" 2>/dev/null &
    FUSES+=("$!")
    for _ in {1..100}; do [[ ! -e $device.d/$device ]] || break; sleep 0.05; done
    mv "$device.img" "below-$device.img"
    ln -s "$device.d/$device" "$device.img"
done
flushes() { grep -c ' Flush id=' "$1.log" || true; }
# flushed WHAT MAIN SPARE COMMAND... - that many flushes come to the devices.
flushed() {
    local before=("$(flushes main)" "$(flushes spare)") what=$1 main=$2 spare=$3
    shift 3
    expect 0 '' "$@"
    expect 0 "^$main $spare$" echo "$(($(flushes main) - before[0])) $(($(flushes spare) - before[1]))"
    [[ $(<output) == "$main $spare" ]] || echo "  that was: $what"
}
DEVICE="file"
start_server --name "flush$$"
# What is written is on main, and in no device's cache alone, when fsync has returned.
flushed 'no fsync, no flush' 0 0 dd if=/dev/urandom of="$PLACE" bs=4096 seek=100 count=1 conv=notrunc
flushed 'fsync' 1 1 sync "$PLACE"
flushed 'fdatasync' 1 1 sync -d "$PLACE"
flushed 'write and fsync' 1 1 dd if=/dev/urandom of="$PLACE" bs=4096 seek=200 count=4 conv=notrunc,fsync
# Such a write is on main when it has ended; the spare was not asked for anything.
flushed 'a write with O_DSYNC' 1 0 dd if=/dev/urandom of="$PLACE" bs=4096 seek=300 count=1 conv=notrunc oflag=dsync
flushed 'an unaligned one' 1 0 dd if=/dev/urandom of="$PLACE" bs=100 seek=300 count=1 conv=notrunc oflag=sync
flushed 'NBD' 1 1 nbdsh -u "$URI" -c 'h.flush()'
end_server TERM
expect 0 '^0$' echo "$ENDED"
nbdkit -f -P k.pid -U k "$BUILD/nbdkit/nbdkit-dm-remap-plugin.so" main.img spare=spare.img 2>kit.log &
SERVER=$!
SERVERS+=("$SERVER")
for _ in {1..200}; do [[ ! -s k.pid ]] || break; sleep 0.05; done
flushed 'nbdkit' 1 1 nbdsh -u "nbd+unix:///?socket=$PWD/k" -c 'h.flush()'
end_server TERM
for device in main spare; do fusermount3 -u "$device.d"; done
wait "${FUSES[@]}" || true
