# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# A spare is added to a served set while it is in use: under load, killed at any moment, refused, ended meanwhile.
told() { "$DMREMAP" status "$NAME" | awk -v key="$1" '$1 == key { print $2 }'; }
ask() { python3 "$HERE/ask.py" "$NAME" "$1"; }
spare() { timeout 30 "$DMREMAP" spare "$@"; }
# all_there WHAT - what want.img has, through the device.
all_there() {
    nbdcopy "$URI" got.img
    same "$1" want.img got.img
}
# unchanged WHAT - after a refusal: members, table, content, and what is written is taken.
unchanged() {
    expect 0 "^$MEMBERS$" told spares
    expect 0 "^$TABLE$" ask table
    expect 0 '^mode +ok$' "$DMREMAP" status "$NAME"
    expect 0 '' "$DMREMAP" relocate "$NAME" 70000 8
    expect 0 '' "$DMREMAP" del "$NAME" 70000 8
    all_there "$1"
}
# verified ADDRESS... - fio, that finds what it wrote.
verified() {
    timeout 120 fio --name=v --rw=randwrite --bs=512-16k --size=48M --io_size=48M --verify=crc32c --verify_fatal=1 \
        --verify_backlog=256 --randseed=7 "$@"
}
# to_and_fro - adds second.img and removes it, as long as fio runs.
to_and_fro() {
    local range
    expect 0 '' "$DMREMAP" clear "$NAME"
    ADDED=0
    while kill -0 "$LOAD" 2>/dev/null; do
        expect 0 'second.img is member 1 of .* now$' spare add "$NAME" second.img --yes --wipe-set "$SET"
        range=$((ADDED % 20 * 4096))
        expect 0 '' "$DMREMAP" relocate "$NAME" "$range" 2048
        expect 0 '^removed spare 1' spare remove "$NAME" second.img
        expect 0 '' "$DMREMAP" del "$NAME" "$range" 2048
        ADDED=$((ADDED + 1))
    done
}

rm -f ./*.img
truncate -s 64M main.img
truncate -s 16M spare.img second.img third.img fourth.img fifth.img
dd if=/dev/urandom of=want.img bs=1M count=64 status=none
start_server
SET=$(told set)
expect 0 '' nbdcopy --flush want.img "$URI"
expect 0 '' "$DMREMAP" relocate "$NAME" 0 2048
EVENTS=$(ask events)

# Added: in the table, in use, and there for whoever waits for events.
expect 0 'nothing was written' spare add "$NAME" second.img --dry-run
expect 0 '^0:in_use$' told spares
expect 0 '/second.img is member 1 of .* now$' spare add "$NAME" second.img --yes
expect 0 'remap: spare 2 is member 1 of the set now' cat server.log
expect 0 '^0:in_use,1:in_use$' told spares
expect 0 ' 1 in_use +32768 /.*/second.img$' spare list "$NAME"
expect 0 "^0 131072 dm-remap $PWD/main.img $PWD/spare.img 4 spare $PWD/second.img set $SET$" ask table
check 'it is an event' test "$(ask events)" -gt "$EVENTS"
expect 0 '^2048$' told mapped_sectors
all_there 'with a further spare'
expect 0 '' "$DMREMAP" add "$NAME" 4096 $(($(told spare_total) - 4096)) 2048
all_there 'with a range on it'

# Refused, with nothing changed.
MEMBERS=0:in_use,1:in_use
TABLE=$(ask table)
expect 5 'second.img is member 1 of the set of .*, which is in use' spare add "$NAME" second.img --yes
expect 1 'two of the spares are the same device: spare 2 and spare 3' ask "reload $PWD/second.img"
expect 1 'main and spare are the same device' ask "reload $PWD/main.img"
unchanged 'the same twice'
flock third.img sleep 60 &
HOLDER=$!
SERVERS+=("$HOLDER")
sleep 0.3
expect 5 'third.img is in use by another program' spare add "$NAME" third.img --yes
expect 1 'third.img is in use by another program' ask "reload $PWD/third.img"
pkill -P "$HOLDER" || true
wait "$HOLDER" 2>/dev/null || true
unchanged 'in use by another program'
truncate -s 64K small.img
expect 4 'smaller than its own metadata' spare add "$NAME" small.img --yes
expect 1 'the spare is smaller than its own metadata: spare 3 has 128 sectors' ask "reload $PWD/small.img"
expect 1 'none.img: No such file or directory' ask "reload $PWD/none.img"
expect 1 'none.img is no path from the root on' ask 'reload none.img'
unchanged 'too small, or not there'
# What the core refuses, when it has stopped serving the old ones.
expect 1 "third.img: spare 3 (holds no superblock|is no member of set $SET)" ask "reload $PWD/third.img"
unchanged 'not prepared'
truncate -s 32M other.img
truncate -s 8M foreign.img
expect 0 '' "$DMREMAP" format other.img foreign.img --yes
cp foreign.img foreign.before
expect 5 'holds set|set [0-9a-f-]{36}' spare add "$NAME" foreign.img --yes
expect 1 'set' ask "reload $PWD/foreign.img"
same 'nothing is written to what is another set' foreign.img foreign.before
unchanged 'of another set'
expect 0 '' spare add "$NAME" third.img --yes
expect 0 '' spare add "$NAME" fourth.img --yes
MEMBERS=0:in_use,1:in_use,2:in_use,3:in_use
TABLE=$(ask table)
expect 1 'is to join set .*, which has 4 spares' spare add "$NAME" fifth.img --yes
expect 1 'too many spares' ask "reload $PWD/fifth.img"
unchanged 'too many'
expect 0 '' spare remove "$NAME" 3
expect 0 '' spare remove "$NAME" third.img
expect 0 'removed spare 1; 2048 sectors were moved' spare remove "$NAME" second.img
expect 0 " dm-remap $PWD/main.img $PWD/spare.img 2 set $SET$" ask table
check 'the server has let them go' flock -n fourth.img flock -n third.img flock -n second.img true
# The first one goes, and another one takes its place.
expect 0 'second.img is member' spare add "$NAME" second.img --yes --wipe-set "$SET"
expect 0 '' spare remove "$NAME" spare.img
expect 0 " dm-remap $PWD/main.img $PWD/second.img 2 set $SET$" ask table
all_there 'with another first spare'
expect 0 'spare.img is member' spare add "$NAME" spare.img --yes --wipe-set "$SET"
expect 0 '' spare remove "$NAME" second.img

