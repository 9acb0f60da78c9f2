#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main job, step by step, on two 500-MB loop devices: a file system lives on a device whose
# sectors move to a spare under it, first because they are told to, then because the disk fails. Runs
# as root where the module is loaded: on this machine or in the VM bench. ../quickstart.sh prepares both.
#
# Everything that is set up here is taken down at the end, also when a step fails.
set -euo pipefail
DEMOS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOOLS=$DEMOS/../tests/module
PATH=$PATH:/usr/sbin:/sbin
NAME=my-remap
DISK=$NAME-disk
DIR='' MAIN='' SPARE='' CREATED=no FAILING=no STEP=0 WORKERS=''

# proves SENTENCE... - one line per step, what it has just shown.
proves() {
    STEP=$((STEP + 1))
    printf '%2d. %s\n' "$STEP" "$*"
}

fails() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

run() {
    printf '    # %s\n' "$*"
    "$@" 2>&1 | sed 's/^/    /'
}

take_down() {
    local status=$? loop pid
    trap - EXIT
    cd /
    for pid in $WORKERS; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    [[ -z $DIR ]] || ! mountpoint -q "$DIR/mnt" || umount "$DIR/mnt" || status=1
    [[ $CREATED == no ]] || dmsetup remove --retry "$NAME" || status=1
    [[ $FAILING == no ]] || dmsetup remove --retry "$DISK" || status=1
    for loop in $MAIN $SPARE; do
        losetup -d "$loop" || status=1
    done
    [[ -z $DIR ]] || rm -rf "$DIR"
    exit "$status"
}

field() { dmsetup status "$NAME" | awk -v n="$1" '{ print $(n + 3) }'; }
message() { dmsetup message "$NAME" 0 "$*"; }

# Everything that was copied is as it was, read from the medium and not from memory.
compare() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
    (cd "$DIR/mnt/files" && sha256sum --quiet -c "$DIR/sums") || fails "a file differs"
}

create() {
    [[ ! -e /dev/mapper/$NAME && ! -e /dev/mapper/$DISK ]] ||
        fails "there is a device $NAME or $DISK already; remove it first."
    DIR=$(mktemp -d)
    truncate -s 500M "$DIR/main.img" "$DIR/spare.img"
    MAIN=$(losetup --find --show "$DIR/main.img")
    SPARE=$(losetup --find --show "$DIR/spare.img")
    SECTORS=$(blockdev --getsz "$MAIN")
    TABLE="0 $SECTORS dm-remap $MAIN $SPARE"
    printf '    # echo "%s" | dmsetup create %s\n' "$TABLE" "$NAME"
    echo "$TABLE" | dmsetup create "$NAME"
    CREATED=yes
    run dmsetup status "$NAME"
    proves "The target takes two devices and makes one: /dev/mapper/$NAME, $SECTORS sectors."
}

# About 80 MB of programs and libraries of this system, and its kernel headers if it has any.
pick_files() {
    find /usr/src/linux-headers-*-common/include/linux /usr/bin /usr/lib -xdev -type f -size -2048k \
        -printf '%s %p\n' 2>/dev/null |
        awk '{ sum += $1; if (sum < 80 * 1048576) { sub(/^[0-9]+ \//, ""); print } }' >"$DIR/names" || true
    [[ -s $DIR/names ]] || fails "no files to copy were found."
}

copy_files() {
    run mkfs.ext4 -q -F "/dev/mapper/$NAME"
    mkdir -p "$DIR/mnt"
    run mount "/dev/mapper/$NAME" "$DIR/mnt"
    mkdir "$DIR/mnt/files"
    pick_files
    (cd / && xargs -d '\n' -a "$DIR/names" cp -a --parents -t "$DIR/mnt/files")
    (cd / && xargs -d '\n' -a "$DIR/names" sha256sum) >"$DIR/sums"
    COUNT=$(wc -l <"$DIR/sums")
    compare
    proves "A file system lives on it: $COUNT files ($(du -sm "$DIR/mnt/files" | cut -f1) MB) were copied to ext4 and compare equal."
}

# Where the pieces of a file lie on the device: lines START LENGTH in sectors.
places_of() {
    filefrag -b512 -v "$1" | awk '$1 ~ /^[0-9]+:$/ { gsub(/[.:]/, " "); print $4, $6 }'
}

