# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What cannot be served: one sentence and the exit code.
new_images
serve() { timeout 20 "$DMREMAP" serve "$@" --control "$PWD/x.control" --socket "$PWD/x"; }
expect 1 'SPARE is required' serve main.img
expect 1 "--fail-sectors 'x' is neither" serve main.img spare.img --fail-sectors x
expect 1 "--fail-sectors '9-1' is neither" serve main.img spare.img --fail-sectors 9-1
expect 1 'give --format with them' serve main.img spare.img --max-extents 1024
expect 4 'No such file' serve none.img spare.img
expect 4 'No such file' serve main.img none.img
expect 4 'neither a block device nor a file' serve /dev/null spare.img
truncate -s 64K small.img
truncate -s 0 empty.img
expect 4 'smaller than its own metadata' serve main.img small.img
expect 4 'too small or too large' serve empty.img spare.img
expect 5 'is in use by another program' serve main.img main.img
expect 1 'File name too long' "$DMREMAP" serve main.img spare.img --control "$PWD/$(printf 'x%.0s' {1..200})"
dd if=/dev/urandom of=data.img bs=1M count=64 status=none
expect 5 'is not blank' serve main.img data.img
exec 9<spare.img
flock 9
expect 5 'is in use by another program' serve main.img spare.img
exec 9<&-
"$DMREMAP" format main.img spare.img --yes >/dev/null
truncate -s 32M other.img
expect 4 'main' serve other.img spare.img
start_server
truncate -s 64M m2.img s2.img
expect 5 'c.control is there already' "$DMREMAP" serve m2.img s2.img --control "$NAME" --socket "$PWD/y"
expect 5 'n is there already' "$DMREMAP" serve m2.img s2.img --control "$PWD/y.control" --socket "$PWD/n"
expect 5 'main.img is in use by another program' serve main.img s2.img
cp spare.img copy.img
expect 5 'another mapped device uses set' serve m2.img copy.img
python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)' >port &
SERVERS+=("$!")
for _ in {1..100}; do [[ ! -s port ]] || break; sleep 0.05; done
expect 5 'port [0-9]+ of 127.0.0.1 is in use' timeout 20 "$DMREMAP" serve m2.img s2.img --control "$PWD/x.control" --port "$(<port)"
end_server TERM
# Clients that take all descriptors it may have: it waits without turning in circles, and goes on.
cat >crowd.py <<'PY'
import os, socket, sys, time
def ticks():
    words = open('/proc/%s/stat' % sys.argv[1]).read().rsplit(')', 1)[1].split()
    return int(words[11]) + int(words[12])
crowd = []
for path in ['n'] * 16 + ['c.control'] * 16:
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(path)
    crowd.append(s)
time.sleep(0.3)
free = int(sys.argv[2]) - len(os.listdir('/proc/%s/fd' % sys.argv[1]))
assert free <= 0, '%d descriptors are free' % free
before = ticks()
time.sleep(1)
assert ticks() - before < os.sysconf('SC_CLK_TCK') // 4, 'it spins: %d ticks' % (ticks() - before)
PY
MOST=24
start_server
prlimit --pid "$SERVER" --nofile="$MOST:$MOST"
check 'no descriptors left' python3 crowd.py "$SERVER" "$MOST"
sleep 0.5
expect 0 'export-size' timeout 20 nbdinfo "$URI"
expect 0 'extents' timeout 20 "$DMREMAP" status "$NAME"
end_server TERM
expect 0 '^0$' echo "$ENDED"
if ((EUID == 0)); then
    exec 8<"$DMREMAP" # its folder may be closed to others, too
    expect 2 'Permission denied' setpriv --reuid 65534 --clear-groups sh -c "cd / && exec /proc/self/fd/8 serve '$PWD/m2.img' '$PWD/s2.img' --control /tmp/none.control"
fi
