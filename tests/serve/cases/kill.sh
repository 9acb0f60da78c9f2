# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# kill -9: what was flushed is there after a restart, and so are the remaps. SIGTERM with a client.
new_images
mkdir files
cp -r "$HERE/../../docs" files/
truncate -s 48M fs.img
mkfs.ext4 -q -d files fs.img
start_server
nbdcopy --flush fs.img "$URI"
expect 0 '' "$DMREMAP" relocate "$NAME" 0 8192
expect 0 '' "$DMREMAP" add "$NAME" 20000 30000 64 --nocopy
expect 0 '' nbdsh -u "$URI" -c 'h.pwrite(b"k" * 32768, 20000 * 512, nbd.CMD_FLAG_FUA)'
cp fs.img want.img
printf 'k%.0s' {1..32768} | dd of=want.img bs=512 seek=20000 conv=notrunc status=none
end_server KILL
expect 0 '^137$' echo "$ENDED"
expect 0 'DMREMAP_STATE=opened' "$DMREMAP" probe spare.img
start_server
expect 0 'extents +2$' "$DMREMAP" status "$NAME"
nbdcopy "$URI" got.img
truncate -s 48M got.img
same 'all that was flushed is there' want.img got.img
# Again, with writes under way.
for i in 1 2 3; do
    fio --name=w --ioengine=nbd --uri="$URI" --rw=randwrite --bs=4k --iodepth=16 --size=64M --time_based \
        --runtime=5 >/dev/null 2>&1 &
    LOAD=$!
    expect 0 '' "$DMREMAP" relocate "$NAME" $((40000 + i * 4096)) 4096
    sleep 0.3
    end_server KILL
    wait "$LOAD" 2>/dev/null || true
    start_server
    expect 0 "extents +$((2 + i))$" "$DMREMAP" status "$NAME"
done
# SIGTERM in the middle of a load.
fio --name=w --ioengine=nbd --uri="$URI" --rw=randwrite --bs=4k --iodepth=16 --size=64M --time_based \
    --runtime=5 >/dev/null 2>&1 &
LOAD=$!
sleep 0.5
end_server TERM
wait "$LOAD" 2>/dev/null || true
expect 0 '^0$' echo "$ENDED"
expect 0 'DMREMAP_STATE=clean' "$DMREMAP" probe spare.img
# SIGINT and SIGHUP are clean stops as well.
for signal in INT HUP; do
    start_server
    expect 0 '' nbdsh -u "$URI" -c 'h.pwrite(b"s" * 4096, 0)'
    expect 0 'DMREMAP_STATE=opened' "$DMREMAP" probe spare.img
    end_server "$signal"
    expect 0 '^0$' echo "$ENDED"
    expect 0 'DMREMAP_STATE=clean' "$DMREMAP" probe spare.img
done
expect 0 'nothing is damaged' "$DMREMAP" check spare.img --main main.img
