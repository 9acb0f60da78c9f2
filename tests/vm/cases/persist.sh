# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 480
#
# Remaps that are still there: after remove and create, reload, and with a site or a whole copy of the
# metadata gone.

# again [FEATURE...] - takes the device away and makes it again.
again() {
    dmsetup remove r
    mkremap r "$MAIN" "$SPARE" "$@"
}

# place NUMBER - a position from the superblock of the head site, in sectors (FORMAT.md: regions).
place() { od -An -tu8 -j $((408 + 8 * $1)) -N 8 "$SPARE" | tr -d ' '; }

# destroy FROM SECTORS WITH - overwrites a part of the spare.
destroy() { dd if="$3" of="$SPARE" seek="$1" count="$2" bs=512 conv=notrunc oflag=direct status=none; }

# same LABEL - mappings and content are what they were.
same() {
    msg r list
    eq "$1: the list" "$REPLY_TEXT" "$LIST"
    check "$1: the content" vm-test-sectors check /dev/mapper/r 0 20000 2
}

fill() {
    local i
    check "stamps" vm-test-sectors stamp "$MAIN" 0 20000 1
    mkremap r "$MAIN" "$SPARE"
    for ((i = 0; i < 300; i++)); do msg_ok r relocate $((i * 60)) 7; done
    msg_ok r add_remap 19000 50000 100
    msg_ok r remove_remap 19020 10
    msg_ok r add_remap 50000 60000 100 nocopy
    check "new content" vm-test-sectors stamp /dev/mapper/r 0 20000 2
    msg r list
    LIST=$REPLY_TEXT
    UUID=$(stat_value r set)
}

clean_restarts() {
    again
    same "made again"
    eq "lost sectors stay lost" "$(field r lost)" 100
    check "a write gives them a content" vm-test-sectors stamp /dev/mapper/r 50000 100 7
    again set "$UUID"
    eq "which stays" "$(field r lost)" 0
    check "and is what was written" vm-test-sectors check /dev/mapper/r 50000 100 7
    msg_ok r remove_remap 50000
    msg r list
    LIST=$REPLY_TEXT
    again
    same "without it"
    msg_ok r sync
    eq "the journal is empty after sync" "$(stat_value r journal_used)" 0
    again
    same "from a checkpoint"
    dmsetup suspend r
    dmsetup reload r --table "$(dmsetup table r)"
    dmsetup resume r
    same "reloaded"
}

# The parts of the metadata, each FROM and SECTORS.
parts() {
    local sectors
    sectors=$(sectors "$SPARE")
    HEAD=(0 "$(place 6)")
    MIDDLE=("$(place 7)" 16)
    TAIL=("$(place 8)" $((sectors / 8 * 8 - $(place 8))))
    HEAD_SITE=(0 16)
    TAIL_SITE=($((sectors / 8 * 8 - 16)) 16)
}

# Each with zeros and with garbage.
damage() {
    local with
    for with in /dev/zero /dev/urandom; do
        dmsetup remove r
        destroy "${HEAD[@]}" "$with"
        mkremap r "$MAIN" "$SPARE"
        same "the whole head overwritten from $with"
        dmsetup remove r
        destroy "${TAIL[@]}" "$with"
        mkremap r "$MAIN" "$SPARE"
        same "the whole tail from $with"
        dmsetup remove r
        destroy "${MIDDLE[@]}" "$with"
        mkremap r "$MAIN" "$SPARE"
        same "the middle site from $with"
    done
}

# refused LABEL - the set, not even as one that may be formatted, and nothing is written to the spare.
refused() {
    local before
    before=$(cold_hash "$SPARE")
    expect_fail "$1: refused" mkremap r "$MAIN" "$SPARE"
    expect_fail "$1: nor formatted when that is permitted" mkremap r "$MAIN" "$SPARE" format
    eq "$1: the spare as it was" "$(cold_hash "$SPARE")" "$before"
}

too_much() {
    local with
    for with in /dev/zero /dev/urandom; do
        dmsetup remove r
        cp --sparse=always SPARE.img kept.img
        destroy "${HEAD_SITE[@]}" "$with"
        destroy "${TAIL_SITE[@]}" "$with"
        refused "head and tail site overwritten from $with"
        check "the middle still names the set" grep -qa dm-remap <(dd if="$SPARE" bs=512 skip="${MIDDLE[0]}" count=16 status=none)
        put_back
        dmsetup remove r
        cp --sparse=always SPARE.img kept.img
        destroy "${HEAD[@]}" "$with"
        destroy "${MIDDLE[@]}" "$with"
        refused "the whole head and the middle site from $with"
        put_back
    done
}

put_back() {
    local part
    for part in "${HEAD[*]}" "${MIDDLE[*]}" "${TAIL[*]}"; do
        # shellcheck disable=SC2086 # two numbers
        copy_back $part
    done
    mkremap r "$MAIN" "$SPARE"
    same "put back"
}

# copy_back FROM SECTORS
copy_back() { dd if=kept.img of="$SPARE" bs=512 skip="$1" seek="$1" count="$2" conv=notrunc,fsync status=none; }

# A disk in somebody's use, given by mistake.
foreign() {
    local before
    mkloop FOREIGN 64M
    mkfs.ext4 -qF "$FOREIGN"
    mnt "$FOREIGN" theirs
    cp -r /usr/lib/x86_64-linux-gnu/perl-base theirs/
    umount theirs
    before=$(cold_hash "$FOREIGN")
    expect_fail "a spare full of someone's ext4: refused" mkremap other "$MAIN" "$FOREIGN"
    logged "which says why" 'dm-remap: .*(blank|foreign|not)'
    expect_fail "nor as the set that it is not" mkremap other "$MAIN" "$FOREIGN" set "$UUID"
    eq "the ext4 as it was" "$(cold_hash "$FOREIGN")" "$before"
    check "fsck of it" e2fsck -fn "$FOREIGN"
}

# The wall clock plays no role. It is put right again, for whoever measures time by it.
clock_set_back() {
    local now began
    now=$(date +%s)
    began=$(cut -d. -f1 /proc/uptime)
    date -s "@$((now - 365 * 86400))" >/dev/null
    again
    same "with the clock a year back"
    date -s "@$((now + $(cut -d. -f1 /proc/uptime) - began))" >/dev/null
}

mkloop MAIN 100M
mkloop SPARE 64M
fill
clean_restarts
parts
damage
too_much
clock_set_back
dmsetup remove r
foreign
