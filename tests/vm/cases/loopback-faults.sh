# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 420
#
# dm-remap-loopback-setup killed and failing at each system call that changes something: --cleanup, or
# the program itself, takes back all there is. And tables of very many segments.

LINEAR=/dev/mapper/dm-test-linear
RECORD=/run/dm-remap-loopback-setup/record

# bad_in_table - the sectors of all error segments that are loaded.
bad_in_table() { dmsetup table dm-test-linear | awk '$3 == "error" { for (i = 0; i < $2; i++) print $1 + i }'; }

# clean - nothing is there that a set-up makes.
clean() { [[ $(dmsetup ls) == 'No devices found' && -z $(losetup -ln -O NAME) && -z $(find . -name '*.img*') && ! -e $RECORD ]]; }

# inject CALL WHAT - a small set-up to whose system call CALL this happens; its status, and what was
# traced in `trace`.
inject() { strace -qq -o trace -e trace="$1" -e inject="$1:$2" dm-remap-loopback-setup -M 4M -S 2M -c 5 --seed 1 >output 2>&1; }

# A kill at each system call that changes something; --cleanup finds what there is.
killed_anywhere() {
    local call when status killed=0
    for call in ioctl rename linkat ftruncate fsync; do
        for ((when = 1; when < 100; when++)); do
            status=0
            { inject $call "signal=KILL:when=$when" || status=$?; } 2>/dev/null
            dm-remap-loopback-setup --cleanup >output 2>&1 || fail "cleanup after a kill at $call $when: $(<output)"
            clean || fail "left after a kill at $call $when: $(dmsetup ls; losetup -l; ls)"
            ((status != 0)) || break
            killed=$((killed + 1))
        done
    done
    pass "killed at $killed calls, and cleaned up"
    ((killed > 35)) || fail "that is not what was meant to be tested"
}

# An error at each of them; the program takes back what it has made. Where an error does no harm, as in
# asking whether there is a terminal, the set-up is made.
failed_anywhere() {
    local call when status refused=0
    for call in ioctl linkat ftruncate; do
        for ((when = 1; when < 100; when++)); do
            status=0
            inject $call "error=ENOMEM:when=$when" || status=$?
            ((status == 0)) || refused=$((refused + 1))
            ((status != 0)) || dm-remap-loopback-setup --cleanup >>output 2>&1
            clean || fail "left after an error at $call $when: $(<output) $(dmsetup ls; losetup -l; ls)"
            grep -q INJECTED trace || break
        done
    done
    pass "$refused errors, and all was taken back"
    ((refused > 15)) || fail "that is not what was meant to be tested"
    # It ends by the signal, but not before that.
    status=0
    { inject linkat signal=INT:when=2 || status=$?; } 2>/dev/null
    eq "status when interrupted" "$status" 130
    clean || fail "left after an interruption: $(dmsetup ls; losetup -l; ls)"
}

# milliseconds COMMAND... - how long it took.
milliseconds() {
    local began=${EPOCHREALTIME/./}
    "$@" >output
    echo $(((${EPOCHREALTIME/./} - began) / 1000))
}

very_many() {
    echo "  100000 bad sectors: $(milliseconds dm-remap-loopback-setup -M 1G -S 64M --sector-size 512 -c 100000 --seed 5) ms"
    eq "bad sectors" "$(bad_in_table | wc -l)" 100000
    echo "  segments: $(dmsetup table dm-test-linear | wc -l)"
    echo "  100000 more: $(milliseconds dm-remap-loopback-setup --add-bad-sectors -c 100000 --seed 6) ms"
    tail -n 1 output
    eq "bad sectors" "$(bad_in_table | wc -l)" 200000
    # A stretch is enough to see that they are where the table says.
    eq "exactly these fail" "$(vm-test-sectors errors "$LINEAR" 1000000 5000 | cut -d' ' -f1 | sha256sum)" \
        "$(bad_in_table | awk '$1 >= 1000000 && $1 < 1005000' | sha256sum)"
    dm-remap-loopback-setup --cleanup >/dev/null
    clean || fail "left after 200000 bad sectors: $(dmsetup ls; losetup -l; ls)"
}

killed_anywhere
failed_anywhere
very_many
