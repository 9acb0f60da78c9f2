# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 3600
#
# What an I/O of 4 KiB costs, in instructions: on null_blk alone, through dm-linear, and through
# dm-remap with few and many remaps. Only a machine that counts instructions can tell, so
# bench/vm-cost runs this one, with tests/vm/run --icount, and judges what it finds.

EXTENTS=${DMREMAP_COST_EXTENTS:-1000000}
# So many are made by messages, which is slow; what is more comes from a dump.
SENT=1000
GIB=16384

figure() {
    printf '%s\n' "$*" >>figures
    echo "  $*"
}

# both NAME DEVICE
both() {
    figure "$1" read "$(vm-test-cost io "$2" read)"
    figure "$1" write "$(vm-test-cost io "$2" write)"
}

# fill KIND FROM COUNT - more remaps by messages, and figures under the number that were there, or are.
fill() {
    local kind=$1 from=$2 count=$3 before refused each name=$1-$(($2 ? $2 : $3))
    before=$(field cost extents)
    read -r refused each <<<"$(vm-test-cost remap cost /dev/mapper/cost "$kind" "$from" "$count")"
    eq "extents" "$(field cost extents)" $((before + count - from - refused))
    figure "$name" extents "$(field cost extents)"
    figure "$name" message "$each"
    both "$name" /dev/mapper/cost
    [[ $kind != uniform ]] || {
        figure "hit-${name#*-}" read "$(vm-test-cost hit /dev/mapper/cost read "$count")"
        figure "hit-${name#*-}" write "$(vm-test-cost hit /dev/mapper/cost write "$count")"
    }
}

# restored KIND COUNT - the set with the first COUNT remaps of this kind.
restored() {
    local set lines
    set=$(dmremap probe "$SPARE" | sed -n "s/^DMREMAP_SET=//p")
    dmsetup remove cost
    vm-test-cost extents "$MAIN" "$1" "$2" >of_dump
    lines=$(wc -l <of_dump)
    dmremap dump "$SPARE" | sed '/^extent/,$d' >whole
    cat of_dump >>whole
    printf 'extents %d\nend\n' "$lines" >>whole
    dmremap restore whole "$SPARE" --main "$MAIN" --data as-is --yes --wipe-set "$set"
    rm of_dump whole
    mkremap cost "$MAIN" "$SPARE"
    eq "extents of the dump" "$(field cost extents)" "$lines"
}

# blank_spare KIND - SPARE: metadata in memory, where it is found again, and places without any, so that
# what a hit costs is not the copying of 4 KiB. A set of that size tells where they are.
blank_spare() {
    local size end middle
    size=$(sectors "$PLACES")
    mknull "metadata_$1" memory_backed=1 blocksize=512 size=$((GIB * 1024))
    dmremap format --yes --max-extents 2000000 "$MAIN" "$NULL_DISK" >format.log
    mkremap cost "$MAIN" "$NULL_DISK"
    end=$((($(stat_value cost spare_reserved) - 16) / 2))
    dmsetup remove cost
    middle=$(((size - 16) >> 4 << 3))
    mkdm "spare_$1" "0 $end linear $NULL_DISK 0" \
        "$end $((middle - end)) linear $PLACES $end" \
        "$middle 16 linear $NULL_DISK $middle" \
        "$((middle + 16)) $((size - middle - 16 - end)) linear $PLACES $((middle + 16))" \
        "$((size - end)) $end linear $NULL_DISK $((size - end))"
    SPARE=/dev/mapper/spare_$1
}

# measure KIND - on a set of its own.
measure() {
    blank_spare "$1"
    mkremap cost "$MAIN" "$SPARE"
    [[ $1 != clustered ]] || both empty /dev/mapper/cost
    fill "$1" 0 $SENT
    ((EXTENTS <= SENT)) || {
        restored "$1" "$EXTENTS"
        fill "$1" "$EXTENTS" $((EXTENTS + SENT))
    }
    dmsetup remove cost
}

[[ $(nproc) == 1 ]] || fail "this needs a machine that counts instructions: bench/vm-cost"
modprobe null_blk nr_devices=2 gb="$GIB" bs=512 queue_mode=2 irqmode=0 submit_queues=1
MAIN=/dev/nullb0
PLACES=/dev/nullb1
figure machine release "$(uname -r)"
figure machine gib "$GIB"
both null "$MAIN"
mklinear linear "$MAIN"
both linear /dev/mapper/linear
dmsetup remove linear
measure clustered
keep figures
measure uniform
keep figures
