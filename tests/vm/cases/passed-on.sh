# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 400
#
# One set, served by the kernel and by `dmremap serve` by turns: extents, lost and pending sectors, and
# content are what the other one left, also after a kill. Once more with two spares, that the kernel has filled,
# then the server. Neither takes what the other one has.

serve_turn() { serve turn "$MAIN" "${SPARES[@]}" --device loop "$@"; }

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

# ended STATUS PATTERN COMMAND... - with one sentence.
ended() {
    local wanted=$1 pattern=$2 status=0
    shift 2
    timeout 60 "$@" >said 2>&1 || status=$?
    [[ $status == "$wanted" && $(wc -l <said) == 1 ]] || fail "$*: status $status, not $wanted and one sentence: $(<said)"
    matches "status $wanted of: $*" "$(<said)" "$pattern"
}

# in_use DEVICE MAIN SPARE - these are not served, on account of DEVICE.
in_use() { ended 5 "^dmremap: $1 is in use: it is mounted, or belongs to " dmremap serve "$2" "$3" --name other --device none; }

taken_by_kernel() {
    in_use "$MAIN" "$MAIN" "$SPARE"
    in_use "$MAIN" "$MAIN" "$FREE"
    in_use "$SPARE" "$FREE" "$SPARE"
    check "mkfs" mkfs.ext4 -q "$FREE"
    mnt "$FREE" mnt
    in_use "$FREE" "$FREE" "$UNUSED"
    umount mnt
    wipe "$FREE"
}

taken_by_server() {
    expect_fail "a table over what is served" mkremap r "$MAIN" "$SPARE"
    logged "says so" 'the main device is in use'
    expect_fail "over its main" mkremap r "$MAIN" "$FREE"
    expect_fail "over its spare" mkremap r "$FREE" "$SPARE"
    logged "says so" 'the spare is in use'
    eq "mapped devices" "$(dmsetup ls)" 'No devices found'
    in_use "$MAIN" "$MAIN" "$FREE"
}

# As memory may be given back through it: nothing of it is swapped out, and no thread waits for such memory.
# 0x180000 is PF_MEMALLOC_NOIO and PF_LOCAL_THROTTLE, which PR_SET_IO_FLUSHER sets.
flushes_memory() {
    local thread
    check "its pages are locked" test "$(awk '$1 == "VmLck:" { print $2 }' "/proc/$SERVER/status")" -gt 0
    for thread in "/proc/$SERVER/task"/*; do
        (((0x180000 & $(sed 's/.*) //' "$thread/stat" | cut -d' ' -f7)) == 0x180000)) ||
            fail "the thread $(<"$thread/comm") may wait for memory: $(<"$thread/stat")"
    done
    pass "threads that flush: $(cat "/proc/$SERVER/task"/*/comm | sort | uniq -c | paste -sd ' ')"
}

mkloop MAIN 64M
mkloop SPARE 64M
mkloop FREE 64M
mkloop UNUSED 64M
SPARES=("$SPARE")
check "stamps" vm-test-sectors stamp "$MAIN" 0 20000 1
mkremap r "$MAIN" "$SPARE"
for ((i = 0; i < 100; i++)); do msg_ok r relocate $((i * 60)) 7; done
msg_ok r add_remap 30000 50000 64 nocopy
check "content" vm-test-sectors stamp /dev/mapper/r 0 20000 2
told_by_kernel
eq "lost sectors" "$(field r lost)" 64
taken_by_kernel
dmsetup remove r

serve_turn
same_to_server "made by the kernel"
taken_by_server
flushes_memory
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
ended 4 '/turn\.control: its server is gone$' dmremap status turn
ended 4 '/turn\.control: its server is gone$' dmremap remove turn
ended 4 '/turn\.control: its server is gone$' dmremap-status turn
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

# Two spares. Each turn names them in the other order.
wipe "$MAIN"
mkloop FIRST 16M
mkloop SECOND 16M
two_by_kernel() {
    mkdm r "0 $(sectors "$MAIN") dm-remap $MAIN $1 2 spare $2"
    TOTAL=$(stat_value r spare_total)
}
same_again() {
    same_to_server "$1"
    check "$1: content" vm-test-sectors check "$PLACE" 0 65536 "$2"
}
two_by_kernel "$FIRST" "$SECOND"
check "stamps" vm-test-sectors stamp /dev/mapper/r 0 65536 1
msg_ok r add_remap 70000 $((TOTAL - 100)) 16 nocopy
msg_ok r relocate 0 $((TOTAL - 2048))
matches "both spares are used" "$(stat_value r spare_used)" "^$((TOTAL - 2032))\$"
check "content on both" vm-test-sectors stamp /dev/mapper/r 0 65536 2
told_by_kernel
dmsetup remove r
SPARES=("$SECOND" "$FIRST")
serve_turn
same_again "filled by the kernel" 2
check "new content" vm-test-sectors stamp "$PLACE" 0 65536 3
check "served: remove" dmremap del turn 0 30000
check "served: relocate" dmremap relocate turn 64000 1000
check "flushed" sync "$PLACE"
kill -9 "$SERVER"
wait "$SERVER" 2>/dev/null || true
losetup -d "$PLACE" 2>/dev/null || true
two_by_kernel "$FIRST" "$SECOND"
check "the content the killed server left" vm-test-sectors check /dev/mapper/r 0 65536 3
eq "lost sectors" "$(field r lost)" 16
dmsetup remove r

wipe "$MAIN"
wipe "$FIRST"
wipe "$SECOND"
serve_turn
check "served: stamps" vm-test-sectors stamp "$PLACE" 0 65536 4
check "served: relocate to both" dmremap relocate turn 0 $((TOTAL - 2048))
check "served: new content" vm-test-sectors stamp "$PLACE" 0 65536 5
end_serve
two_by_kernel "$FIRST" "$SECOND"
check "what the server made and filled" vm-test-sectors check /dev/mapper/r 0 65536 5
eq "places" "$(stat_value r spare_used)" $((TOTAL - 2048))
told_by_kernel
dmsetup remove r
serve_turn
same_again "filled by the server" 5
end_serve
