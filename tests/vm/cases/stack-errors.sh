# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 400
# set: full
#
# md and LVM on bad disks, with dm-remap below and above them: a side of a mirror that would be thrown out
# stays, md mends by itself what one side cannot read, and what comes through from below is recovered.

export MDADM_NO_UDEV=1

mirror() {
    # The oldest format has no list of bad blocks: a side with an error is thrown out.
    mdadm -q --create /dev/md0 --run --level=1 --raid-devices=2 --metadata="${FORMAT:-0.90}" --assume-clean "$@" \
        </dev/null 2>mdadm.log
}

# sides - "in_sync in_sync" when none was thrown out.
sides() { cat /sys/block/md0/md/rd[01]/state 2>/dev/null | paste -sd ' '; }

# bad_disk NAME DEVICE FIRST COUNT - NAME is DEVICE with bad sectors.
bad_disk() {
    local table=("0 $3 linear $2 0" "$3 $4 error" "$(($3 + $4)) $(($(sectors "$2") - $3 - $4)) linear $2 $(($3 + $4))")
    if [[ -e /dev/mapper/$1 ]]; then replace_table "$1" "${table[@]}"; else mkdm "$1" "${table[@]}"; fi
}

# mapped NAME - where remaps are, and how many sectors.
mapped() {
    list_all "$1" | awk 'NR == 1 || $1 < from { from = $1 } $1 + $3 > to { to = $1 + $3 } { n += $3 }
        END { print from, "to", to ",", n }'
}

# full_check - md reads all of both sides, and mends what cannot be read with what the other side has.
full_check() {
    echo "$1" >/sys/block/md0/md/sync_action
    wait_for 120 grep -q idle /sys/block/md0/md/sync_action || fail "md's $1 does not end"
}

mirror_above() {
    mklinear bad "$MAIN"
    mkremap live /dev/mapper/bad "$SPARE"
    mirror /dev/mapper/live "$MAIN2"
    check "stamps on the mirror" vm-test-sectors stamp /dev/md0 0 65536 1
    bad_disk bad "$MAIN" 20000 64
    check "writes, some to bad sectors" vm-test-sectors stamp /dev/md0 16384 8192 2
    eq "both sides are in" "$(sides)" 'in_sync in_sync'
    eq "mapped, pending" "$(field live mapped) $(field live pending)" '64 0'
    # Now where it has content. md reads both sides, and writes what one cannot give.
    bad_disk bad "$MAIN" 40000 16
    full_check check
    eq "both sides are in" "$(sides)" 'in_sync in_sync'
    eq "mapped, pending" "$(field live mapped) $(field live pending)" '80 0'
    full_check check
    eq "sectors in which both sides differ" "$(</sys/block/md0/md/mismatch_cnt)" 0
    check "old and new" vm-test-sectors check /dev/md0 16384 8192 2
    check "and old" vm-test-sectors check /dev/md0 24576 40960 1
    mdadm -q --stop /dev/md0
    check "what the side alone has" vm-test-sectors check /dev/mapper/live 24576 40960 1
    dmsetup remove --retry live
    thrown_out
}

# The same without dm-remap.
thrown_out() {
    bad_disk bad "$MAIN" 20000 64
    mdadm --zero-superblock /dev/mapper/bad "$MAIN2"
    mirror /dev/mapper/bad "$MAIN2"
    check "writes to the mirror" vm-test-sectors stamp /dev/md0 16384 8192 3
    eq "the bad side is out" "$(sides)" in_sync
    mdadm -q --stop /dev/md0
    mdadm --zero-superblock "$MAIN2"
    dmsetup remove --retry bad
}

# below FORMAT FIRST - dm-remap over a mirror of this format, whose second side is bad from FIRST on, 64
# sectors each, the other one from sector 20000 on.
below() {
    wipe "$SPARE"
    mklinear bad "$MAIN"
    mklinear other "$MAIN2"
    FORMAT=$1 mirror /dev/mapper/bad /dev/mapper/other
    OFFSET=$(</sys/block/md0/md/rd0/offset)
    mkremap live /dev/md0 "$SPARE"
    check "stamps" vm-test-sectors stamp /dev/mapper/live 0 40960 1
    bad_disk bad "$MAIN" 20000 64
    check "writes, some to sectors that one side refuses" vm-test-sectors stamp /dev/mapper/live 16384 8192 2
    eq "mapped" "$(field live mapped)" 0
    bad_disk other "$MAIN2" "$2" 64
}

below_ends() {
    dmsetup remove --retry live
    mdadm -q --stop /dev/md0
    dmsetup remove --retry bad
    dmsetup remove --retry other
    wipe "$MAIN"
    wipe "$MAIN2"
}

# With a list of bad sectors for each side only what neither takes comes through.
mirror_below() {
    below 1.2 20032
    check "writes, some to sectors that both sides refuse" vm-test-sectors stamp /dev/mapper/live 16384 8192 3
    matches "both sides are in: $(sides)" "$(sides)" '^in_sync[^ ]* in_sync[^ ]*$'
    eq "mapped" "$(mapped live)" "$((20032 - OFFSET)) to $((20064 - OFFSET)), 32"
    check "all reads back" vm-test-sectors check /dev/mapper/live 16384 8192 3
    dmsetup remove --retry live
    mkremap live /dev/md0 "$SPARE"
    check "and when made again" vm-test-sectors check /dev/mapper/live 16384 8192 3
    check "with what is beside" vm-test-sectors check /dev/mapper/live 0 16384 1
    below_ends
}

# Without one, md takes no write at all once its last side has refused one: a disk that has become
# read-only, which is no bad sector.
mirror_read_only() {
    below 0.90 30000
    eq "one side is in" "$(sides)" in_sync
    expect_fail "writes, some to sectors that the last side refuses" vm-test-sectors stamp /dev/mapper/live 28672 4096 2
    eq "the verdict" "$(stat_value live verdict health)" read_only
    eq "mapped, pending" "$(field live mapped) $(field live pending)" '8 0'
    below_ends
}

# volume DEVICE - a logical volume there, as bench-data.
volume() {
    lvm_looks_at "^$1\$"
    lvm_do vgcreate bench "$1"
    lvm_do lvcreate -y -L 48M -n data bench "$1"
}

# The first extent of a volume is 1 MiB into its disk.
volume_above() {
    wipe "$SPARE"
    mklinear bad "$MAIN"
    mkremap live /dev/mapper/bad "$SPARE"
    volume /dev/mapper/live
    bad_disk bad "$MAIN" 20000 64
    verify_begin above /dev/mapper/bench-data 0 --size=24M
    verify_end above
    eq "mapped, write errors" "$(field live mapped) $(field live write_errors)" '64 0'
    lvm_do vgremove -ff -y bench
    dmsetup remove --retry live
    wipefs -qa /dev/mapper/bad
}

volume_below() {
    wipe "$SPARE"
    volume /dev/mapper/bad
    expect_fail "a write to the volume" vm-test-sectors stamp /dev/mapper/bench-data 16384 8192 1
    mkremap live /dev/mapper/bench-data "$SPARE"
    verify_begin below /dev/mapper/live 0 --size=24M
    verify_end below
    eq "mapped" "$(mapped live)" "$((20000 - 2048)) to $((20064 - 2048)), 64"
    dmsetup remove --retry live
    lvm_do vgremove -ff -y bench
}

modprobe raid1
echo 200000 >/proc/sys/dev/raid/speed_limit_min
mkloop MAIN 64M
mkloop SPARE 64M
mkloop MAIN2 64M
mirror_above
mirror_below
mirror_read_only
volume_above
volume_below
