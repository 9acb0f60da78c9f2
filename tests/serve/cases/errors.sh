# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What cannot be served: one sentence and the exit code.
new_images
serve() { timeout 20 "$DMREMAP" serve "$@" --control "$PWD/x.control" --socket "$PWD/x"; }
refuses 1 'SPARE is required; --help shows the options' serve main.img
refuses 1 "--fail-sectors 'x' is neither a sector nor a range FIRST-LAST" serve main.img spare.img --fail-sectors x
refuses 1 "--fail-sectors '9-1' is neither a sector nor a range FIRST-LAST" serve main.img spare.img --fail-sectors 9-1
refuses 1 '--max-extents, --overwrite, --wipe-set and --dry-run say how a set is made: give --format with them' serve main.img spare.img --max-extents 1024
refuses 4 'none.img: No such file or directory' serve none.img spare.img
refuses 4 'none.img: No such file or directory' serve main.img none.img
refuses 4 '/dev/null is neither a block device nor a file' serve /dev/null spare.img
truncate -s 64K small.img
truncate -s 0 empty.img
refuses 4 'the spare is smaller than its own metadata: spare has 128 sectors, the metadata alone takes [0-9]+' serve main.img small.img
refuses 4 'main is too small or too large: main has 0 sectors' serve empty.img spare.img
ln main.img link.img
ln -s main.img symlink.img
for again in main.img ./main.img link.img symlink.img; do
    refuses 4 'main and spare are the same device' serve main.img "$again"
done
rm link.img symlink.img
refuses 4 '\. is neither a block device nor a file' serve . spare.img
refuses 4 'main.img/x: Not a directory' serve main.img/x spare.img
refuses 1 "$PWD/none/x.control: No such file or directory" "$DMREMAP" serve main.img spare.img --control "$PWD/none/x.control"
refuses 1 "--name 'a/b' is not the name of a file" serve main.img spare.img --name a/b
refuses 1 '--port: Value 70000 not in range 1 to 65535; --help shows the options' serve main.img spare.img --port 70000
refuses 1 '--device: tape not in \{auto,ublk,loop,file,none\}; --help shows the options' serve main.img spare.img --device tape
refuses 1 "$PWD/x{200}: File name too long" "$DMREMAP" serve main.img spare.img --control "$PWD/$(printf 'x%.0s' {1..200})"
dd if=/dev/urandom of=data.img bs=1M count=64 status=none
refuses 5 "data.img: the spare is not blank: there is data at sector 0; wipe it, or permit with 'format' to overwrite it" serve main.img data.img
exec 9<spare.img
flock 9
refuses 5 'spare.img is in use by another program' serve main.img spare.img
exec 9<&-
"$DMREMAP" format main.img spare.img --yes >/dev/null
truncate -s 32M other.img
refuses 4 'spare.img: main has 65536 sectors, set [0-9a-f-]{36} was made for one of 131072; are main and spare swapped\?' serve other.img spare.img
ALREADY='is there already; another device is served under this name, or --name has to be another one'
start_server
truncate -s 64M m2.img s2.img
refuses 5 "$PWD/c.control $ALREADY" "$DMREMAP" serve m2.img s2.img --control "$NAME" --socket "$PWD/y"
refuses 5 "$PWD/n $ALREADY" "$DMREMAP" serve m2.img s2.img --control "$PWD/y.control" --socket "$PWD/n"
refuses 5 'main.img is in use by another program' serve main.img s2.img
cp spare.img copy.img
refuses 5 'copy.img: another mapped device uses set [0-9a-f-]{36}: the spare, or a copy of it, has a second name' serve m2.img copy.img
python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)' >port &
SERVERS+=("$!")
for _ in {1..100}; do [[ ! -s port ]] || break; sleep 0.05; done
refuses 5 'port [0-9]+ of 127.0.0.1 is in use' timeout 20 "$DMREMAP" serve m2.img s2.img --control "$PWD/x.control" --port "$(<port)"
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
# No memory: whatever it lacks, it says that it is memory.
for megabytes in {30..270..30}; do
    code=0
    prlimit --as=$((megabytes << 20)) timeout -s TERM 3 "$DMREMAP" serve main.img spare.img \
        --control "$PWD/x.control" --socket "$PWD/x" --device none >told 2>&1 || code=$?
    printf '%d %d %s\n' "$megabytes" "$code" "$(tr '\n' ' ' <told)"