remap_by_hand() {
    local length
    dd if=/dev/urandom of="$DIR/mnt/ledger" bs=1M count=16 conv=fsync status=none
    sha256sum "$DIR/mnt/ledger" >"$DIR/ledger.sum"
    read -r LEDGER length < <(places_of "$DIR/mnt/ledger")
    ((length >= 2048)) || fails "the first piece of a file of 16 MB has only $length sectors."
    run dmsetup message "$NAME" 0 "add_remap 1000 5000 100"
    run dmsetup message "$NAME" 0 "add_remap $LEDGER 8000 1024"
    run dmsetup message "$NAME" 0 "relocate $((LEDGER + 1024)) 1024"
    run dmsetup message "$NAME" 0 list
    [[ $(field 3) == 3 && $(field 4) == 2148 ]] || fails "the status line does not show 3 extents of 2148 sectors."
    proves "Sectors move while the file system is mounted: 2148 are on the spare now, 2048 of them in the middle of a file."
    run dmsetup status "$NAME"
    compare
    sha256sum --quiet -c "$DIR/ledger.sum"
    proves "Nobody above noticed: all $COUNT files and the moved one compare equal, read again from the devices."
}

write_over_them() {
    local file=$DIR/mnt/ledger
    message clear_stats >/dev/null
    dd if=/dev/urandom of="$file" bs=1M count=16 conv=notrunc,fsync status=none
    sha256sum "$file" >"$DIR/ledger.sum"
    echo 3 >/proc/sys/vm/drop_caches
    sha256sum --quiet -c "$DIR/ledger.sum"
    run dmsetup message "$NAME" 0 stats
    (($(message stats | sed -n 's/^remapped_writes=//p') > 0)) || fails "no write went to the spare."
    proves "New data lands on the spare: the file was written anew in place and reads back equal."
}

# many_adds - 3000 messages that map 8 sectors in every 128 from 400000 on, but
# for where the ledger was moved already.
many_adds() {
    awk -v ledger="$LEDGER" 'BEGIN {
        for (i = 0; n < 3000; i++) {
            start = 400000 + i * 128
            if (start + 8 <= ledger || start >= ledger + 2048) { print "add_remap", start, 40000 + i * 16, 8; n++ }
        }
    }'
}

remap_thousands() {
    local before after
    before=$(field 12)
    many_adds | perl "$TOOLS/messages.pl" "$NAME" >/dev/null
    after=$(field 12)
    dmesg | grep "Adaptive hash table resize" | tail -n 6 | sed 's/^/    /'
    ((after > before)) || fails "the table stayed at $before buckets."
    compare
    proves "The table grows with what it holds: $(field 3) extents, $before -> $after buckets, and all files compare equal."
}

remove_some() {
    many_adds | awk 'NR <= 2900 { print "remove_remap", $2 }' |
        perl "$TOOLS/messages.pl" "$NAME" >/dev/null
    run dmsetup message "$NAME" 0 "remove_remap 1000"
    run dmsetup status "$NAME"
    [[ $(field 3) == 102 ]] || fails "the status line shows $(field 3) extents instead of 102."
    compare
    proves "Remaps can be taken back: 2901 ranges were copied back to main, the table has $(field 12) buckets, all files compare equal."
}

check_file_system() {
    run umount "$DIR/mnt"
    run e2fsck -fn "/dev/mapper/$NAME"
    proves "The file system is whole: fsck finds nothing with 102 ranges still on the spare."
    run dmsetup message "$NAME" 0 clear_all
    run dmsetup remove --retry "$NAME"
    CREATED=no
    run e2fsck -fn "$MAIN"
    proves "Leaving is possible: after clear_all the main device alone holds everything, and fsck finds nothing."
}

# ---- a disk that fails: a mapped device over main in which blocks of 4 KiB give nothing but errors ----

# disk_table - its table; $DIR/bad has the first sectors of the bad blocks.
disk_table() {
    sort -nu "$DIR/bad" | awk -v main="$MAIN" -v end="$SECTORS" -v at=0 '
        function good(from, to) { if (to > from) print from, to - from, "linear", main, from }
        { good(at, $1); print $1, 8, "error"; at = $1 + 8 }
        END { good(at, end) }'
}

