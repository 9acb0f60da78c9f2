# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 3600
#
# What an I/O of 4 KiB costs, in instructions: on null_blk alone, through dm-linear, and through
# dm-remap with few and many remaps. Only a machine that counts instructions can tell, so
# bench/vm-cost runs this one, with tests/vm/run --icount, and judges what it finds.

EXTENTS=${DMREMAP_COST_EXTENTS:-1000000}
# On the clock of the host, for each kind of remaps.
PREPARE_SECONDS=${DMREMAP_COST_SECONDS:-900}
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

# fill KIND FROM COUNT - figures under the name that says how many remaps are there.
fill() {
    local kind=$1 from=$2 count=$3 reached refused each
    read -r reached refused each <<<"$(vm-test-cost remap cost /dev/mapper/cost "$kind" "$from" "$count" "$PREPARE_SECONDS")"
    eq "extents" "$(field cost extents)" $((reached - refused))
    figure "$kind-$count" extents "$(field cost extents)"
    figure "$kind-$count" message "$each"
    both "$kind-$count" /dev/mapper/cost
    [[ $kind != uniform ]] || {
        figure "hit-$count" read "$(vm-test-cost hit /dev/mapper/cost read "$reached")"
        figure "hit-$count" write "$(vm-test-cost hit /dev/mapper/cost write "$reached")"
    }
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
    middle=$(((size / 8 - 2) / 2 * 8))
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
    fill "$1" 0 1000
    ((EXTENTS <= 1000)) || fill "$1" 1000 "$EXTENTS"
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
