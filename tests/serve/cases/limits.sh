# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Memory that is kept, and memory that there is none of.
new_images
cat >crowd.py <<'PY'
import os
import nbd
crowd = []
for i in range(8):
    h = nbd.NBD()
    h.connect_uri(os.environ['URI'])
    crowd.append(h)
for i, h in enumerate(crowd):
    h.pwrite(bytes([i + 1]) * (1 << 20), i << 20)
    assert h.pread(1 << 20, i << 20) == bytes([i + 1]) * (1 << 20)
PY
# locked_of - the limit on locked memory, as the server has it.
locked_of() { awk '/^Max locked memory/ { print $4, $5 }' "/proc/$1/limits"; }
start_server
if ((EUID == 0)); then
    expect 0 '^VmLck:\s+[1-9]' grep ^VmLck "/proc/$SERVER/status"
else
    skip 'memory is kept' 'only the privileged may do so'
fi
expect 0 "^$(locked_of self)$" locked_of "$SERVER"
# A client for whom there is no memory is refused, and that is told; then there is some.
LIMIT=$(awk '$1 == "VmSize:" { print ($2 + 20000) * 1024 }' "/proc/$SERVER/status")
prlimit --pid "$SERVER" --as="$LIMIT:"
expect 1 '' timeout 20 nbdinfo "$URI"
expect 0 '^remap: warning: an NBD client is refused, for want of memory$' cat server.log
expect 0 'extents' timeout 20 "$DMREMAP" status "$NAME"
# So is one of the control socket, for whom there is no thread.
LIMIT=$(awk '$1 == "VmSize:" { print ($2 + 1000) * 1024 }' "/proc/$SERVER/status")
prlimit --pid "$SERVER" --as="$LIMIT:"
cat >control.py <<'PY'
import socket, sys
for i in range(3): # memory of threads that have ended may serve again
    crowd = [socket.socket(socket.AF_UNIX) for n in range(8)]
    for s in crowd:
        s.connect(sys.argv[1])
        s.settimeout(5)
    for s in crowd:
        try:
            s.sendall(b'status\n')
            s.recv(100)
        except ConnectionError:
            pass
PY
check 'eight clients of the control socket' timeout 60 python3 control.py "$NAME"
expect 0 '^remap: warning: a client of the control socket is refused, for want of memory$' cat server.log
prlimit --pid "$SERVER" --as=unlimited:
expect 0 'extents' timeout 20 "$DMREMAP" status "$NAME"
check 'eight clients' env URI="$URI" timeout 60 python3 crowd.py
end_server TERM
expect 0 '^0$' echo "$ENDED"
# Where a limit holds nothing is kept: else it would be the limit of all memory, that of clients too.
for_another
UNDER=("${OTHER[@]}")
start_server
expect 0 '^VmLck:\s+0 kB' grep ^VmLck "/proc/$SERVER/status"
expect 0 "^$(locked_of self)$" locked_of "$SERVER"
check 'eight clients of another user' env URI="$URI" timeout 60 python3 crowd.py
end_server TERM
ENOUGH=$((128 << 20))
if (prlimit --pid "$BASHPID" --memlock="$ENOUGH:$ENOUGH") 2>output; then
    UNDER=(prlimit "--memlock=$ENOUGH:$ENOUGH" "${OTHER[@]}")
    start_server
    expect 0 '^VmLck:\s+0 kB' grep ^VmLck "/proc/$SERVER/status"
    check 'eight clients below a limit of 128 MiB' env URI="$URI" timeout 60 python3 crowd.py
    end_server TERM
else
    skip 'a limit of 128 MiB on locked memory' "$(<output)"
fi