# spoil COUNT - so many blocks go bad from now on, in what the standard input tells: lines FIRST LENGTH.
spoil() {
    local places i from length
    mapfile -t places
    ((${#places[@]})) || fails "there is no place to go bad."
    for ((i = 0; i < $1; i++)); do
        read -r from length <<<"${places[RANDOM % ${#places[@]}]}"
        echo $((from / 8 * 8 + (RANDOM * 32768 + RANDOM) % (length / 8) * 8))
    done >>"$DIR/bad"
    if [[ $FAILING == no ]]; then
        disk_table | dmsetup create "$DISK"
        FAILING=yes
        return
    fi
    disk_table | dmsetup load "$DISK"
    dmsetup suspend "$DISK"
    dmsetup resume "$DISK"
}

# Blocks go bad that hold nothing, since no program can keep what a disk has lost: those of a file that is
# only room.
spoil_free_blocks() {
    fallocate -l 48M "$DIR/mnt/room"
    sync
    spoil "$1" < <(places_of "$DIR/mnt/room" | awk '$2 >= 8')
    rm "$DIR/mnt/room"
    sync
}

make_on_failing_disk() {
    local before
    RANDOM=${DMREMAP_SEED:=$RANDOM}
    echo "    the bad blocks are those of DMREMAP_SEED=$DMREMAP_SEED"
    spoil 60 <<<"8192 $((SECTORS - 16384))"
    printf '    # echo "0 %s dm-remap /dev/mapper/%s %s" | dmsetup create %s\n' "$SECTORS" "$DISK" "$SPARE" "$NAME"
    echo "0 $SECTORS dm-remap /dev/mapper/$DISK $SPARE" | dmsetup create "$NAME"
    CREATED=yes
    # All is written once: an inode table that nobody has written cannot be read from a bad block.
    run mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "/dev/mapper/$NAME"
    before=$(field 4)
    ((before > 0)) || fails "mkfs met no bad block."
    run mount "/dev/mapper/$NAME" "$DIR/mnt"
    mkdir "$DIR/mnt/files"
    (cd / && xargs -d '\n' -a "$DIR/names" cp -a --parents -t "$DIR/mnt/files")
    compare
    (($(field 4) > before)) || fails "the copy met no bad block."
    proves "A disk with 60 bad blocks takes a file system and $COUNT files: $(field 4) sectors have moved by themselves."
}

# copies - one after the other, until there is a file `enough`; each is compared, and gives way to the next.
copies() {
    local count=0
    while [[ ! -e $DIR/enough ]]; do
        rm -rf "$DIR/mnt/copy"
        sync
        cp -a "$DIR/mnt/files" "$DIR/mnt/copy"
        sync
        echo 3 >/proc/sys/vm/drop_caches
        (cd "$DIR/mnt/copy" && sha256sum --quiet -c "$DIR/sums")
        count=$((count + 1))
        echo "$count" >"$DIR/copies"
    done
}

# verifies - fio after fio, each on a file of its own.
verifies() {
    local count=0
    while [[ ! -e $DIR/enough ]]; do
        fio --name=verify --directory="$DIR/mnt" --rw=randwrite --bs=4k --size=8M --verify=crc32c \
            --ioengine=psync --end_fsync=1 --unlink=1 >"$DIR/fio.log"
        count=$((count + 1))
        echo "$count" >"$DIR/fios"
    done
}

# both_work - the copies and fio have seen no error so far.
both_work() {
    local pid
    for pid in $WORKERS; do
        kill -0 "$pid" 2>/dev/null || { cat "$DIR/fio.log"; fails "a copy or fio has seen an error."; }
    done
}

# met_more THAN - more sectors have moved, within two minutes.
met_more() {
    local i
    for ((i = 0; i < 1200; i++)); do
        (($(field 4) <= $1)) || return 0
        both_work
        sleep 0.1
    done
    fails "no bad block was met."
}

live_on_failing_disk() {
    local before pid
    copies &
    WORKERS=$!
    verifies &
    WORKERS+=" $!"
    for _ in 1 2 3; do
        before=$(field 4)
        spoil_free_blocks 60
        both_work
        met_more "$before"
    done
    touch "$DIR/enough"
    for pid in $WORKERS; do
        wait "$pid" || { cat "$DIR/fio.log"; fails "a copy or fio has seen an error."; }
    done
    WORKERS=''
    run dmsetup status "$NAME"
    [[ "$(field 7) $(field 8) $(field 9) $(field 10)" == "0 0 0 0" ]] || fails "something was lost or has failed."
    proves "More go bad while files are copied and fio verifies, three times: $(<"$DIR/copies") copies and $(<"$DIR/fios") runs of fio see no error, $(field 4) sectors are on the spare."
}

leave_failing_disk() {
    run umount "$DIR/mnt"
    run e2fsck -fn "/dev/mapper/$NAME"
    run dmsetup remove --retry "$NAME"
    echo "0 $SECTORS dm-remap /dev/mapper/$DISK $SPARE" | dmsetup create "$NAME"
    run mount "/dev/mapper/$NAME" "$DIR/mnt"
    compare
    (cd "$DIR/mnt/copy" && sha256sum --quiet -c "$DIR/sums") || fails "a file of the last copy differs"
    run umount "$DIR/mnt"
    run dmsetup remove --retry "$NAME"
    CREATED=no
    proves "The remaps are on the spare: taken away and made again, the device has every file, and fsck finds nothing."
}

main() {
    local began=$SECONDS
    echo "dm-remap at work on Linux $(uname -r)"
    trap take_down EXIT
    create
    copy_files
    remap_by_hand
    write_over_them
    remap_thousands
    remove_some
    check_file_system
    make_on_failing_disk
    live_on_failing_disk
    leave_failing_disk
    echo "All $STEP steps hold ($((SECONDS - began)) s)."
}

main
