# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# A set of two spares: filled over both, killed, named in another order; what is missing or no member is refused.
nbd() { timeout 60 nbdsh -u "$URI" -c "$1"; }
told() { "$DMREMAP" status "$NAME" | awk -v key="$1" '$1 == key { print $2 }'; }
table() { python3 "$HERE/ask.py" "$NAME" table; }
# restart SIGNAL SPARE... - with the spares in this order.
restart() {
    end_server "$1"
    shift
    SPARES=("$@")
    start_server
}
# all_there WHAT - what want.img has, through the device.
all_there() {
    nbdcopy "$URI" got.img
    same "$1" want.img got.img
}

rm -f ./*.img
truncate -s 64M main.img
truncate -s 16M spare.img second.img blank.img
SPARES=(spare.img second.img)
start_server --fail-sectors 60000-60015
TOTAL=$(told spare_total)
HALF=$((TOTAL / 2))
expect 0 "^0 131072 dm-remap $PWD/main.img $PWD/spare.img 4 spare $PWD/second.img set [0-9a-f-]{36}$" table
expect 0 '^copies +4$' "$DMREMAP" status "$NAME"
# Across the border of the two, there and back.
dd if=/dev/urandom of=want.img bs=1M count=64 status=none
expect 0 '' nbdcopy --flush want.img "$URI"
expect 0 '^16$' told mapped_sectors
expect 0 '' "$DMREMAP" add "$NAME" 100000 $((HALF - 500)) 1000
all_there 'a range that is on both spares'
expect 0 '' nbd 'h.pwrite(b"b" * 512000, 100000 * 512, nbd.CMD_FLAG_FUA)'
printf 'b%.0s' {1..512000} | dd of=want.img bs=512 seek=100000 conv=notrunc status=none
all_there 'and written there'
expect 0 "^ +100000 +$((HALF - 500)) +1000 active" "$DMREMAP" list "$NAME"
expect 0 '' "$DMREMAP" del "$NAME" 100000
all_there 'and back on main'
# As full as they get; then new content.
for ((at = 0; at + 2048 <= TOTAL - 16; at += 2048)); do "$DMREMAP" relocate "$NAME" "$at" 2048 >/dev/null; done
expect 0 "^$((at + 16))$" told spare_used
all_there 'moved to both spares'
dd if=/dev/urandom of=want.img bs=1M count=32 conv=notrunc status=none
dd if=want.img of=part.img bs=1M count=32 status=none
truncate -s 64M part.img
dd if=want.img of=part.img bs=1M skip=32 seek=32 status=none
expect 0 '' nbdcopy --flush part.img "$URI"
all_there 'new content'
expect 1 'there is no room|no space|spare' "$DMREMAP" relocate "$NAME" 110000 4096
SET=$("$DMREMAP" probe spare.img | sed -n 's/^DMREMAP_SET=//p')
cp --sparse=always second.img old.img

# Killed, and with the spares in another order.
restart KILL second.img spare.img
expect 0 "^137$" echo "$ENDED"
expect 0 " $PWD/main.img $PWD/second.img 4 spare $PWD/spare.img set $SET$" table
expect 0 "^$((at + 16))$" told spare_used
all_there 'all that was flushed is there after a kill'
restart TERM spare.img second.img
expect 0 "^0$" echo "$ENDED"
all_there 'and after a clean end'
# Ranges on both that move under several clients: data is what was written.
for ((at = 30000; at < 50000; at += 2048)); do "$DMREMAP" del "$NAME" "$((at / 2048 * 2048))" 2048 >/dev/null; done
(
    for ((i = 0; ; i = (i + 1) % 8)); do
        "$DMREMAP" relocate "$NAME" $((65536 + i * 2048)) 1024 || true
        ((i % 3)) || "$DMREMAP" del "$NAME" $((65536 + i * 2048)) 1024 || true
        "$DMREMAP" del "$NAME" $((i * 2048)) 2048 && "$DMREMAP" relocate "$NAME" $((i * 2048)) 2048 || true
    done >moves 2>&1
) &
MOVER=$!
SERVERS+=("$MOVER")
check 'fio finds what it wrote' timeout 60 fio --name=v --ioengine=nbd --uri="$URI" --rw=randwrite --bs=512-16k \
    --iodepth=32 --size=44M --io_size=40M --verify=crc32c --verify_fatal=1 --verify_backlog=256 --randseed=7
kill "$MOVER"
wait "$MOVER" 2>/dev/null || true
check 'ranges were moved meanwhile' test "$(wc -l <moves)" -gt 8
expect 0 'held_outside +0$' "$DMREMAP" status "$NAME"
expect 0 'mode +ok$' "$DMREMAP" status "$NAME"
nbdcopy "$URI" want.img
restart KILL spare.img second.img
all_there 'after one more kill'

# What is no set, or not all of it.
serve() { timeout 20 "$DMREMAP" serve "$@" --control "$PWD/x.control" --socket "$PWD/x" --device none; }
refuses 5 'second.img is in use by another program' serve blank.img second.img
end_server TERM
for file in spare.img second.img; do
    expect 0 'DMREMAP_STATE=clean' "$DMREMAP" probe "$file"
    cp --sparse=always "$file" "$file.before"
done
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img --main main.img
refuses 4 "spare.img: member 1, [0-9a-f-]{36}, of set $SET is missing; the set has more spares than were named" serve main.img spare.img
refuses 4 "second.img: member 0, [0-9a-f-]{36}, of set $SET is missing; the set has more spares than were named" serve main.img second.img
refuses 4 "spare.img blank.img: member 1, [0-9a-f-]{36}, of set $SET is missing; spare 2 holds no superblock" serve main.img spare.img blank.img
refuses 4 "spare.img second.img blank.img: spare 3 is no member of set $SET; 'dmremap spare add' makes it one" serve main.img spare.img second.img blank.img
refuses 4 "spare.img old.img: spare 2, member 1 of set $SET, never heard of epoch [0-9]+: what it holds is out of date" serve main.img spare.img old.img
refuses 4 'spare.img second.img old.img: spare 2 and spare 3 both are member 1, [0-9a-f-]{36}, of the set: one is a copy of the other' serve main.img spare.img second.img old.img
refuses 1 'two of the spares are the same device: spare 1 and spare 3' serve main.img spare.img second.img ./spare.img
refuses 4 'main and spare are the same device' serve main.img spare.img main.img
refuses 4 'none.img: No such file or directory' serve main.img spare.img none.img
refuses 1 'SPARE: At Most 4 required but received 5; --help shows the options' serve main.img 1 2 3 4 5
truncate -s 64K small.img
refuses 4 'the spare is smaller than its own metadata: spare 2 has 128 sectors, the metadata alone takes [0-9]+' serve main.img spare.img small.img
for file in spare.img second.img; do same 'what is refused writes nothing' "$file" "$file.before"; done

# Made by the server, on sizes of their own, up to four.
rm blank.img second.img old.img
truncate -s 64M blank.img
truncate -s 24M third.img
truncate -s 20M fourth.img second.img
SPARES=(third.img fourth.img second.img)
cp /dev/null main.img
truncate -s 64M main.img
start_server --format --max-extents 2048 --yes
sed -n 1,3p address >told
expect 0 '^third.img fourth.img second.img become the spares of main.img' cat told
end_server TERM
expect 0 'nothing is damaged' "$DMREMAP" check fourth.img second.img third.img --main main.img
