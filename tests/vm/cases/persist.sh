# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 240
#
# Remaps that are still there: after remove and create, reload, and with a site or a whole copy of the
# metadata gone.

# again [FEATURE...] - takes the device away and makes it again.
again() {
    dmsetup remove r
    mkremap r "$MAIN" "$SPARE" "$@"
}

# place FIELD - a position from the superblock of the head site, in sectors (FORMAT.md: regions).
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
    msg_ok r add_remap 19000 500000 100
    msg_ok r remove_remap 19020 10
    msg_ok r add_remap 50000 600000 100 nocopy
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

# Each with zeros and with garbage.
damage() {
    local with head=0 middle tail
    middle=$(place 7)
    tail=$(($(sectors "$SPARE") / 8 * 8 - 16))
    for with in /dev/zero /dev/urandom; do
        dmsetup remove r
        destroy "$head" "$(place 6)" "$with"
        mkremap r "$MAIN" "$SPARE"
        same "the whole head overwritten from $with"
        dmsetup remove r
        destroy "$tail" 16 "$with"
        mkremap r "$MAIN" "$SPARE"
        same "the tail site from $with"
        dmsetup remove r
        destroy "$middle" 16 "$with"
        mkremap r "$MAIN" "$SPARE"
        same "the middle site from $with"
    done
}

too_much() {
    local middle tail
    middle=$(place 7)
    tail=$(($(sectors "$SPARE") / 8 * 8 - 16))
    dmsetup remove r
    dd if="$SPARE" of=kept bs=512 count=16 status=none
    destroy 0 16 /dev/zero
    dd if="$SPARE" of=kept-tail bs=512 skip="$tail" count=16 status=none
    destroy "$tail" 16 /dev/zero
    expect_fail "head and tail site gone: refused" mkremap r "$MAIN" "$SPARE"
    expect_fail "nor formatted when that is permitted" mkremap r "$MAIN" "$SPARE" format
    check "the middle still names the set" grep -qa dm-remap <(dd if="$SPARE" bs=512 skip="$middle" count=16 status=none)
    dd if=kept of="$SPARE" conv=notrunc status=none
    dd if=kept-tail of="$SPARE" bs=512 seek="$tail" conv=notrunc status=none
    mkremap r "$MAIN" "$SPARE"
    same "put back"
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
mkloop SPARE 500M
fill
clean_restarts
damage
too_much
clock_set_back