# Under load.
verified --ioengine=nbd --uri="$URI" --iodepth=32 >fio 2>&1 &
LOAD=$!
to_and_fro
check 'fio finds what it wrote over NBD' wait "$LOAD"
check "a spare was added and removed meanwhile ($ADDED times)" test "$ADDED" -gt 1
expect 0 'held_outside +0$' "$DMREMAP" status "$NAME"
# Messages: each is answered, and whoever comes during it waits.
for ((i = 0; i < 30; i++)); do ask status; ask 'message stats'; done >told.all 2>&1 &
ASKER=$!
"$DMREMAP" relocate "$NAME" 0 20000 >moved 2>&1 &
MOVER=$!
expect 0 '' spare add "$NAME" second.img --yes --wipe-set "$SET"
wait "$MOVER" || expect 0 'interrupted' cat moved
check 'all who asked were answered' wait "$ASKER"
nbdcopy "$URI" want.img

# Killed right afterwards, and in the middle of it: it starts with the new list.
end_server KILL
SPARES=(spare.img second.img)
start_server
expect 0 '^0:in_use,1:in_use$' told spares
all_there 'killed right afterwards'
for wait in 0 0.02 0.05 0.1 0.2; do
    expect 0 '' spare remove "$NAME" 1
    expect 0 '^prepared' spare prepare second.img --for "$NAME" --yes --wipe-set "$SET"
    ask "reload $PWD/second.img" >added 2>&1 &
    ASKER=$!
    sleep "$wait"
    end_server KILL
    wait "$ASKER" 2>/dev/null || true
    start_server
    expect 0 '^0:in_use,1:in_use$' told spares
    all_there "killed $wait s after it began"
done
# Ended in the middle of it: the end is clean.
for wait in 0 0.02 0.05; do
    expect 0 '' spare remove "$NAME" 1
    expect 0 '^prepared' spare prepare second.img --for "$NAME" --yes --wipe-set "$SET"
    for i in 1 2 3; do ask "reload $PWD/second.img"; ask reload; done >added 2>&1 &
    ASKER=$!
    sleep "$wait"
    end_server TERM
    expect 0 '^0$' echo "$ENDED"
    wait "$ASKER" 2>/dev/null || true
    expect 0 'DMREMAP_STATE=clean' "$DMREMAP" probe spare.img
    start_server
    all_there "ended $wait s after it began"
done
end_server TERM
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img --main main.img

# Over the file.
DEVICE="file"
start_server --name "reload$$"
expect 0 '' spare remove "$NAME" 1
verified --ioengine=psync --filename="$PLACE" --fallocate=none --fsync=64 >fio 2>&1 &
LOAD=$!
to_and_fro
check 'fio finds what it wrote to the file' wait "$LOAD"
check "a spare was added and removed meanwhile ($ADDED times)" test "$ADDED" -gt 0
expect 0 '' spare add "$NAME" second.img --yes --wipe-set "$SET"
cp "$PLACE" want.img
end_server KILL
expect 1 'not connected|connection abort' cat "$PLACE"
start_server --name "reload$$"
expect 0 '' cat "$PLACE"
same 'all of it is there after a kill' want.img "$PLACE"
end_server TERM
DEVICE=none

# nbdkit: the same.
PLUGIN=${DMREMAP%/bin/*}/nbdkit/nbdkit-dm-remap-plugin.so
ADD="'$DMREMAP' spare add '$PWD/k.control' third.img --yes --wipe-set $SET"
expect 0 'third.img is member 2 of .* now$' timeout 30 nbdkit -f -U "$PWD/k" "$PLUGIN" main.img spare=spare.img \
    spare=second.img control="$PWD/k.control" --run "$ADD"
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img third.img --main main.img
