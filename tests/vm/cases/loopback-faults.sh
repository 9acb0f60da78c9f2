# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 600
#
# dm-remap-loopback-setup killed and failing at each system call that changes something. A set-up: --cleanup,
# or the program itself, takes back all there is. --add-bad-sectors: the table is the old or the new one, and
# nothing stays suspended. And tables of very many segments.

LINEAR=/dev/mapper/dm-test-linear
REMAP=/dev/mapper/dm-test-remap
RECORD=/run/dm-remap-loopback-setup/record

# bad_in_table - the sectors of all error segments that are loaded.
bad_in_table() { dmsetup table dm-test-linear | awk '$3 == "error" { for (i = 0; i < $2; i++) print $1 + i }'; }

# clean - nothing is there that a set-up makes.
clean() { [[ $(dmsetup ls) == 'No devices found' && -z $(losetup -ln -O NAME) && -z $(find . -name '*.img*') && ! -e $RECORD ]]; }

SET_UP=(-M 4M -S 2M -c 5 --seed 1)
ADD=(--add-bad-sectors -c 5 --seed 2)

# inject CALL WHAT OPTION... - to whose system call CALL this happens; its status, and what was traced in
# `trace`.
inject() {
    local call=$1 what=$2
    shift 2
    strace -qq -o trace -e trace="$call" -e inject="$call:$what" dm-remap-loopback-setup "$@" >output 2>&1
}

# told_of_memory STATUS - what a program did that was refused memory: 3, and a sentence.
told_of_memory() {
    [[ $1 == 3 && $(<output) =~ ^dm-remap-loopback-setup:\ .*:\ Cannot\ allocate\ memory$ ]] ||
        fail "refused memory at $2: status $1, $(<output); $(grep INJECTED trace)"
}

# A kill at each system call that changes something; --cleanup finds what there is.
killed_anywhere() {
    local call when status killed=0
    for call in ioctl rename linkat ftruncate fsync; do
        for ((when = 1; when < 100; when++)); do
            status=0
            { inject $call "signal=KILL:when=$when" "${SET_UP[@]}" || status=$?; } 2>/dev/null
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
            inject $call "error=ENOMEM:when=$when" "${SET_UP[@]}" || status=$?
            ((status == 0)) || { told_of_memory "$status" "$call $when"; refused=$((refused + 1)); }
            ((status != 0)) || dm-remap-loopback-setup --cleanup >>output 2>&1
            clean || fail "left after an error at $call $when: $(<output) $(dmsetup ls; losetup -l; ls)"
            grep -q INJECTED trace || break
        done
    done
    pass "$refused errors, and all was taken back"
    ((refused > 15)) || fail "that is not what was meant to be tested"
    # It ends by the signal, but not before that.
    status=0
    { inject linkat signal=INT:when=2 "${SET_UP[@]}" || status=$?; } 2>/dev/null
    eq "status when interrupted" "$status" 130
    clean || fail "left after an interruption: $(dmsetup ls; losetup -l; ls)"
}

# tables - of both devices.
tables() { dmsetup table dm-test-linear; dmsetup table dm-test-remap; }

# halfway - which of the two devices are suspended, or loaded with a table that is not in use.
halfway() { dmsetup info | awk '/^Name:/ { name = $2 } /^State: *SUSPENDED/ || /^Tables present: .*INACTIVE/ { print name ": " $0 }'; }

# made_for_adding - a set-up; its tables are OLD, those after --add-bad-sectors NEW.
made_for_adding() {
    dm-remap-loopback-setup "${SET_UP[@]}" >output
    OLD=$(tables)
    dm-remap-loopback-setup "${ADD[@]}" >output
    NEW=$(tables)
    [[ $NEW != "$OLD" ]] || fail "nothing was added"
    put_back
}

put_back() {
    dmsetup load dm-test-linear <<<"$(head -n -1 <<<"$OLD")"
    dmsetup resume dm-test-linear
    [[ $(tables) == "$OLD" ]] || fail "the table before cannot be had again"
}

# old_or_new WHEN - and I/O goes on.
old_or_new() {
    [[ ! $(halfway) =~ SUSPENDED ]] || fail "$1: left $(halfway)"
    [[ $(tables) == "$OLD" || $(tables) == "$NEW" ]] || fail "$1: neither the old nor the new tables: $(tables)"
    timeout 20 vm-test-sectors errors "$LINEAR" 0 8192 >failing || fail "$1: I/O below does not go on"
    [[ $(cut -d' ' -f1 failing) == "$(bad_in_table)" ]] || fail "$1: these sectors fail: $(<failing)"
    timeout 20 dd if=/dev/zero of="$REMAP" bs=4096 count=1 oflag=direct status=none || fail "$1: I/O does not go on"
}

