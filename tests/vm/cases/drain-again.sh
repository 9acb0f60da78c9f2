# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 120
#
# A message that was killed while it waited for a write on its way leaves that write counted: the
# next message for the range waits for it as the first did, and copies what it wrote.

# shellcheck disable=SC2329 # wait_for calls it
busy() { (($(stat_value r in_flight stats) > 0)); }
# shellcheck disable=SC2329 # wait_for calls it
ended() { ! running "$SENDER"; }

# waits_and_dies - a message for the range of the stuck write waits until it is killed.
waits_and_dies() {
    vm-test-message r relocate 1000 8 >waiting &
    SENDER=$!
    sleep 1
    check "the message waits, $1" running "$SENDER"
    kill -KILL "$SENDER"
    wait_for 10 ended || fail "the message cannot be killed"
    wait "$SENDER" || true
    eq "mapped after it was killed" "$(field r mapped)" 0
}

mkloop MAIN 64M
mkloop SPARE 64M
mklinear stuck "$MAIN"
mkremap r /dev/mapper/stuck "$SPARE"
check "stamps" vm-test-sectors stamp /dev/mapper/r 0 3000 1
dmsetup suspend --nolockfs --noflush stuck
vm-test-sectors stamp /dev/mapper/r 1000 8 2 &
WRITER=$!
wait_for 5 busy || fail "the write did not begin"
waits_and_dies "for the first time"
waits_and_dies "and again"
waits_and_dies "and a third time"
vm-test-message r relocate 1000 8 >last &
SENDER=$!
sleep 1
check "one that is not killed waits" running "$SENDER"
dmsetup resume stuck
wait "$WRITER"
wait "$SENDER"
matches "and succeeds" "$(<last)" '^0 '
eq "mapped" "$(field r mapped)" 8
check "with what the write wrote" vm-test-sectors check /dev/mapper/r 1000 8 2
check "beside the rest" vm-test-sectors check /dev/mapper/r 0 1000 1
