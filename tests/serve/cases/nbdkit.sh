# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The plugin of nbdkit: data, filters above and below, bad sectors, restarts, refusals.
PLUGIN=$BUILD/nbdkit/nbdkit-dm-remap-plugin.so
check 'the plugin was built' test -e "$PLUGIN"
KIT="nbd+unix:///?socket=$PWD/k"
NAME=$PWD/k.control

# kit [FILTER...] -- [PARAMETER...] - serves main.img and spare.img, or SPARES; ready when it returns.
kit() {
    local filters=() spares=("${SPARES[@]/#/spare=}")
    while [[ $1 != -- ]]; do filters+=("$1"); shift; done
    shift
    rm -f k k.pid
    nbdkit -f -P k.pid -U k "${filters[@]}" "$PLUGIN" main.img "${spares[@]}" control=k.control "$@" 2>kit.log &
    SERVER=$!
    SERVERS+=("$SERVER")
    for _ in {1..200}; do
        [[ ! -s k.pid ]] || return 0
        kill -0 "$SERVER" 2>/dev/null || break
        sleep 0.05
    done
    cat kit.log
    return 1
}
nbd2() { timeout 60 nbdsh -u "$URI" -c "$1"; }
nbd() { timeout 60 nbdsh -u "$KIT" -c "$1"; }
# refused SENTENCE PARAMETER... - all that it says, before it goes into the background.
refused() {
    expect 1 "^nbdkit: error: $1$" timeout 30 nbdkit -P none.pid -U none "$PLUGIN" "${@:2}"
    cp output told
    expect 0 '^1$' grep -c '' told
    expect 1 '' test -e none.pid
}

new_images
dd if=/dev/urandom of=main.img bs=1M count=8 conv=notrunc status=none
cp --sparse=always main.img before.img
# Data, there and back.
kit --
expect 0 "^$((MIB << 20))$" nbdinfo --size "$KIT"
for can in 'multi[-_]conn' fua flush trim zero; do
    expect 0 "can_$can: true" nbdinfo "$KIT"
done
expect 0 'block_size_minimum: 512' nbdinfo "$KIT"
expect 0 '' nbdcopy "$KIT" all.img
same 'it reads as main' before.img all.img
dd if=/dev/urandom of=random.img bs=1M count="$MIB" status=none
expect 0 '' nbdcopy random.img "$KIT"
expect 0 '' nbdcopy --request-size=65536 "$KIT" all.img
same 'nbdcopy: what was written is there' random.img all.img
expect 0 'Images are identical' qemu-img compare -f raw -F raw random.img "${KIT/nbd+unix:\/\/\/?socket=/nbd:unix:}"
# A trim gives its space back.
gives_up $((1 << 20)) main.img 'a trim gives up 1 MiB' nbdsh -u "$KIT" -c 'h.trim(1 << 20, 48 << 20)'
# Any buffer, many at a time, zeros, discards, flushes; and blocks only.
cat >client.py <<'PY'
import errno, os, random, threading
import nbd
from refused import refused
def connect():
    h = nbd.NBD()
    h.set_strict_mode(0)
    h.connect_uri(os.environ['URI'])
    return h
