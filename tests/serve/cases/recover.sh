# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What main refuses moves to the spare by itself, and stays there.
nbd() { nbdsh -u "$URI" -c "$1"; }
new_images
dd if=/dev/urandom of=main.img bs=1M count=8 conv=notrunc status=none
cp main.img before.img
start_server --fail-sectors 1000,2000-2007,3000-3015,5000
# A write of 1 MiB with bad sectors in it goes through: only they are moved.
expect 0 '' nbd 'h.pwrite(b"w" * 1048576, 512 * 512, nbd.CMD_FLAG_FUA)'
expect 0 '1000 +[0-9]+ +1 +active' "$DMREMAP" list "$NAME"
expect 0 '2000 +[0-9]+ +8 +active' "$DMREMAP" list "$NAME"
expect 0 'mapped_sectors +9$' "$DMREMAP" status "$NAME"
expect 0 '' nbd 'assert h.pread(1048576, 512 * 512) == b"w" * 1048576'
# Zeros, too.
expect 0 '' nbd 'h.zero(16 * 512, 2992 * 512); assert h.pread(8 * 512, 2992 * 512) == bytes(8 * 512)'
expect 0 '' nbd 'h.zero(16 * 512, 3000 * 512); assert h.pread(16 * 512, 3000 * 512) == bytes(16 * 512)'
expect 0 '3000 +[0-9]+ +8 +active' "$DMREMAP" list "$NAME"
expect 0 '3008 +[0-9]+ +8 +active' "$DMREMAP" list "$NAME"
# A read fails for exactly the bad sector, which the next write brings back.
expect 1 'Input/output error' nbd 'h.pread(4096, 5000 * 512)'
expect 0 'pending_sectors +1$' "$DMREMAP" status "$NAME"
expect 0 '' nbd 'assert h.pread(7 * 512, 5001 * 512) == open("before.img", "rb").read()[5001 * 512:5008 * 512]'
expect 0 '' nbd 'h.pwrite(b"p" * 4096, 5000 * 512); assert h.pread(4096, 5000 * 512) == b"p" * 4096'
expect 0 'pending_sectors +0$' "$DMREMAP" status "$NAME"
expect 0 '5000 +[0-9]+ +1 +active' "$DMREMAP" list "$NAME"
# Many at a time that overlap, over blocks of which every second one is bad.
BAD=$(for at in {6000..6960..16}; do echo -n "$at-$((at + 7)),"; done)
cat >client.py <<'PY'
import os, random
import nbd
def slot(i):
    h = nbd.NBD()
    h.connect_uri(os.environ['URI'])
    return h
handles = [slot(i) for i in range(4)]
random.seed(1)
for turn in range(50):
    cookies = []
    for n in range(32):
        h = handles[n % 4]
        at, length = 6000 + 8 * random.randrange(120), 16
        cookies.append((h, h.aio_pwrite(bytes([turn]) * (length * 512), at * 512)))
    for h, cookie in cookies:
        while not h.aio_command_completed(cookie):
            h.poll(-1)
whole = handles[0].pread(976 * 512, 6000 * 512)
for h in handles:
    h.flush()
open('whole', 'wb').write(whole)
PY
end_server TERM
start_server --fail-sectors "${BAD%,}"
expect 0 '' env URI="$URI" /usr/bin/python3 client.py
end_server KILL
expect 0 '^137$' echo "$ENDED"
start_server --fail-sectors "1000,2000-2007,3000-3015,5000,${BAD%,}"
expect 0 '' nbd 'assert h.pread(976 * 512, 6000 * 512) == open("whole", "rb").read()'
expect 0 '' nbd 'assert h.pread(4096, 5000 * 512) == b"p" * 4096'
expect 0 '' nbd 'assert h.pread(16 * 512, 3000 * 512) == bytes(16 * 512)'
expect 0 '' nbd 'a = bytearray(b"w" * 1048576); assert h.pread(488 * 512, 512 * 512) == a[:488 * 512]'
end_server TERM
expect 0 '' "$DMREMAP" check spare.img
