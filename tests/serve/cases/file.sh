# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# The device as a file: any byte of it, by several at once, holes, its end, kill -9.
DEVICE="file"
FILE_NAME=file$$
start() { start_server --name "$FILE_NAME" "$@"; }

new_images
dd if=/dev/urandom of=main.img bs=1M count=8 conv=notrunc status=none
start --fail-sectors 20000-20003,30000,50000-50007
expect 0 '^-rw------- 1 ' ls -l "$PLACE"
expect 0 "^$((MIB << 20))$" stat -c %s "$PLACE"
expect 0 "^$FILE_NAME$" ls "$(dirname "$PLACE")"
check 'it reads as main' cmp -n $((8 << 20)) main.img "$PLACE"
# Bytes anywhere, against a model; four writers whose ranges share blocks.
cat >bytes.py <<'PY'
import os, random, sys, threading
path, seed = sys.argv[1], int(sys.argv[2])
BASE, SIZE = 1 << 20, 1 << 20
print('seed', seed)
fd = os.open(path, os.O_RDWR)
model = bytearray(os.pread(fd, SIZE, BASE))
rng = random.Random(seed)
def change(rng, low, high, own):
    length = min(rng.choice([1, 3, 511, 512, 513, 4096, 5000, 60001]), high - low)
    at = rng.randrange(low, high - length + 1)
    data = rng.randbytes(length)
    assert os.pwrite(fd, data, BASE + at) == length
    own[at:at + length] = data
for i in range(300):
    change(rng, 0, SIZE, model)
    at = rng.randrange(SIZE)
    assert os.pread(fd, 70000, BASE + at)[:SIZE - at] == model[at:at + 70000], (seed, i)
# 1001 bytes each, so that neighbours share blocks.
def writer(number):
    own = random.Random(seed + number)
    for i in range(200):
        low = 1001 * (4 * own.randrange(200) + number)
        change(own, low, low + 1001, model)
threads = [threading.Thread(target=writer, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
assert os.pread(fd, SIZE, BASE) == model, seed
os.fsync(fd)
open('model', 'wb').write(model)
PY
expect 0 '' /usr/bin/python3 bytes.py "$PLACE" "${DMREMAP_SEED:-$RANDOM}"
# A hole reads as zeros, whatever was there; the rest is as it was.
expect 0 '' fallocate -p -o $((4 << 20)) -l 65536 "$PLACE"
check 'a hole reads as zeros' cmp -n 65536 -i $((4 << 20)):0 "$PLACE" /dev/zero
expect 0 '' fallocate -z -o $((4 << 20)) -l 131072 "$PLACE"
check 'and so do zeros' cmp -n 131072 -i $((4 << 20)):0 "$PLACE" /dev/zero
gives_up $((1 << 20)) main.img 'a hole gives up 1 MiB' fallocate -p -o $((6 << 20)) -l $((1 << 20)) "$PLACE"
check 'and it reads as zeros' cmp -n $((1 << 20)) -i $((6 << 20)):0 "$PLACE" /dev/zero
check 'the rest is as it was' cmp -n 1000000 -i $(((4 << 20) + 131072)):$(((4 << 20) + 131072)) "$PLACE" main.img
expect 1 'not supported|unsupported' fallocate -p -o 100 -l 512 "$PLACE"
# Its end.
expect 1 'File too large|No space left' dd if=/dev/zero of="$PLACE" bs=1 count=1 seek=$((MIB << 20)) conv=notrunc
expect 1 'Operation not permitted' truncate -s 1M "$PLACE"
expect 0 '' truncate -s $((MIB << 20)) "$PLACE"
expect 1 'Operation not permitted' touch "$(dirname "$PLACE")/other"
# Bad sectors: writes move them, also those of a part; a read fails for what is gone.
expect 0 '' dd if=/dev/urandom of="$PLACE" bs=4096 seek=$((20000 / 8)) count=1 conv=notrunc,fsync
expect 0 '20000 +[0-9]+ +4 +active' "$DMREMAP" list "$NAME"
expect 1 'Input/output error' dd if="$PLACE" of=part bs=512 skip=30000 count=1
expect 1 'Input/output error' dd if=/dev/zero of="$PLACE" bs=1 seek=$((30000 * 512 + 3)) count=2 conv=notrunc
expect 0 '' dd if=/dev/zero of="$PLACE" bs=512 seek=30000 count=1 conv=notrunc
check 'what was written is there' cmp -n 512 -i $((30000 * 512)):0 "$PLACE" /dev/zero
# A hole over them as well: a discard would leave them as they are.
expect 1 'Input/output error' dd if="$PLACE" of=part bs=512 skip=50000 count=1
expect 0 '' fallocate -p -o $((50000 * 512)) -l 4096 "$PLACE"
check 'a hole over bad sectors reads as zeros' cmp -n 4096 -i $((50000 * 512)):0 "$PLACE" /dev/zero
# While it is open nobody takes it away.
exec 7<"$PLACE"
refuses 5 "$FILE_NAME is in use: its block device or file is" "$DMREMAP" remove "$NAME"
exec 7<&-
cp "$PLACE" want.img
dd if=/dev/null of="$PLACE" conv=notrunc,fsync status=none
end_server KILL
expect 1 'not connected|connection abort' cat "$PLACE"
start --fail-sectors 20000-20003,30000,50000-50007
expect 0 '' cat "$PLACE"
same 'all of it is there after a kill' want.img "$PLACE"
check 'the model too' cmp -n $((1 << 20)) -i 0:$((1 << 20)) model "$PLACE"
where=$(dirname "$PLACE")
expect 0 '' "$DMREMAP" remove "$NAME"
wait "$SERVER"
check 'nothing of it is left' test ! -e "$where"
expect 0 'nothing is damaged' "$DMREMAP" check spare.img --main main.img
