# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 1800
#
# The metadata of a set, closed or in use, is damaged in a hundred ways (programs/mutate.cc), and each
# is given to the kernel: it refuses with a sentence, or everything that is read is right. What
# `dmremap check` says of the same spare is what the kernel does; a forged one has the table that `dump` has.

MUTANTS=${DMREMAP_MUTANTS:-$(longer 100)}

# stamp FROM SECTORS GENERATION
stamp() { vm-test-sectors stamp /dev/mapper/m "$1" "$2" "$3"; }

# Sectors 0 to 9999 become generation 2, some on the spare and some on main; main keeps generation 1 under
# each remap.
make_set() {
    local i
    check "stamps" vm-test-sectors stamp "$MAIN" 0 20000 1
    mkremap m "$MAIN" "$SPARE"
    for ((i = 0; i < 60; i++)); do echo "relocate $((i * 300)) $((i * 7 % 100 + 1))"; done |
        vm-test-message -q m >/dev/null
    msg_ok m sync
    cp --sparse=never SPARE.img old.img
    for ((i = 0; i < 60; i++)); do echo "relocate $((i * 300 + 130)) $((i * 11 % 100 + 1))"; done |
        vm-test-message -q m >/dev/null
    msg_ok m sync
    for ((i = 0; i < 60; i += 3)); do
        echo "remove_remap $((i * 300)) $((i * 7 % 100 + 1))"
        echo "relocate $((i * 300 + 250)) 9"
    done | vm-test-message -q m >/dev/null
    check "new content" stamp 0 10000 2
    cp --sparse=never SPARE.img open.img
    extents >wanted
    (($(wc -l <wanted) > 100)) || fail "there are only $(wc -l <wanted) extents"
    dmsetup remove m
    cp --sparse=never SPARE.img closed.img
}

extents() { list_all m | awk '$4 == "active" || $4 == "lost"'; }

# What the tools say of the spare, loads or refuses, in OPINION; of a forged one also its extents.
ask_the_tools() {
    local status=0
    dmremap check --main "$MAIN" "$SPARE" >checked 2>&1 || status=$?
    ((status < 128)) || { cat checked; fail "dmremap check died"; }
    OPINION=loads
    if grep -q '^refused' checked || ((status == 8)); then OPINION=refuses; fi
    [[ $OPINION == refuses || $WHAT != forged:* ]] ||
        dmremap dump --json "$SPARE" | jq -r '.extents[] | select(.state != "pending") | "\(.main) \(.spare) \(.length) \(.state)"' >dumped
}

# The content that may be read is the one that was written, in every sector.
right_content() {
    vm-test-sectors check /dev/mapper/m 0 10000 2 && vm-test-sectors check /dev/mapper/m 10000 10000 1
}

# joined - lines of extents, those joined that follow each other on both sides.
joined() {
    awk '$1 == main + n && $2 == place + n && $4 == state { n += $3; next }
         n { print main, place, n, state }
         { main = $1; place = $2; n = $3; state = $4 }
         END { if (n) print main, place, n, state }'
}

# judge PROMISE - the kernel's answer to this spare.
judge() {
    local promise=$1
    klog_mark "bench: mutant"
    if ! mkremap m "$MAIN" "$SPARE" 2>refusal; then
        klog_since "bench: mutant" | grep -E 'device-mapper: table: .*dm-remap: .{10}' >sentence ||
            fail "refused without a sentence"
        [[ $promise != served ]] || { cat sentence checked; fail "refused, which must be served"; }
        [[ $OPINION == refuses ]] || { cat sentence checked; fail "the kernel refuses what dmremap check would load"; }
        REFUSED=$((REFUSED + 1))
        return
    fi
    [[ $OPINION == loads ]] || { cat checked; fail "the kernel loads what dmremap check refuses"; }
    extents >now
    if [[ $promise != forged ]]; then
        right_content || fail "wrong data"
        cmp wanted now || fail "the table is another one"
    else
        diff <(joined <dumped) <(joined <now) || fail "the kernel's table is not the one of dmremap dump"
        dd if=/dev/mapper/m of=/dev/null bs=64k iflag=direct conv=noerror status=none 2>/dev/null || true
    fi
    dmsetup remove m
    SERVED=$((SERVED + 1))
}

# A set that loaded was mended: nothing is left to find.
look_again() {
    [[ $OPINION == loads ]] || return 0
    dmremap check --main "$MAIN" "$SPARE" >checked 2>&1 || { cat checked; fail "dmremap check finds something after a start"; }
}

mutant() {
    local base=closed
    ((SEED % 2)) || base=open
    dd if="$base.img" of="$SPARE" bs=1M oflag=direct status=none
    WHAT=$(vm-test-mutate "$SPARE" old.img "$SEED")
    blockdev --flushbufs "$SPARE"
    echo "  $SEED, $base: $WHAT"
    ask_the_tools
    judge "${WHAT%%:*}"
    look_again
}

mkloop MAIN 16M
mkloop SPARE 8M
make_set
FIRST=${DMREMAP_SEED:-$((RANDOM * 1000))}
SERVED=0 REFUSED=0
for ((SEED = FIRST; SEED < FIRST + MUTANTS; SEED++)); do mutant; done
pass "$MUTANTS mutants from seed $FIRST: $SERVED served and right, $REFUSED refused"
((SERVED > MUTANTS / 4)) || fail "hardly one was served"
