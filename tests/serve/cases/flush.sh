# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# fsync on the file, and a flush of every other front end, reaches main and every spare of the set: each is a file
# of nbdfuse over an nbdkit that writes down what it is asked for.
new_images
truncate -s "${MIB}M" second.img third.img
DEVICES=(main spare second third)
for device in "${DEVICES[@]}"; do
    mv "$device.img" "below-$device.img"
    over_nbdkit "$device" --filter=log file "below-$device.img" logfile="$device.log"
done
# flushes - how many came to each of the devices.
flushes() {
    local device
    for device in "${DEVICES[@]}"; do grep -c ' Flush id=' "$device.log" || true; done
}
# flushed WHAT COUNTS COMMAND... - so many flushes come to main, spare, second and third.
flushed() {
    local what=$1 counts=$2 before after
    shift 2
    mapfile -t before < <(flushes)
    expect 0 '' "$@"
    mapfile -t after < <(flushes)
    expect 0 "^$counts$" echo $((after[0] - before[0])) $((after[1] - before[1])) $((after[2] - before[2])) $((after[3] - before[3]))
    [[ $(<output) == "$counts" ]] || echo "  that was: $what"
}
# from_above ALL SPARE - through every front end. ALL: the counts when all devices of the set are flushed; SPARE: when
# the spare is that has a remap.
from_above() {
    local all=$1 moved=$2 none='0 0 0 0' main='1 0 0 0' spares=() spare
    DEVICE="file"
    start_server --name "flush$$"
    # What is written is on main, and in no device's cache alone, when fsync has returned.
    flushed 'no fsync, no flush' "$none" dd if=/dev/urandom of="$PLACE" bs=4096 seek=100 count=1 conv=notrunc
    flushed 'fsync' "$all" sync "$PLACE"
    flushed 'fdatasync' "$all" sync -d "$PLACE"
    flushed 'write and fsync' "$all" dd if=/dev/urandom of="$PLACE" bs=4096 seek=200 count=4 conv=notrunc,fsync
    # Such a write is on main when it has ended; no spare was asked for anything.
    flushed 'a write with O_DSYNC' "$main" dd if=/dev/urandom of="$PLACE" bs=4096 seek=300 count=1 conv=notrunc oflag=dsync
    flushed 'an unaligned one' "$main" dd if=/dev/urandom of="$PLACE" bs=100 seek=300 count=1 conv=notrunc oflag=sync
    flushed 'NBD' "$all" nbdsh -u "$URI" -c 'h.flush()'
    # FUA reaches the device that was written, and no other.
    expect 0 '' "$DMREMAP" relocate "$NAME" 80000 64
    flushed 'a write over NBD' "$none" nbdsh -u "$URI" -c 'h.pwrite(b"n" * 32768, 50000 * 512)'
    flushed 'with FUA' "$main" nbdsh -u "$URI" -c 'h.pwrite(b"f" * 32768, 50000 * 512, nbd.CMD_FLAG_FUA)'
    flushed 'a write over NBD, remapped' "$none" nbdsh -u "$URI" -c 'h.pwrite(b"n" * 32768, 80000 * 512)'
    flushed 'with FUA, remapped' "$moved" nbdsh -u "$URI" -c 'h.pwrite(b"f" * 32768, 80000 * 512, nbd.CMD_FLAG_FUA)'
    flushed 'zeros with FUA' "$main" nbdsh -u "$URI" -c 'h.zero(32768, 50000 * 512, nbd.CMD_FLAG_FUA)'
    flushed 'zeros with FUA, remapped' "$moved" nbdsh -u "$URI" -c 'h.zero(32768, 80000 * 512, nbd.CMD_FLAG_FUA)'
    end_server TERM
    expect 0 '^0$' echo "$ENDED"
    for spare in "${SPARES[@]}"; do spares+=("spare=$spare"); done
    rm -f k k.pid
    nbdkit -f -P k.pid -U k "$BUILD/nbdkit/nbdkit-dm-remap-plugin.so" main.img "${spares[@]}" 2>kit.log &
    SERVER=$!
    SERVERS+=("$SERVER")
    for _ in {1..200}; do [[ ! -s k.pid ]] || break; sleep 0.05; done
    flushed 'nbdkit' "$all" nbdsh -u "nbd+unix:///?socket=$PWD/k" -c 'h.flush()'
    end_server TERM
}
SPARES=(spare.img)
from_above '1 1 0 0' '0 1 0 0'
SPARES=(second.img third.img)
from_above '1 0 1 1' '0 0 1 0'
for device in "${DEVICES[@]}"; do fusermount3 -u "$device.d"; done
wait "${FUSES[@]}" || true
