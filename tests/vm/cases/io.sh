# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 300
#
# Every way in which a program can do I/O, side by side while remaps come and go: io_uring in its
# forms, libaio and plain calls, direct and through the page cache, and I/O that must not wait. (Not
# mmap: on a block device fio begins it with MADV_REMOVE, which zeroes what others have written.)
# What may not wait gets EAGAIN at a fence or a border, and nothing else.

# job NAME BLOCK-SIZE OPTION... - each has its own 6 MiB, 1 MiB for the smallest blocks.
job() {
    local name=$1 bs=$2 size=6m
    shift 2
    [[ $bs != 512 ]] || size=1m
    printf '[%s]\nbs=%s\noffset=%dm\nsize=%s\n' "$name" "$bs" $((JOBS * 6)) $size
    printf '%s\n' "$@"
    JOBS=$((JOBS + 1))
}

# A buffered and a direct writer never share a page here: each has its own range.
all_jobs() {
    printf '%s\n' '[global]' filename=/dev/mapper/live rw=randwrite iodepth=16 verify=crc32c verify_fatal=1 \
        allow_mounted_write=1 "loops=$(longer 1)"
    job uring-direct-512 512 ioengine=io_uring direct=1
    job uring-direct-4k 4k ioengine=io_uring direct=1 fixedbufs=1 registerfiles=1
    job uring-direct-64k 64k ioengine=io_uring direct=1 nonvectored=1
    job uring-direct-1m 1m ioengine=io_uring direct=1
    job uring-polled-queue 16k ioengine=io_uring direct=1 sqthread_poll=1
    job uring-workers 16k ioengine=io_uring direct=1 force_async=1
    job uring-buffered-512 512 ioengine=io_uring direct=0
    job uring-buffered-4k 4k ioengine=io_uring direct=0
    job uring-buffered-1m 1m ioengine=io_uring direct=0
    job libaio-direct 8k ioengine=libaio direct=1
    job psync-buffered 2k ioengine=psync direct=0 fsync=64
    job psync-dsync 32k ioengine=psync direct=1 sync=dsync
    job pvsync-256k 256k ioengine=pvsync direct=1
}

# RWF_NOWAIT asks for an answer at once. Over ground that no remap touches, nothing has to wait but
# for the queue of the disk below, which a job of depth 1 never fills.
no_wait() {
    local engine
    for engine in pvsync2 io_uring; do
        check "$engine, NOWAIT, nothing mapped" fio --name=nowait --filename=/dev/mapper/still --ioengine=$engine \
            --direct=1 --nowait=1 --rw=randwrite --bs=4k --size=4M --verify=crc32c --verify_fatal=1 --output=nowait.log
    done
    msg_ok still add_remap 100 0 1000
    # Whole inside the remap: sent on at once. Across its border: EAGAIN for the whole, not half done.
    check "NOWAIT inside a remap" fio --name=inside --filename=/dev/mapper/still --ioengine=pvsync2 --direct=1 \
        --nowait=1 --rw=randwrite --bs=4k --offset=56k --size=400k --verify=crc32c --verify_fatal=1 --output=inside.log
    check "stamps" vm-test-sectors stamp /dev/mapper/still 0 2000 3
    expect_fail "NOWAIT across a border" fio --name=across --filename=/dev/mapper/still --ioengine=pvsync2 --direct=1 \
        --nowait=1 --rw=write --bs=4k --offset=48k --size=4k --output=across.log
    matches "says to try again" "$(cat across.log)$OUTPUT" 'temporarily unavailable|err=11'
    check "and nothing of it was written" vm-test-sectors check /dev/mapper/still 0 2000 3
    eq "an error that is none is not counted" "$(field still write_errors)" 0
    # io_uring tries without waiting first, then lets a worker wait: a border is no error there.
    check "io_uring across borders" fio --name=uring --filename=/dev/mapper/still --ioengine=io_uring --direct=1 \
        --rw=randwrite --bs=12k --size=1200k --iodepth=4 --verify=crc32c --verify_fatal=1 --output=uring.log
}

fio --name=probe --ioengine=io_uring --filename=/dev/zero --size=4k --rw=read --bs=4k --output=/dev/null ||
    fail "this kernel or this fio has no io_uring"
mkloop MAIN 128M
mkloop SPARE 128M
# A disk that takes I/O which may not wait: a loop device hands it to a worker and answers EAGAIN.
scratch STILL 0
mkloop STILL_SPARE 64M
mkdm still "0 65536 dm-remap $STILL $STILL_SPARE"
no_wait
dmsetup remove still
mkremap live "$MAIN" "$SPARE"
JOBS=0
all_jobs >jobs.fio
JOBS=$(grep -c '^\[' jobs.fio)
churn_begin live 0 $((84 * 2048))
check "$((JOBS - 1)) ways of I/O over remaps that come and go" fio jobs.fio --output=fio.log
churn_end live
healthy live
msg_ok live clear_all
dmsetup remove live
sed -i "s|^filename=.*|filename=$MAIN|" jobs.fio
check "all of it is on main alone" fio jobs.fio --verify_only --output=again.log
