# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 400
#
# One set, served by the kernel and by `dmremap serve` by turns: extents, lost and pending sectors, and
# content are what the other one left, also after a kill.

serve_turn() { serve turn "$MAIN" "$SPARE" --device loop "$@"; }

# What both say of the set: extents, and how many sectors of each kind.
told_by_kernel() {
    msg r list
    LIST=$REPLY_TEXT
    KINDS="$(field r pending) $(field r lost)"
}
told_by_server() {
    SERVED_LIST=$(dmremap list turn | awk 'NR > 1 { print $1, $2, $3, $4 }')
    SERVED_KINDS=$(dmremap status turn | awk '
        $1 == "pending_sectors" { pending = $2 } $1 == "lost_sectors" { lost = $2 } END { print pending, lost }')
}

same_to_server() {
    told_by_server
    eq "$1: the list" "$SERVED_LIST" "$LIST"
    eq "$1: pending, lost" "$SERVED_KINDS" "$KINDS"
}

mkloop MAIN 64M
mkloop SPARE 64M
check "stamps" vm-test-sectors stamp "$MAIN" 0 20000 1
mkremap r "$MAIN" "$SPARE"
for ((i = 0; i < 100; i++)); do msg_ok r relocate $((i * 60)) 7; done
msg_ok r add_remap 30000 50000 64 nocopy
check "content" vm-test-sectors stamp /dev/mapper/r 0 20000 2
told_by_kernel
eq "lost sectors" "$(field r lost)" 64
dmsetup remove r

serve_turn
same_to_server "made by the kernel"
check "the content the kernel left" vm-test-sectors check "$PLACE" 0 20000 2
check "new content" vm-test-sectors stamp "$PLACE" 0 20000 3
check "a lost sector is written" vm-test-sectors stamp "$PLACE" 30000 32 3
check "served: relocate" dmremap relocate turn 40000 100
check "served: remove" dmremap del turn 60
end_serve

mkremap r "$MAIN" "$SPARE"
eq "extents" "$(field r extents)" 101
eq "lost sectors" "$(field r lost)" 32
check "the content the server left" vm-test-sectors check /dev/mapper/r 0 20000 3
check "and that of sectors that were lost" vm-test-sectors check /dev/mapper/r 30000 32 3
told_by_kernel
dmsetup remove r

# What the server moves by itself, and a kill.
serve_turn --fail-sectors 8000-8007,12000
check "bad sectors are written" vm-test-sectors stamp "$PLACE" 0 20000 4
check "and flushed" sync "$PLACE"
kill -9 "$SERVER"
wait "$SERVER" 2>/dev/null || true
losetup -d "$PLACE" 2>/dev/null || true
mkremap r "$MAIN" "$SPARE"
check "all of it is there" vm-test-sectors check /dev/mapper/r 0 20000 4
msg r list
check "what failed is on the spare" grep -qE '^(8000 [0-9]+ 8|12000 [0-9]+ [18]) active' <<<"$REPLY_TEXT"
told_by_kernel
dmsetup remove r
serve_turn
same_to_server "once more"
end_serve
