# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What the clients of others see and do.
new_images
dd if=/dev/urandom of=main.img bs=1M count="$MIB" conv=notrunc status=none
cp main.img expected.img
start_server
# Past the page cache, where the file system can do it in sectors and says so.
cat >direct.py <<'PY'
import os, sys
for name in sys.argv[2:]:
    path = os.path.realpath(name)
    fds = [fd for fd in os.listdir('/proc/%s/fd' % sys.argv[1]) if os.readlink('/proc/%s/fd/%s' % (sys.argv[1], fd)) == path]
    assert fds, name + ' is not open'
    for fd in fds:
        flags = [line.split()[1] for line in open('/proc/%s/fdinfo/%s' % (sys.argv[1], fd)) if line.startswith('flags:')]
        assert int(flags[0], 8) & os.O_DIRECT, '%s: flags %s' % (name, flags[0])
PY
SYSTEM=$(stat -f -c %T .)
if [[ $SYSTEM =~ ^(ext2/ext3|xfs)$ ]] && dd if=main.img of=/dev/null bs=512 count=1 iflag=direct status=none 2>output; then
    check 'main and spare are open with O_DIRECT' python3 direct.py "$SERVER" main.img spare.img
else
    skip 'files past the page cache' "$SYSTEM here does not do it in sectors"
fi
expect 0 'protocol: newstyle-fixed.*structured' nbdinfo "$URI"
for word in "export-size: $((SECTORS * 512))" 'can_flush: true' 'can_fua: true' 'can_trim: true' \
    'can_zero: true' 'can_multi_conn: true' 'block_size_minimum: 512'; do
    expect 0 "$word" nbdinfo "$URI"
done
expect 0 'export="remap"' nbdinfo --list "$URI"
expect 1 'unknown|not found|export' nbdinfo "${URI/\/\/\/\?/\/\/\/other?}"
# All of it, on four connections; with and without structured replies.
nbdcopy "$URI" copy.img
same 'nbdcopy reads what is there' expected.img copy.img
qemu-img convert -n -f raw -O raw "$URI" copy.img 2>/dev/null || qemu-img convert -f raw -O raw "$URI" copy.img
same 'qemu-img reads what is there' expected.img copy.img
cat >client.py <<'PY'
import errno, os
import nbd
def connect(structured):
    h = nbd.NBD()
    h.set_request_structured_replies(structured)
    h.set_strict_mode(0)
    h.connect_uri(os.environ['URI'])
    return h
from refused import refused
size = os.stat('main.img').st_size
want = bytearray(open('expected.img', 'rb').read())
for structured in (True, False):
    h = connect(structured)
    assert h.pread(32 << 20, 4096) == want[4096:4096 + (32 << 20)]
    data = os.urandom(3 << 20)
    h.pwrite(data, 512 * 7, nbd.CMD_FLAG_FUA)
    want[512 * 7:512 * 7 + len(data)] = data
    h.zero(1 << 20, 8 << 20, nbd.CMD_FLAG_FUA)
    want[8 << 20:9 << 20] = bytes(1 << 20)
    h.trim(1 << 20, 16 << 20)
    want[16 << 20:17 << 20] = h.pread(1 << 20, 16 << 20)
    h.flush()
    # Refusals leave the connection usable, and what was written is all that changed.
    refused(errno.EINVAL, lambda: h.pread(512, size))
    refused(errno.EINVAL, lambda: h.pread(512, size - 511))
    refused(errno.ENOSPC, lambda: h.pwrite(bytes(512), size))
    refused(errno.EINVAL, lambda: h.pwrite(bytes(100), 0))
    refused(errno.EINVAL, lambda: h.pwrite(bytes(512), 100))
    refused(errno.EINVAL, lambda: h.cache(512, 0))
    assert h.pread(512, size - 512) == want[-512:]
    h.pwrite(b'x' * 512, size - 512)
    want[-512:] = b'x' * 512
    # 64 at once, and each gets its own.
    bufs = [(o, nbd.Buffer(4096)) for o in range(0, 64 * 65536, 65536)]
    cookies = [h.aio_pread(b, o) for o, b in bufs]
    for c in cookies:
        while not h.aio_command_completed(c):
            h.poll(-1)
    for o, b in bufs:
        assert b.to_bytearray() == want[o:o + 4096], o
    h.shutdown()