# refused_until_quiet WHEN - who comes next changes nothing while there is something halfway.
refused_until_quiet() {
    local before status=0
    before=$(tables)
    timeout 20 dm-remap-loopback-setup "${ADD[@]}" >output 2>&1 || status=$?
    [[ $status == 5 && $(<output) =~ is\ (suspended|loaded\ with\ another\ table):\ somebody\ else ]] ||
        fail "$1, once more: status $status, $(<output)"
    [[ $(tables) == "$before" ]] || fail "$1, once more: it was refused and has changed the tables"
    SEEN+=" ${BASH_REMATCH[1]%% *}"
}

# Killed at each call: what the page says is enough to go on, 'dmsetup resume' of both.
adding_killed_and_resumed() {
    local call when status killed=0
    SEEN=
    made_for_adding
    for call in ioctl mlockall munlockall; do
        for ((when = 1; when < 100; when++)); do
            status=0
            { inject $call "signal=KILL:when=$when" "${ADD[@]}" || status=$?; } 2>/dev/null
            [[ -z $(halfway) ]] || refused_until_quiet "killed at $call $when"
            timeout 20 dmsetup resume dm-test-linear || fail "killed at $call $when: dm-test-linear is not resumed"
            timeout 20 dmsetup resume dm-test-remap || fail "killed at $call $when: dm-test-remap is not resumed"
            old_or_new "killed at $call $when"
            [[ -z $(halfway) ]] || fail "resumed after a kill at $call $when: left $(halfway)"
            [[ $(tables) == "$OLD" ]] || put_back
            ((status != 0)) || break
            killed=$((killed + 1))
        done
    done
    pass "adding was killed at $killed calls, and went on when resumed"
    for status in suspended loaded; do
        (($(grep -o "$status" <<<"$SEEN" | wc -l) > 1)) || fail "none was $status afterwards: that is not what was meant to be tested"
    done
    dm-remap-loopback-setup --cleanup >output
}

# --cleanup instead, first while the device is in use: it stays, but its I/O goes on.
adding_killed_and_cleaned_up() {
    local when status killed=0 held
    for ((when = 1; when < 100; when++)); do
        made_for_adding
        exec {held}<"$REMAP"
        status=0
        { inject ioctl "signal=KILL:when=$when" "${ADD[@]}" || status=$?; } 2>/dev/null
        expect_status 5 timeout 20 dm-remap-loopback-setup --cleanup
        old_or_new "cleaned up in use, after a kill at ioctl $when"
        exec {held}<&-
        expect_status 0 timeout 20 dm-remap-loopback-setup --cleanup
        clean || fail "left after a kill at ioctl $when: $(dmsetup ls; losetup -l; ls)"
        ((status != 0)) || break
        killed=$((killed + 1))
    done
    pass "adding was killed at $killed calls, and cleaned up"
    ((killed > 10)) || fail "that is not what was meant to be tested"
}

# expect_status STATUS COMMAND...
expect_status() {
    local wanted=$1 status=0
    shift
    "$@" >output 2>&1 || status=$?
    ((status == wanted)) || fail "status $status and not $wanted of $*: $(<output)"
}

# An error at each call. Until something is suspended, a failure changes nothing.
adding_failed_anywhere() {
    local call when status refused=0 early=0
    made_for_adding
    for call in ioctl mlockall munlockall; do
        for ((when = 1; when < 100; when++)); do
            status=0
            inject $call "error=ENOMEM:when=$when" "${ADD[@]}" || status=$?
            old_or_new "an error at $call $when"
            [[ -z $(halfway) ]] || fail "an error at $call $when: left $(halfway)"
            if ((status != 0)); then
                told_of_memory "$status" "$call $when"
                refused=$((refused + 1))
                grep -q 'DM_DEV_SUSPEND.*= 0' trace || {
                    early=$((early + 1))
                    [[ $(tables) == "$OLD" ]] || fail "an error at $call $when, before anything was suspended, and the tables are new"
                }
            else
                [[ $(tables) == "$NEW" ]] || fail "$call $when: status 0, and nothing was added"
            fi
            [[ $(tables) == "$OLD" ]] || put_back
            grep -q INJECTED trace || break
        done
    done
    pass "$refused errors while adding, $early of them before anything was suspended"
    ((early > 5 && refused > early + 2)) || fail "that is not what was meant to be tested"
    dm-remap-loopback-setup --cleanup >output
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

adding_killed_and_resumed
adding_killed_and_cleaned_up
adding_failed_anywhere
killed_anywhere
failed_anywhere
very_many
