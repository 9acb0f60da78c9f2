# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 240
#
# A message waits for the writes that are on their way to its range, and for no others: with disks
# below that take long to write, or do not answer at all.

# slow DEVICE - a device over it that reads at once and writes after a second.
slow() { mkdm slow "0 $(sectors "$1") delay $1 0 0 $1 0 1000"; }

# On their way to main when their sectors move to the spare. The second write crosses a border of
# the classes by which I/O is counted.
on_their_way_to_main() {
    slow "$MAIN"
    mkremap r /dev/mapper/slow "$SPARE"
    write_during 'relocate 1000 100' 1000 2 1
    write_during 'relocate 16300 100' 16000 1024 2
    dmsetup remove r
    wipe "$SPARE"
    dmsetup remove slow
}

# On their way to the spare when their sectors go back to main.
on_their_way_to_the_spare() {
    # Formatted while it is fast: that is many writes, one after the other.
    mkremap r "$MAIN" "$SPARE"
    dmsetup remove r
    slow "$SPARE"
    mkremap r "$MAIN" /dev/mapper/slow
    msg_ok r relocate 1000 100
    msg_ok r relocate 16000 1024
    write_during 'remove_remap 1000' 1000 2 3
    write_during 'remove_remap 16300 100' 16000 1024 4
    dmsetup remove r
    dmsetup remove slow
}

# write_during MESSAGE FIRST SECTORS GENERATION
write_during() {
    local writer
    vm-test-sectors stamp /dev/mapper/r "$2" "$3" "$4" &
    writer=$!
    wait_for 5 busy || fail "the write did not begin"
    check "the write is still on its way" running "$writer"
    # shellcheck disable=SC2086 # words
    msg_ok r $1
    wait "$writer"
    check "a write that was in flight at '$1'" vm-test-sectors check /dev/mapper/r "$2" "$3" "$4"
}

# shellcheck disable=SC2329 # wait_for calls it
busy() { (($(stat_value r in_flight stats) > 0)); }

# The second half of main does not answer: a write there is stuck.
stuck_elsewhere() {
    local half=65536 writer
    mkloop FIRST 32M
    mkloop SECOND 32M
    mkloop PLACES 64M
    mklinear stuck "$SECOND"
    mkdm halves "0 $half linear $FIRST 0" "$half $half linear /dev/mapper/stuck 0"
    mkremap r /dev/mapper/halves "$PLACES"
    dmsetup suspend --nolockfs --noflush stuck
    vm-test-sectors stamp /dev/mapper/r $((half + 1000)) 8 5 &
    writer=$!
    wait_for 5 busy || fail "the write did not begin"
    msg_ok r relocate $((half / 2)) 2048
    eq "a range elsewhere does not wait for it" "$(field r mapped)" 2048
    check "it is still stuck" running "$writer"
    others_meanwhile $((half + 1000))
    suspend_meanwhile $((half + 1000)) 5000
    give_up $((half + 1000))
    dmsetup resume stuck
    wait "$writer"
    check "what was stuck was written" vm-test-sectors check /dev/mapper/r $((half + 1000)) 8 5
    msg_ok r relocate $((half + 1000)) 8
    check "and is copied now" vm-test-sectors check /dev/mapper/r $((half + 1000)) 8 5
}

# others_meanwhile SECTOR - while a message for that range waits, who only asks is answered, and
# another message waits where it can be killed.
others_meanwhile() {
    local sender second
    vm-test-message r relocate "$1" 8 >waiting &
    sender=$!
    sleep 1
    check "status is answered" timeout 10 vm-test-message -p r status
    check "so are stats" timeout 10 vm-test-message -p r stats
    check "and health" timeout 10 vm-test-message -p r health
    vm-test-message r list >second &
    second=$!
    sleep 1
    check "a listing waits" running "$second"
    kill -KILL "$second"
    # shellcheck disable=SC2329 # wait_for calls it
    second_ended() { ! running "$second"; }
    wait_for 5 second_ended || fail "a message that waits for another cannot be killed"
    kill -KILL "$sender"
    wait "$sender" "$second" || true
}

# suspend_meanwhile SECTOR ELSEWHERE - a suspend that begins ends a message that waits, and can
# itself be given up; then all goes on.
suspend_meanwhile() {
    local sender suspender
    vm-test-message -p r "relocate $1 8" >waiting &
    sender=$!
    sleep 1
    check "a message for that range waits" running "$sender"
    dmsetup suspend --nolockfs r &
    suspender=$!
    # shellcheck disable=SC2329 # wait_for calls it
    sender_ended() { ! running "$sender"; }
    wait_for 5 sender_ended || fail "a suspend does not end the message"
    wait "$sender" || true
    eq "it is refused with" "$(<waiting)" EINTR
    check "the suspend waits for the write" running "$suspender"
    kill -TERM "$suspender"
    # shellcheck disable=SC2329 # wait_for calls it
    suspender_ended() { ! running "$suspender"; }
    wait_for 10 suspender_ended || fail "the suspend cannot be given up"
    wait "$suspender" || true
    msg_ok r relocate "$2" 8
}

# give_up SECTOR - a message for the range that is stuck waits until someone kills it, and leaves
# nothing of itself: the fence is open again.
give_up() {
    local sender before
    before=$(field r mapped)
    vm-test-message r relocate "$1" 8 >waiting &
    sender=$!
    sleep 1
    check "a message for that range waits" running "$sender"
    kill -KILL "$sender"
    # shellcheck disable=SC2329 # wait_for calls it
    ended() { ! running "$sender"; }
    wait_for 10 ended || fail "the message cannot be killed"
    wait "$sender" || true
    eq "mapped after it was killed" "$(field r mapped)" "$before"
}

mkloop MAIN 64M
mkloop SPARE 64M
on_their_way_to_main
on_their_way_to_the_spare
stuck_elsewhere