model = bytearray(open('random.img', 'rb').read(8 << 20))
part = len(model) // 4
def work(number):
    h, rng = connect(), random.Random(number)
    for i in range(150):
        length = 512 * rng.choice([1, 7, 8, 64, 2048, 2049, 3000])
        at = part * number + 512 * rng.randrange((part - length) // 512)
        flags = rng.choice([0, nbd.CMD_FLAG_FUA])
        if rng.randrange(4):
            data = rng.randbytes(length)
            h.pwrite(data, at, flags)
        else:
            data = bytes(length)
            h.zero(length, at, flags)
        model[at:at + length] = data
        if rng.randrange(4) == 0:
            h.flush()
        assert h.pread(length, at) == data
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
h = connect()
for at in range(0, len(model), 1 << 20):
    assert h.pread(1 << 20, at) == model[at:at + (1 << 20)], at
h.trim(1 << 20, 16 << 20)
refused(errno.EINVAL, lambda: h.pread(100, 0))
refused(errno.EINVAL, lambda: h.pwrite(bytes(512), 100))
refused(errno.EINVAL, lambda: h.zero(513, 0))
PY
check 'four clients at a time' env URI="$KIT" timeout 120 python3 client.py
# What other subcommands say to it.
expect 0 '^srw------- 600$' stat -c '%A %a' "$NAME"
expect 0 'mode +ok' "$DMREMAP" status "$NAME"
expect 0 '' "$DMREMAP" relocate "$NAME" 1000 8
expect 0 '1000 +[0-9]+ +8 +active' "$DMREMAP" list "$NAME"
cat >hold.py <<'PY'
import os, sys, nbd
h = nbd.NBD()
h.connect_uri(os.environ['URI'])
print('open', flush=True)
sys.stdin.read()
PY
exec 7> >(URI=$KIT exec timeout 60 python3 hold.py >held)
for _ in {1..100}; do [[ ! -s held ]] || break; sleep 0.05; done
refuses 5 '[^ ]* is in use: a client is connected' "$DMREMAP" remove "$NAME"
exec 7>&-
for _ in {1..100}; do ! "$DMREMAP" remove "$NAME" >/dev/null 2>&1 || break; sleep 0.05; done
ENDED=0
wait "$SERVER" || ENDED=$?
expect 0 '^0$' echo "$ENDED"
expect 1 '' test -e "$NAME"
expect 0 'DMREMAP_STATE=clean' "$DMREMAP" probe spare.img

# Bad sectors move; remaps survive a clean end and a kill, and `dmremap serve` has them, too.
new_images
kit -- fail-sectors=2000-2007 fail-sectors=5000
expect 0 '' nbd 'h.pwrite(b"w" * 65536, 1984 * 512, nbd.CMD_FLAG_FUA); assert h.pread(65536, 1984 * 512) == b"w" * 65536'
expect 0 '2000 +[0-9]+ +8 +active' "$DMREMAP" list "$NAME"
expect 1 'Input/output error' nbd 'h.pread(4096, 5000 * 512)'
expect 0 'read of 4096 bytes at 2560000: Input/output error' cat kit.log
expect 0 'pending_sectors +1$' "$DMREMAP" status "$NAME"
expect 0 '0 +1015808 +3 +hole,zero' nbdinfo --map "$KIT"
expect 0 '1015808 +65536 +0 +data' nbdinfo --map "$KIT"
end_server KILL
kit -- fail-sectors=2000-2007
expect 0 '' nbd 'assert h.pread(65536, 1984 * 512) == b"w" * 65536'
expect 0 '2000 +[0-9]+ +8 +active' "$DMREMAP" list "$NAME"
end_server TERM
expect 0 '^0$' echo "$ENDED"
start_server
expect 0 '2000 +[0-9]+ +8 +active' "$DMREMAP" list "$NAME"
expect 0 'pending_sectors +1$' "$DMREMAP" status "$NAME"
expect 0 '' nbd2 'assert h.pread(65536, 1984 * 512) == b"w" * 65536'
end_server TERM
NAME=$PWD/k.control
# Filters above: what they do never comes to the engine.
kit --filter=error -- error=EIO error-pread-rate=100% error-file="$PWD/fails"
touch fails
expect 1 'Input/output error' nbd 'h.pread(512, 0)'
rm fails
expect 0 '' nbd 'assert h.pread(65536, 1984 * 512) == b"w" * 65536'
expect 0 'read_errors +0$' "$DMREMAP" status "$NAME"
end_server TERM
kit --filter=delay -- delay-read=700ms
expect 0 '' nbd 'import time; t = time.time(); assert h.pread(512, 2000 * 512) == b"w" * 512; assert time.time() - t >= 0.7'
end_server TERM
kit --filter=blocksize --
expect 0 '' nbd 'h.pwrite(b"abc", 2000 * 512 + 5); assert h.pread(10, 2000 * 512) == b"wwwwwabcww"'
end_server TERM
# What is done about errors, in the words of a table line.
kit -- on-write-error=fail heal=true retries=7 fail-sectors=7000
expect 0 ' retries 7 heal$' python3 "$HERE/ask.py" "$NAME" table
expect 0 ' on_write_error fail ' python3 "$HERE/ask.py" "$NAME" table
expect 1 'Input/output error' nbd 'h.pwrite(b"x" * 512, 7000 * 512)'
end_server TERM
# And below: main is what another nbdkit serves, with a filter that lets writes fail.
mkdir below
truncate -s "${MIB}M" s2.img
nbdkit -f -U b --filter=error file main.img error=EIO error-pwrite-rate=100% error-file="$PWD/fails" 2>below.log &
SERVERS+=("$!")
for _ in {1..100}; do [[ ! -S b ]] || break; sleep 0.05; done
nbdfuse below/main "nbd+unix:///?socket=$PWD/b" 2>fuse.log &
FUSE=$!
for _ in {1..100}; do [[ ! -e below/main ]] || break; sleep 0.05; done
mv main.img m.img
ln -s below/main main.img
mv spare.img s1.img
mv s2.img spare.img
kit --
expect 0 '' nbd 'h.pwrite(b"a" * 4096, 8000 * 512)'
touch fails
expect 0 '' nbd 'h.pwrite(b"b" * 4096, 8000 * 512)'
rm fails
expect 0 '8000 +[0-9]+ +8 +active' "$DMREMAP" list "$NAME"
expect 0 '' nbd 'h.pwrite(b"c" * 4096, 9000 * 512, nbd.CMD_FLAG_FUA); assert h.pread(4096, 8000 * 512) == b"b" * 4096'
check 'main has what came before' cmp -n 4096 -i $((8000 * 512)):0 m.img <(printf 'a%.0s' {1..4096})
check 'and after' cmp -n 4096 -i $((9000 * 512)):0 m.img <(printf 'c%.0s' {1..4096})
end_server TERM
fusermount3 -u below
wait "$FUSE" || true
rm main.img spare.img
mv m.img main.img
mv s1.img spare.img
# A set of two spares: filled beyond the first, killed, in the other order, and served without nbdkit.
truncate -s 16M first.img second.img
"$DMREMAP" format main.img first.img second.img --yes >/dev/null
SET=$("$DMREMAP" probe first.img | sed -n 's/^DMREMAP_SET=//p')
SPARES=(first.img second.img)
kit -- fail-sectors=70000-70007
for ((at = 0; at < 45056; at += 2048)); do "$DMREMAP" relocate "$NAME" "$at" 2048 >/dev/null; done
expect 0 'spare_used +45056$' "$DMREMAP" status "$NAME"
dd if=/dev/urandom of=random.img bs=1M count="$MIB" status=none
expect 0 '' nbdcopy --flush random.img "$KIT"
expect 0 '70000 +[0-9]+ +8 +active' "$DMREMAP" list "$NAME"
end_server KILL
SPARES=(second.img first.img)
kit --
expect 0 " main.img $PWD/second.img 4 spare $PWD/first.img set $SET$" sh -c "python3 '$HERE/ask.py' '$NAME' table | sed 's|$PWD/main.img|main.img|'"
expect 0 '' nbdcopy "$KIT" all.img
same 'it is there, in the other order and after a kill' random.img all.img
end_server TERM
SPARES=(first.img second.img)
start_server
expect 0 '' nbdcopy "$URI" all.img
same 'dmremap serve has it, too' random.img all.img
end_server TERM
expect 0 'nothing is damaged' "$DMREMAP" check first.img second.img --main main.img
NAME=$PWD/k.control
SPARES=(spare.img)
refused "$PWD/first.img: member 1, [0-9a-f-]{36}, of set $SET is missing; the set has more spares than were named" main.img spare=first.img
refused "$PWD/first.img $PWD/spare.img: spare 1 belongs to set $SET, another one to set [0-9a-f-]{36}; all spares that are named must be of one set" main.img spare=first.img spare=spare.img
refused "two of the spares are the same device: spare 1 and spare 2" main.img spare=first.img spare=./first.img
refused "too many spares; a set has at most 4, the one beside main among them: '$PWD/e'" main.img spare=a spare=b spare=c spare=d spare=e
# What cannot be served is refused as by `dmremap serve`, before nbdkit goes into the background.
refused 'main=FILE is required' spare=spare.img
refused 'spare=FILE is required' main.img
refused "$PWD/none.img: No such file or directory" none.img spare=spare.img
refused "$PWD/none.img: No such file or directory" main.img spare=none.img
refused "main and spare are the same device" main.img spare=main.img
truncate -s 64K small.img
truncate -s 32M other.img
truncate -s "${MIB}M" m2.img
refused 'the spare is smaller than its own metadata: spare has 128 sectors, the metadata alone takes [0-9]+' m2.img spare=small.img
refused "$PWD/spare.img: main has 65536 sectors, set [0-9a-f-]{36} was made for one of 131072; are main and spare swapped\?" other.img spare=spare.img
refused "set 'x' is not a UUID; it has 36 characters, as 'dmremap probe' prints it" main.img spare=spare.img set=x
refused "$PWD/spare.img: the spare belongs to set [0-9a-f-]{36}, but set 00000000-0000-4000-8000-000000000001 is demanded" main.img spare=spare.img set=00000000-0000-4000-8000-000000000001
refused "feature 'retries' is malformed; it is: retries <0 to 100>: '101'" main.img spare=spare.img retries=101
refused "there is no parameter 'colour'" main.img spare=spare.img colour=red
refused "--fail-sectors '9-1' is neither a sector nor a range FIRST-LAST" main.img spare=spare.img fail-sectors=9-1
refused "name 'a/b' is not the name of a file" main.img spare=spare.img name=a/b
refused 'main-id has 65 characters; at most 64 can be stored' main.img spare=spare.img main-id="$(printf 'x%.0s' {1..65})"
cp spare.img copy.img
kit --
refused "$PWD/main.img is in use by another program" main.img spare=copy.img
refused "$PWD/copy.img: another mapped device uses set [0-9a-f-]{36}: the spare, or a copy of it, has a second name" m2.img spare=copy.img
refused "$PWD/k.control is there already; another device is served under this name, or --name has to be another one" m2.img spare=other.img control=k.control
refuses 5 'copy.img: another mapped device uses set [0-9a-f-]{36}: the spare, or a copy of it, has a second name' timeout 30 "$DMREMAP" serve m2.img copy.img --control "$PWD/x.control" --socket "$PWD/x"
end_server TERM
# In the background: it is ready when nbdkit returns, and ends as it began.
SET=$("$DMREMAP" probe spare.img | sed -n 's/^DMREMAP_SET=//p')
rm -f k k.pid
expect 0 '' timeout 30 nbdkit -P k.pid -U k "$PLUGIN" main.img spare=spare.img set="$SET" name=kit
expect 0 '' nbd 'assert h.pread(512, 2000 * 512)[:5] == b"wwwww"'
expect 0 'mode +ok' "$DMREMAP" status kit
kill "$(<k.pid)"
for _ in {1..200}; do "$DMREMAP" probe spare.img >told; ! grep -q 'STATE=clean' told || break; sleep 0.05; done
expect 0 'DMREMAP_STATE=clean' cat told
expect 0 'nothing is damaged' "$DMREMAP" check spare.img --main main.img
