# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 180
#
# A flush reaches main and spare once each, FUA goes with its write to the one device it is for, and
# messages make data stable before they answer. dm-log-writes below both devices sees each request.

# mark WORD - in both logs.
mark() { log_mark "$1" under_main under_spare; }

run_the_plan() {
    mark a
    for _ in 1 2 3 4 5; do
        sync /dev/mapper/flush
    done
    mark b
    msg_ok flush add_remap 1000 5000 100
    mark c
    # 2 sectors before the remap and 3 in it.
    write_at flush 998 5 ,dsync
    mark d
    write_at flush 1010 4 ''
    mark e
    msg_ok flush remove_remap 1000
    mark f
    msg_ok flush add_remap 2000 6000 16 nocopy
    mark f1
    write_at flush 2004 4 ''
    mark f2
    write_at flush 2004 4 ''
    mark f3
    # What is lost still: the file system's threads would write it when they like, at two flushes each.
    write_at flush 2000 16 ''
    mark f4
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
log_under under_main "$MAIN" LOG_MAIN
log_under under_spare "$SPARE" LOG_SPARE
mkremap flush /dev/mapper/under_main /dev/mapper/under_spare
PLACE=$(physical flush 5000)
LOST=$(physical flush 6004)
run_the_plan
dmsetup remove flush
dmsetup remove under_main
dmsetup remove under_spare
entries "$LOG_MAIN" >main.log
entries "$LOG_SPARE" >spare.log
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
eq "from mkfs to umount as many flushes of the spare" "$(flushes spare.log f4 i)" "$(flushes main.log f4 i)"
