# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 600
#
# One life of a machine whose power will be cut (tests/crash): checks that all that was acknowledged
# before the last cut is there, then works until it is cut. Main and spare are the first two scratch
# disks, which outlive the machine; the third holds the books, each line synced before the next
# thing is begun:
#
#     try MESSAGE       about to be sent; may or may not have happened
#     map MAIN LENGTH   acknowledged; also unmap
#     file NAME SUM     written and synced

# note LINE - into the books.
note() {
    echo "$*" >>books/log
    sync -f books/log
}

try() {
    note "try $*"
    msg_ok cut "$@"
}

begin() {
    mkfs.ext4 -qF "$BOOKS"
    mnt "$BOOKS" books
    mkremap cut "$MAIN" "$SPARE"
    note "set $(stat_value cut set)"
    mkfs.ext4 -qF /dev/mapper/cut
    sync
    mnt /dev/mapper/cut data
}

# What is mapped, a line MAIN LENGTH for each stretch of main, wherever its parts are on the spare.
ranges() {
    local from=0
    while [[ $from ]]; do
        msg cut list "$from"
        awk 'NF == 4 { print $1, $3 }' <<<"$REPLY_TEXT"
        from=$(awk '$1 == "next" { print $2 }' <<<"$REPLY_TEXT")
    done | awk '$1 == end { end += $2; next }
                end { print main, end - main }
                { main = $1; end = $1 + $2 }
                END { if (end) print main, end - main }'
}

# expected - the lines of the books that must be in the list: the last word about each range, unless
# something about it was tried and not finished.
expected() {
    awk '$1 == "try" { doubt = $3 }
         $1 == "map" { state[$2] = $3; doubt = "" }
         $1 == "unmap" { delete state[$2]; doubt = "" }
         END { for (main in state) if (main != doubt) print main, state[main] }' books/log | sort -n
}

# A range that the books know as unmapped and nothing in doubt is not in the list.
unexpected() {
    awk 'FNR == NR { if ($1 == "try") doubt = $3
                     if ($1 == "map") known[$2] = 1
                     if ($1 == "unmap") delete known[$2]
                     if ($1 != "try") doubt = $1 == "file" ? doubt : ""
                     next }
         !($1 in known) && $1 != doubt { print }' books/log "$1"
}

look() {
    local uuid name sum
    mnt "$BOOKS" books
    uuid=$(awk '$1 == "set" { print $2 }' books/log)
    if command -v dmremap >/dev/null && dmremap check --help >/dev/null 2>&1; then
        check "dmremap check finds nothing that matters" dmremap check "$SPARE"
    fi
    check "the set is served" mkremap cut "$MAIN" "$SPARE" set "$uuid"
    ranges >present
    expected >wanted
    eq "acknowledged remaps that are gone" "$(comm -23 <(sort wanted) <(sort present))" ''
    eq "remaps that were taken away" "$(unexpected present)" ''
    mnt /dev/mapper/cut data
    while read -r _ name sum; do
        eq "$name" "$(sha256sum <"data/$name" | cut -d' ' -f1)" "$sum"
    done < <(awk '$1 == "file" { last[$2] = $0 } END { for (name in last) print last[name] }' books/log)
    pass "$(wc -l <wanted) remaps and $(grep -c '^file' books/log) files of $(wc -l <books/log) lines"
    umount data
    check "fsck is clean" e2fsck -fn /dev/mapper/cut
    mnt /dev/mapper/cut data
    note "looked"
}

# Slots of 4096 sectors: of each slot the first sectors come and go.
work() {
    local slots slot at length name
    slots=$(($(sectors "$MAIN") / 4096))
    while :; do
        slot=$((RANDOM % slots))
        at=$((slot * 4096))
        length=$(awk -v at="$at" '$1 == "map" && $2 == at { n = $3 } $1 == "unmap" && $2 == at { n = "" } END { print n }' books/log)
        if [[ $length ]]; then
            try remove_remap "$at" "$length"
            note "unmap $at"
        else
            length=$((8 + RANDOM % 2500))
            try relocate "$at" "$length"
            note "map $at $length"
        fi
        ((RANDOM % 3)) && continue
        name=$((RANDOM % 20))
        head -c $((RANDOM * 16)) /dev/urandom >new
        cp new "data/$name.new"
        sync -f "data/$name.new"
        mv "data/$name.new" "data/$name"
        sync "data/$name"
        sync -f data
        note "file $name $(sha256sum <new | cut -d' ' -f1)"
    done
}

MAIN=$("$GUEST_DIR/disk" scratch0)
SPARE=$("$GUEST_DIR/disk" scratch1)
BOOKS=$("$GUEST_DIR/disk" scratch2)
mkdir -p books data
if blkid "$BOOKS" >/dev/null; then look; else begin; fi
echo "WORKING"
[[ ${DMREMAP_LAST:-} != yes ]] || exit 0
fio --name=load --directory=data --size=32M --rw=randwrite --bs=4k --direct=1 --ioengine=libaio \
    --iodepth=16 --time_based --runtime=3600 --output=/dev/null &
work
