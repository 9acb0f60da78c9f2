# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 180
#
# A flush reaches main and spare once each, FUA goes with its write to the one device it is for, and
# messages make data stable before they answer. dm-log-writes below both devices sees each request.
# It logs a write only once it is durable (a flush behind it, or FUA), but a mark at once: so what
# is before a mark was durable when the mark was set.


FUA=2 DISCARD=4 MARK=8

log_under() {
    local name=$1 device=$2 log
    mkloop "LOG_$name" 200M
    local -n log=LOG_$name
    mkdm "$name" "0 $(sectors "$device") log-writes $device $log"
}

# mark WORD - in both logs.
mark() {
    dmsetup message under_main 0 mark "$1"
    dmsetup message under_spare 0 mark "$1"
}

# entries LOG-DEVICE - one line each: SECTOR COUNT FLAGS [WORD-OF-MARK].
entries() {
    local device=$1 size count offset i sector length flags data word
    read -r size < <(od -An -t u4 -j 24 -N 4 "$device")
    read -r count < <(od -An -t u8 -j 16 -N 8 "$device")
    offset=$size
    for ((i = 0; i < count; i++)); do
        read -r sector length flags data < <(od -An -w32 -t u8 -j "$offset" -N 32 "$device")
        word=
        if ((flags & MARK)); then
            word=$(dd if="$device" iflag=skip_bytes,count_bytes skip=$((offset + 32)) count="$data" status=none | tr -d '\0')
        fi
        echo "$sector $length $flags $word"
        ((flags & DISCARD)) || offset=$((offset + length * size))
        offset=$((offset + size))
    done
}

# between LOG FROM TO - the entries between two marks.
between() { awk -v from="$2" -v to="$3" '$4 == to { exit } on { print } $4 == from { on = 1 }' "$1"; }

# flushes LOG FROM TO - how many requests with the flush flag.
flushes() { between "$@" | awk '$3 % 2 == 1' | wc -l; }

# has LOG FROM TO SECTOR COUNT - whether exactly these sectors were written there, durably.
has() {
    between "$1" "$2" "$3" | awk -v first="$4" -v count="$5" \
        '!int($3 / 8 % 2) { for (i = 0; i < $2; i++) if ($1 + i >= first && $1 + i < first + count) seen[$1 + i] = 1 }
         END { for (i = 0; i < count; i++) if (!((first + i) in seen)) exit 1 }'
}

# write_at SECTOR COUNT FLAGS - in one request, direct.
write_at() {
    dd if=/dev/urandom of=/dev/mapper/flush bs=$(($2 * 512)) seek=$(($1 * 512)) count=1 \
        oflag="direct,seek_bytes$3" conv=notrunc,nocreat status=none
}

run_the_plan() {
    local i
    mark a
    for i in 1 2 3 4 5; do
        sync /dev/mapper/flush
    done
    mark b
    msg_ok flush add_remap 1000 5000 100
    mark c
    # 2 sectors before the remap and 3 in it.
    write_at 998 5 ,dsync
    mark d
    write_at 1010 4 ''
    mark e
    msg_ok flush remove_remap 1000
    mark f
    msg_ok flush add_remap 2000 6000 16 nocopy
    mark f1
    write_at 2004 4 ''
    mark f2
    write_at 2004 4 ''
    mark f3
    mkfs.ext4 -q /dev/mapper/flush
    mnt /dev/mapper/flush mnt
    echo data >mnt/file
    mark g
    sync mnt/file
    mark h
    umount mnt
    mark i
}

mkloop MAIN 100M
mkloop SPARE 100M
log_under under_main "$MAIN"
log_under under_spare "$SPARE"
mkremap flush /dev/mapper/under_main /dev/mapper/under_spare
PLACE=$(physical flush 5000)
LOST=$(physical flush 6004)
run_the_plan
dmsetup remove flush
dmsetup remove under_main
dmsetup remove under_spare
# shellcheck disable=SC2154 # log_under sets both
entries "$LOG_under_main" >main.log
# shellcheck disable=SC2154
entries "$LOG_under_spare" >spare.log
keep main.log spare.log

eq "5 flushes from above, on main" "$(flushes main.log a b)" 5
eq "5 flushes from above, on the spare" "$(flushes spare.log a b)" 5
check "add_remap: the copy is durable when it answers" has spare.log b c "$PLACE" 100
eq "add_remap: a flush for the data, one for the record" "$(flushes spare.log b c)" 2
eq "add_remap writes nothing to main" "$(between main.log b c | wc -l)" 0
matches "FUA on main for its part" "$(between main.log c d)" "998 2 $FUA"
matches "FUA on the spare for its part" "$(between spare.log c d)" "$PLACE 3 $FUA"
eq "writes to main for a FUA write" "$(between main.log c d | awk '$2' | wc -l)" 1
eq "writes to the spare for a FUA write" "$(between spare.log c d | awk '$2' | wc -l)" 1
eq "a plain write: no flush on main" "$(between main.log d e | wc -l)" 0
eq "a plain write: no flush on the spare" "$(between spare.log d e | wc -l)" 0
check "remove_remap: the data is durable on main when it answers" has main.log e f 1000 100
eq "remove_remap: flushes of main" "$(flushes main.log e f)" 1
check "a write that gives lost sectors a content is durable when it ends" has spare.log f1 f2 "$LOST" 4
eq "the next write to them is not" "$(between spare.log f2 f3 | wc -l)" 0
matches "fsync of a file flushes main" "$(flushes main.log g h)" '^[1-9]'
matches "and the spare" "$(flushes spare.log g h)" '^[1-9]'
# The file system has threads of its own, so only what is before mkfs and behind umount is at rest.
eq "from mkfs to umount as many flushes of the spare" "$(flushes spare.log f3 i)" "$(flushes main.log f3 i)"