done >limits
# shellcheck disable=SC2016 # awk's
check 'little memory is exit code 3, or enough' awk '$2 != 3 && $2 != 127 && $2 != 124 && $2 != 0 || $2 == 3 && !/memory/ { print; bad = 1 } $2 == 3 { some = 1 } END { exit bad || !some }' limits
# No io_uring: the system call answers as in a container that forbids it.
cat >forbid.py <<'PY'
import ctypes, os, struct, sys
IO_URING_SETUP, ERRNO, ALLOW = 425, 0x50000, 0x7fff0000
code = [(0x20, 0, 0, 0), (0x15, 0, 1, IO_URING_SETUP), (0x06, 0, 0, ERRNO | 1), (0x06, 0, 0, ALLOW)]
program = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *line) for line in code))
fprog = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(code), ctypes.addressof(program)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, fprog, 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
PY
refuses 4 'this kernel offers no io_uring: Operation not permitted' timeout 20 python3 forbid.py "$DMREMAP" serve main.img spare.img --control "$PWD/x.control" --socket "$PWD/x"
if ((EUID)); then
    skip 'what others may not do, a file system that is read-only, an image that is a loop device' 'only root can'
else
    # What others may not do. They come into these folders for the time of the case.
    chmod 711 "$WORK" .
    mkdir -p open/dm-remap
    truncate -s 64M open/main.img open/spare.img open/readable.img open/secret.img
    chmod 666 open/main.img open/spare.img
    chmod 644 open/readable.img
    chmod 600 open/secret.img
    exec 8<"$DMREMAP"
    as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_RUNTIME_DIR="$PWD/open" sh -c "exec timeout 20 /proc/self/fd/8 serve $*"; }
    refuses 2 "$PWD/open/secret.img: Permission denied" as_nobody "$PWD/open/secret.img" "$PWD/open/spare.img"
    refuses 2 "$PWD/open/secret.img: Permission denied" as_nobody "$PWD/open/main.img" "$PWD/open/secret.img"
    refuses 2 "$PWD/open/readable.img: Permission denied" as_nobody "$PWD/open/readable.img" "$PWD/open/spare.img"
    refuses 2 "$PWD/open/readable.img: Permission denied" as_nobody "$PWD/open/main.img" "$PWD/open/readable.img"
    refuses 2 "$PWD/open/dm-remap is not a directory that you alone can write to" as_nobody "$PWD/open/main.img" "$PWD/open/spare.img"
    rmdir open/dm-remap
    ln -s /tmp open/dm-remap
    refuses 2 "$PWD/open/dm-remap is not a directory that you alone can write to" as_nobody "$PWD/open/main.img" "$PWD/open/spare.img"
    rm open/dm-remap
    refuses 2 "$PWD/open/dm-remap: Permission denied" as_nobody "$PWD/open/main.img" "$PWD/open/spare.img"
    install -d -o 65534 -g 65534 -m 770 open/dm-remap
    refuses 2 "$PWD/open/dm-remap is not a directory that you alone can write to" as_nobody "$PWD/open/main.img" "$PWD/open/spare.img"
    if (($(sysctl -n net.ipv4.ip_unprivileged_port_start) > 80)); then
        chmod 700 open/dm-remap
        refuses 2 'port 80 of 127.0.0.1: Permission denied' as_nobody "$PWD/open/main.img" "$PWD/open/spare.img" --port 80
    else
        skip 'a port that is for the privileged' 'there is none'
    fi
    exec 8<&-
    # A file system that is read-only, and an image that is a loop device already.
    readonly_here() { unshare -m sh -c "mount --bind . . && mount -o remount,bind,ro . && cd . && exec timeout 20 '$DMREMAP' serve \"\$PWD/m2.img\" \"\$PWD/s2.img\" --control /tmp/none.control"; }
    refuses 4 "$PWD/m2.img: Read-only file system" readonly_here
    if LOOP=$(losetup --show -f m2.img 2>output); then
        refuses 5 "m2.img is attached to $LOOP; name that device, or detach it \(losetup -d\)" serve m2.img s2.img
        losetup -d "$LOOP"
    else
        skip 'an image that is a loop device' "$(<output)"
    fi
    exec 8<"$DMREMAP" # its folder may be closed to others, too
    refuses 2 "$PWD/m2.img: Permission denied" setpriv --reuid 65534 --clear-groups sh -c "cd / && exec /proc/self/fd/8 serve '$PWD/m2.img' '$PWD/s2.img' --control /tmp/none.control"
fi
