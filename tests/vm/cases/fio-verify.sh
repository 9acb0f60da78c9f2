# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 300
#
# fio verifies what it wrote, in blocks of 512 bytes to 1 MiB and 32 deep, while remaps come and go
# at random under it. Then everything goes back to main and is read once more.

# Each block size has its own 16 MiB.
write_jobs() {
    local size at=0 engine=libaio
    printf '[global]\nfilename=/dev/mapper/live\ndirect=1\niodepth=32\nrw=randwrite\nverify=crc32c\nverify_fatal=1\nloops=%s\n' "$(longer 1)"
    for size in 512 2k 4k 16k 64k 1m; do
        printf '[b%s]\nbs=%s\noffset=%sm\nsize=%s\nioengine=%s\n' "$size" "$size" $((at * 16)) \
            "${JOB_SIZE[$size]}" "$engine"
        at=$((at + 1))
        engine=$([[ $engine == libaio ]] && fio_engine || echo libaio)
    done
}

# On a busy machine fio is through before much has moved.
enough() {
    msg_ok live stats
    (($(reply_value added) > 50 && $(reply_value removed) > 50))
}

ROUNDS=0
declare -A JOB_SIZE=([512]=2m [2k]=6m [4k]=12m [16k]=16m [64k]=16m [1m]=16m)
mkloop MAIN 200M
mkloop SPARE 200M
mkremap live "$MAIN" "$SPARE"
write_jobs >jobs.fio
churn_begin live 0 $((96 * 2048))
until enough; do
    ((ROUNDS++ < 10)) || fail "too few remaps came and went to mean anything"
    check "fio over remaps that come and go, round $ROUNDS" fio jobs.fio --output=fio.log
done
churn_end live
msg_ok live stats
for key in added removed copied_sectors returned_sectors remapped_reads remapped_writes held; do
    matches "$key $(reply_value $key)" "$(reply_value $key)" '^[1-9][0-9]*$'
done
healthy live
msg_ok live clear_all
eq "extents after clear_all" "$(field live extents)" 0
dmsetup remove live
sed -i "s|^filename=.*|filename=$MAIN|" jobs.fio
check "all of it is on main alone" fio jobs.fio --verify_only --output=again.log
