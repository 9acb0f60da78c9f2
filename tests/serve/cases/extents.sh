# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Block status: holes of main's file where nothing is mapped, and the state of every sector.
new_images
dd if=/dev/urandom of=main.img bs=1M seek=4 count=2 conv=notrunc status=none
start_server --fail-sectors 9000
expect 0 '' "$DMREMAP" relocate "$NAME" 1000 24
expect 0 '' "$DMREMAP" relocate "$NAME" 9000 1
expect 0 'base:allocation' nbdinfo "$URI"
expect 0 'dm-remap:state' nbdinfo "$URI"
# Offset, length, number and word; 2 MiB of data at 4 MiB, and 24 sectors at 1000.
expect 0 '0 +512000 +3 +hole,zero' nbdinfo --map "$URI"
expect 0 '512000 +12288 +0 +data' nbdinfo --map "$URI"
expect 0 '524288 +3670016 +3 +hole,zero' nbdinfo --map "$URI"
expect 0 '4194304 +2097152 +0 +data' nbdinfo --map "$URI"
expect 0 "6291456 +$((SECTORS * 512 - 6291456)) +3 +hole,zero" nbdinfo --map "$URI"
expect 0 '512000 +12288 +1' nbdinfo --map=dm-remap:state "$URI"
expect 0 '4608000 +512 +2' nbdinfo --map=dm-remap:state "$URI"
# Whatever a copy leaves out for being a hole is zeros.
cat >client.py <<'PY'
import errno, os
import nbd
def connect(*contexts):
    h = nbd.NBD()
    h.set_strict_mode(0)
    for context in contexts:
        h.add_meta_context(context)
    h.connect_uri(os.environ['URI'])
    return h
def status(h, length, offset, flags=0):
    found = {}
    h.block_status(length, offset, lambda name, at, entries, err: found.update({name: list(entries)}) or 0, flags)
    return found
from refused import refused
size = os.stat('main.img').st_size
both = ('base:allocation', 'dm-remap:state')
h = connect(*both, 'no:such')
assert not h.can_meta_context('no:such')
found = status(h, 20480, 506880)
assert found == {both[0]: [5120, 3, 12288, 0, 3072, 3], both[1]: [5120, 0, 12288, 1, 3072, 0]}, found
assert status(h, 20480, 506880, nbd.CMD_FLAG_REQ_ONE) == {both[0]: [5120, 3], both[1]: [5120, 0]}
assert status(connect(both[1]), 512, 512000) == {both[1]: [512, 1]}
refused(errno.EINVAL, lambda: status(h, 512, size))
refused(errno.EINVAL, lambda: status(h, 100, 0))
refused(errno.EINVAL, lambda: status(connect(), 512, 0))
# More extents than one answer has room for.
for i in range(100):
    h.pwrite(bytes([i + 1]) * 4096, 12 * 1048576 + i * 8192)
found = status(connect(both[0]), 4 * 1048576, 12 * 1048576)[both[0]]
assert len(found) == 128 and found[:4] == [4096, 0, 4096, 3], found[:6]
# Walked, all of it has a place.
at, h = 0, connect(*both)
while at < size:
    found = status(h, min(size - at, 1 << 30), at)
    lengths = {name: sum(entries[::2]) for name, entries in found.items()}
    assert all(0 < n <= size - at for n in lengths.values())
    for n, flags in zip(found[both[0]][::2], found[both[0]][1::2]):
        if flags == 3:
            assert h.pread(min(n, 4096), at) == bytes(min(n, 4096)), at
        at += n
    for name in both:
        assert all(a != b for a, b in zip(found[name][1::2], found[name][3::2])), 'neighbours are alike'
PY
check 'nbdsh: holes, states, refusals' env URI="$URI" python3 client.py
expect 0 'base:allocation' nbdinfo --json "$URI"
expect 0 '' qemu-img map --output=json "${URI/nbd+unix:\/\/\/?socket=/nbd:unix:}"
end_server TERM
