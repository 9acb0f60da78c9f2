# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# A loop device over the file: ext4 lives on it through bad sectors and a kill -9.
if ((EUID)); then
    skip 'all of it' "loop devices are root's"
    return 0
fi
DEVICE=loop
LOOP_NAME=loop$$
start() { start_server --name "$LOOP_NAME" "$@"; }
clean_up() {
    umount mnt 2>/dev/null
    [[ -z $PLACE ]] || losetup -d "$PLACE" 2>/dev/null
    end_servers
    umount "/run/dm-remap/$LOOP_NAME.device" 2>/dev/null
    rmdir "/run/dm-remap/$LOOP_NAME.device" 2>/dev/null
}
trap clean_up EXIT

# Every second MiB has a bad block.
BAD=$(for ((i = 1; i < MIB; i += 2)); do echo -n "$((2048 * i + 8 * i))-$((2048 * i + 8 * i + 7)),"; done)
new_images
mkdir -p mnt files
cp -r "$HERE/../../docs" "$HERE/../../core" files/
start --fail-sectors "${BAD%,}"
check 'a loop device' test -b "$PLACE"
expect 0 '^512$' blockdev --getss "$PLACE"
expect 0 "^$((MIB << 20))$" blockdev --getsize64 "$PLACE"
expect 0 ' 1$' losetup -nO NAME,DIO "$PLACE"
# A discard gives its space back.
expect 0 '' dd if=/dev/urandom of="$PLACE" bs=1M seek=32 count=2 conv=notrunc,fsync status=none
gives_up $((1 << 20)) main.img 'a discard gives up 1 MiB' blkdiscard -o $((32 << 20)) -l $((1 << 20)) "$PLACE"
check 'and it reads as zeros' cmp -n $((1 << 20)) -i $((32 << 20)):0 "$PLACE" /dev/zero
expect 0 '' mkfs.ext4 -qF "$PLACE"
expect 0 '' mount "$PLACE" mnt
expect 0 '' cp -r files mnt/
expect 0 '' fio --name=v --directory=mnt --size=16M --rw=randwrite --bs=4k --verify=crc32c --ioengine=libaio \
    --direct=1 --iodepth=16 --fallocate=none
expect 0 '' fstrim mnt
refuses 5 "$LOOP_NAME is in use: its block device or file is" "$DMREMAP" remove "$NAME"
expect 0 '' sync -f mnt
check 'bad blocks were moved' test "$("$DMREMAP" status "$NAME" | awk '$1 == "extents" { print $2 }')" -gt 4
expect 0 'write_errors +0$' "$DMREMAP" status "$NAME"
# kill -9 while more is written.
dd if=/dev/zero of=mnt/more bs=1M count=20 status=none 2>/dev/null &
LOAD=$!
sleep 0.2
end_server KILL
wait "$LOAD" 2>/dev/null || true
check 'what is left fails' bash -c "! touch mnt/new || ! sync -f mnt"
expect 0 '' umount mnt
start --fail-sectors "${BAD%,}"
check 'it says what it took away' bash -c "grep -q '^dmremap: detached /dev/loop' server.log"
expect '[01]' '' e2fsck -fy "$PLACE"
expect 0 '' mount "$PLACE" mnt
check 'all files are there' diff -r files mnt/files
# SIGTERM does not ask, but what was written before is on the disk.
cp -r files mnt/again
end_server TERM
expect 0 '^0$' echo "$ENDED"
umount mnt
losetup -d "$PLACE" 2>/dev/null || true
start --fail-sectors "${BAD%,}"
expect '[01]' '' e2fsck -fy "$PLACE"
expect 0 '' mount "$PLACE" mnt
check 'those, too' diff -r files mnt/again
expect 0 '' umount mnt
LOOP=$PLACE
expect 0 '' "$DMREMAP" remove "$NAME"
wait "$SERVER"
check 'the loop device is free again' bash -c "! losetup '$LOOP' 2>/dev/null"
check 'nothing of it is left' test ! -e "/run/dm-remap/$LOOP_NAME.device"
expect 0 'nothing is damaged' "$DMREMAP" check spare.img --main main.img
# As root with nothing but main and spare: a loop device, where there is no ublk. In a /run of its own, since the name is
# the one that anybody's server has who gave it none.
ALONE=(unshare -m bash -c '[[ ! -e /dev/ublk-control ]] || mount --bind /dev/null /dev/ublk-control || exit 99
    mount -t tmpfs none /run && exec "$@"' bash)
: >address
"${ALONE[@]}" "$DMREMAP" serve main.img spare.img >address 2>server.log &
SERVER=$!
SERVERS+=("$SERVER")
started 2
PLACE=$(sed -n 2p address)
expect 0 '^nbd\+unix:///\?socket=/run/dm-remap/remap.nbd$' sed -n 1p address
expect 0 '^/dev/loop[0-9]+$' sed -n 2p address
expect '[01]' '' e2fsck -fy "$PLACE"
expect 0 '' mount "$PLACE" mnt
check 'the files are there by the default device' diff -r files mnt/again
expect 0 '' umount mnt
end_server TERM
expect 0 '^0$' echo "$ENDED"
# Without FUSE, and ublk where it is: only NBD, unless the device is asked for by name.
hidden() {
    unshare -m bash -c 'for path in /dev/fuse /dev/ublk-control; do
            [[ ! -e $path ]] || mount --bind /dev/null "$path" || exit 99
        done
        exec "$@"' bash "$@"
}
for device in loop file; do
    refuses 4 "FUSE cannot be mounted at /run/dm-remap/$LOOP_NAME.device: .+" \
        hidden "$DMREMAP" serve main.img spare.img --name "$LOOP_NAME" --device "$device"
done
hidden "$DMREMAP" serve main.img spare.img --name "$LOOP_NAME" --control "$NAME" --socket "$PWD/n" >address 2>server.log &
SERVER=$!
SERVERS+=("$SERVER")
started 1
expect 0 "^dmremap: no block device, only NBD: FUSE cannot be mounted at /run/dm-remap/$LOOP_NAME.device: .+" cat server.log
expect 0 '^1$' grep -c '' server.log
expect 0 '' nbdinfo "$(<address)"
expect 0 '' "$DMREMAP" remove "$NAME"
wait "$SERVER"
