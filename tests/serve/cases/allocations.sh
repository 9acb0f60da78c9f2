# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# No memory is allocated for a request: what the server asks the C library for is counted (allocations.cc).
PRELOADED=$BUILD/bin/serve-test-allocations.so
DEVICE="file"
UNDER=(env LD_PRELOAD="$PRELOADED" ALLOCATIONS="$PWD/allocated")
new_images
dd if=/dev/urandom of=main.img bs=1M count=8 conv=notrunc status=none
start_server --name "allocations$$"
# One range on the spare, so that requests go there, too.
expect 0 '' "$DMREMAP" relocate "$NAME" 4096 2048
cat >counted.py <<'PY'
import os, struct
def allocated():
    with open('allocated', 'rb') as f:
        return struct.unpack('Q', f.read(8))[0]
def none_for(what, work):
    before = allocated()
    assert before, 'nothing is counted'
    work()
    count = allocated() - before
    print('%s: %d allocations' % (what, count))
    return count
PY
cat >nbd_requests.py <<'PY'
import errno, os, sys
import nbd
from counted import none_for
from refused import refused
TIMES = 2000
def at(i):
    return 4096 * (i % 1024)
def many(h):
    for turn in range(TIMES // 50):
        buffers = [nbd.Buffer(4096) for _ in range(50)]
        cookies = [h.aio_pread(b, at(7 * i)) for i, b in enumerate(buffers)]
        cookies += [h.aio_pwrite(b, at(11 * i)) for i, b in enumerate(buffers)]
        for c in cookies:
            while not h.aio_command_completed(c):
                h.poll(-1)
total = 0
for structured in (True, False):
    h = nbd.NBD()
    h.set_request_structured_replies(structured)
    h.set_strict_mode(0)
    if structured:
        h.add_meta_context('base:allocation')
        h.add_meta_context('dm-remap:state')
    h.connect_uri(os.environ['URI'])
    h.pread(512, 0) # the server has seen the end of the handshake
    works = {
        'reads': lambda: [h.pread(4096, at(i)) for i in range(TIMES)],
        'writes': lambda: [h.pwrite(bytes(4096), at(i)) for i in range(TIMES)],
        'writes with FUA': lambda: [h.pwrite(bytes(512), at(i), nbd.CMD_FLAG_FUA) for i in range(100)],
        'flushes': lambda: [h.flush() for i in range(TIMES)],
        'zeros': lambda: [h.zero(4096, at(i)) for i in range(TIMES)],
        'trims': lambda: [h.trim(4096, at(i)) for i in range(TIMES)],
        'many at once': lambda: many(h),
        '32 MiB at once': lambda: h.pread(32 << 20, 0),
        'refusals': lambda: [refused(errno.EINVAL, lambda: h.pread(512, 100)) for i in range(100)],
    }
    if structured:
        works['block status'] = lambda: [h.block_status(1 << 20, at(i), lambda *_: 0) for i in range(100)]
    for what, work in works.items():
        total += none_for('structured %d, %s' % (structured, what), work)
    h.shutdown()
sys.exit(total != 0)
PY
cat >file_requests.py <<'PY'
import ctypes, os, sys
from counted import none_for
TIMES = 2000
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
def hole(fd, offset):
    assert libc.fallocate(fd, 3, offset, 4096) == 0, ctypes.get_errno()
def at(i):
    return 4096 * (i % 1024)
fd = os.open(sys.argv[1], os.O_RDWR)
stable = os.open(sys.argv[1], os.O_RDWR | os.O_DSYNC)
hole(fd, 0) # before the first one the kernel asks once for attributes, which there are none
works = {
    'reads': lambda: [os.pread(fd, 4096, at(i)) for i in range(TIMES)],
    'writes': lambda: [os.pwrite(fd, bytes(4096), at(i)) for i in range(TIMES)],
    'unaligned ones': lambda: [os.pwrite(fd, bytes(100), at(i) + 33) for i in range(TIMES)],
    'writes with O_DSYNC': lambda: [os.pwrite(stable, bytes(4096), at(i)) for i in range(100)],
    'fsync': lambda: [os.fsync(fd) for i in range(TIMES)],
    'holes': lambda: [hole(fd, at(i)) for i in range(TIMES)],
    'reads behind the end': lambda: [os.pread(fd, 4096, 1 << 40) for i in range(100)],
}
total = sum([none_for('file, ' + what, work) for what, work in works.items()])
sys.exit(total != 0)
PY
check 'no allocation for a request over NBD' env URI="$URI" timeout 120 python3 nbd_requests.py
check 'nor for one of the file' timeout 120 python3 file_requests.py "$PLACE"
end_server TERM
expect 0 '^0$' echo "$ENDED"
