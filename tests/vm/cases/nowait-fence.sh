# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 180
#
# I/O that may not wait (RWF_NOWAIT) and meets a fence: it is told to try again at once, while I/O
# elsewhere goes on and I/O that may wait is held and then written.

SLOW=8 # seconds that each request to main takes

# write_at SECTOR [OPTION...] - 4 KiB, by one call.
write_at() {
    local sector=$1
    shift
    fio --name=one --filename=/dev/mapper/r --ioengine=pvsync2 --direct=1 --rw=write --bs=4k --size=4k \
        --offset=$((sector * 512)) "$@"
}

# shellcheck disable=SC2329 # wait_for calls it
fenced() { (($(stat_value r fences stats) > FENCES)); }

scratch SPARE 0
mknull slow memory_backed=1 size=64 irqmode=2 completion_nsec=$((SLOW * 1000000000))
mkremap r "$NULL_DISK" "$SPARE"
check "NOWAIT before there is a fence" write_at 1000 --nowait=1 --output=before.log
FENCES=$(stat_value r fences stats)
vm-test-sectors stamp /dev/mapper/r 1000 8 1 &
WRITER=$!
# shellcheck disable=SC2329 # wait_for calls it
busy() { (($(stat_value r in_flight stats) > 0)); }
wait_for 10 busy || fail "the write did not begin"
vm-test-message r relocate 1000 8 >moved &
SENDER=$!
wait_for 10 fenced || fail "the message did not begin"
expect_fail "NOWAIT in the fence" write_at 1000 --nowait=1 --output=in.log
check "the fence was still closed" running "$SENDER"
matches "says to try again" "$(cat in.log)$OUTPUT" 'temporarily unavailable|err=11'
check "NOWAIT elsewhere" write_at 3000 --nowait=1 --output=elsewhere.log
wait "$WRITER"
wait "$SENDER"
matches "the message" "$(<moved)" '^0 '
check "what was in flight" vm-test-sectors check /dev/mapper/r 1000 8 1
check "NOWAIT when the fence is open again" write_at 1000 --nowait=1 --output=after.log
eq "errors" "$(field r write_errors)" 0