open('expected.img', 'wb').write(want)
PY
check 'nbdsh: reads, writes, zeroes, trims and refusals' env URI="$URI" python3 client.py
nbdcopy "$URI" copy.img
same 'what nbdsh wrote is there' expected.img copy.img
# A trim gives the space back, where there is something to give.
sync main.img
gives_up $((1 << 20)) main.img 'a trim gives up 1 MiB' nbdsh -u "$URI" -c 'h.trim(1 << 20, 40 << 20)'
# What is no NBD ends a connection, and nothing else.
cat >noise.py <<'PY'
import os, random, socket, struct
random.seed(int(os.environ['SEED']))
magic = 0x49484156454f5054
def talk(data):
    s = socket.socket(socket.AF_UNIX)
    s.connect('n')
    s.settimeout(2)
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    except (ConnectionError, socket.timeout) as e:
        assert not isinstance(e, socket.timeout), 'the server hangs'
    s.close()
go = struct.pack('>QIII', magic, 7, 6, 0) + bytes(2)
for i in range(150):
    options = b''.join(struct.pack('>QII', magic, random.randrange(12), n) + random.randbytes(n)
                       for n in [random.randrange(20) for _ in range(random.randrange(4))])
    requests = b''.join(struct.pack('>IHHQQI', 0x25609513, random.randrange(32), random.choice([0, 2, 3, 5, 7, 9]),
                                    i, random.choice([0, 512, 2**63, 2**64 - 512]), random.choice([0, 1, 512, 2**32 - 1]))
                        for _ in range(random.randrange(5)))
    talk(struct.pack('>I', random.choice([0, 1, 2, 3, 255])) + options + go + requests + random.randbytes(random.randrange(40)))
    talk(random.randbytes(random.randrange(200)))
PY
SEED=${DMREMAP_SEED:-$RANDOM}
check "noise on the socket, seed $SEED" env SEED="$SEED" timeout 60 python3 noise.py
check 'the server has survived it' kill -0 "$SERVER"
end_server TERM
expect 0 '^0$' echo "$ENDED"
expect 0 'DMREMAP_STATE=clean' "$DMREMAP" probe spare.img
expect 1 '' test -e n
expect 1 '' test -e "$NAME"
# On a port of this machine alone.
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
: >address
"$DMREMAP" serve main.img spare.img --control "$NAME" --port "$PORT" --device none >address 2>server.log &
SERVER=$!
SERVERS+=("$SERVER")
started 1
URI=$(<address)
expect 0 "^nbd://127.0.0.1:$PORT$" cat address
expect 0 "export-size: $((SECTORS * 512))" nbdinfo "$URI"
expect 0 '' nbdsh -u "$URI" -c 'h.pwrite(b"t" * 1048576, 4096, nbd.CMD_FLAG_FUA); assert h.pread(1048576, 4096) == b"t" * 1048576'
cat >listening.py <<'PY'
import os, sys
inodes = {os.readlink('/proc/%s/fd/%s' % (sys.argv[1], fd)) for fd in os.listdir('/proc/%s/fd' % sys.argv[1])}
for table in ('tcp', 'tcp6'):
    for line in open('/proc/net/' + table).readlines()[1:]:
        words = line.split()
        if words[3] == '0A' and 'socket:[%s]' % words[9] in inodes:
            print(table, words[1])
PY
expect 0 "^tcp 0100007F:$(printf %04X "$PORT")$" python3 listening.py "$SERVER"
cp output told
expect 0 '^1$' grep -c . told
end_server TERM
expect 0 '^0$' echo "$ENDED"
check 'main has what came in by the port' cmp -n 1048576 -i 4096:0 main.img <(printf 't%.0s' {1..1048576})
