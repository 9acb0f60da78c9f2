# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 240
#
# When main is gone, or takes no writes at all, its sectors are not bad: nothing is remapped for it,
# and nothing is left behind.

write_at() { dd if=/dev/zero of=/dev/mapper/r bs=4096 seek="$1" count=1 oflag=direct conv=nocreat,notrunc status=none; }
read_at() { dd if=/dev/mapper/r of=/dev/null bs=4096 skip="$1" count=1 iflag=direct status=none; }

# nothing_left VERDICT
nothing_left() {
    eq "the verdict" "$(stat_value r verdict health)" "$1"
    eq "mapped, pending and lost" "$(field r mapped) $(field r pending) $(field r lost)" '0 0 0'
    eq "spare in use" "$(field r spare | cut -d/ -f1)" 0
    replace_table main "0 $TOTAL linear $MAIN 0"
    check "main is back: its content" vm-test-sectors check /dev/mapper/r 0 8192 1
}

whole_device_gone() {
    replace_table main "0 $TOTAL error"
    expect_fail "a write" write_at 10
    expect_fail "a read" read_at 20
    nothing_left device
}

flakey_down() {
    replace_table main "0 $TOTAL flakey $MAIN 0 0 3600"
    expect_fail "a write" write_at 10
    expect_fail "a read" read_at 20
    nothing_left device
}

# Reads work, so it is no device that is gone; the first block may be a bad one, the second is not.
read_only() {
    local i failed=0
    replace_table main "0 $TOTAL flakey $MAIN 0 0 3600 1 error_writes"
    for i in {100..149}; do
        write_at $((i * 2)) 2>/dev/null || failed=$((failed + 1))
    done
    eq "writes that failed" $failed 49
    eq "mapped sectors" "$(field r mapped)" 8
    eq "the verdict" "$(stat_value r verdict health)" read_only
    replace_table main "0 $TOTAL linear $MAIN 0"
    check "a write, when it takes them again" write_at 400
    check "what was not written" vm-test-sectors check /dev/mapper/r 0 1600 1
    msg_ok r remove_remap 1600
}

# The same, but with many blocks in one write, and many writes under way.
read_only_at_once() {
    local used
    replace_table main "0 $TOTAL flakey $MAIN 0 0 3600 1 error_writes"
    expect_fail "one write of 1 MiB" \
        dd if=/dev/zero of=/dev/mapper/r bs=1M seek=1 count=1 oflag=direct conv=nocreat,notrunc status=none
    used=$(field r spare | cut -d/ -f1)
    echo "  spare sectors in use after a write of 1 MiB: $used"
    ((used <= 8)) || fail "a write of 1 MiB took $used sectors of the spare"
    check "32 writes at a time" fio --name=many --filename=/dev/mapper/r --direct=1 --ioengine=libaio \
        --iodepth=32 --bs=4k --rw=randwrite --offset=2M --size=1M --continue_on_error=write \
        --output-format=json --output=many.0.json
    eq "of which failed" "$(fio_json many | jq -r '.jobs[0] | "\(.total_err) \(.write.total_ios)"')" '256 256'
    echo "  spare sectors in use after 256 more, 32 at a time: $(field r spare | cut -d/ -f1)"
    eq "they took no more" "$(field r spare | cut -d/ -f1)" "$used"
    eq "pending and lost" "$(field r pending) $(field r lost)" '0 0'
    eq "the verdict" "$(stat_value r verdict health)" read_only
    replace_table main "0 $TOTAL linear $MAIN 0"
    check "a write, when it takes them again" write_at 400
    check "what was not written" vm-test-sectors check /dev/mapper/r 4096 4096 1
    msg_ok r clear_all
}

# More bad blocks than the table allows in its window, in which there were two remaps already.
budget() {
    local i failed=0
    replace_table main "0 8000 linear $MAIN 0" '8000 160 error' "8160 $((TOTAL - 8160)) linear $MAIN 8160"
    replace_table r "0 $TOTAL dm-remap /dev/mapper/main $SPARE 2 budget 7/3600"
    for i in {0..9}; do
        write_at 500
        write_at $((1000 + i)) 2>/dev/null || failed=$((failed + 1))
    done
    eq "writes that failed" $failed 5
    eq "mapped sectors" "$(field r mapped)" 40
    eq "the verdict" "$(stat_value r verdict health)" budget
    eq "the budget in use" "$(stat_value r budget_used health)" 7
}

on_write_error_fail() {
    replace_table r "0 $TOTAL dm-remap /dev/mapper/main $SPARE 2 on_write_error fail"
    expect_fail "a write to a bad block" write_at 1010
    eq "mapped sectors" "$(field r mapped)" 40
}

scratch MAIN 0
scratch SPARE 1
TOTAL=$(sectors "$MAIN")
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 8192 1
mklinear main "$MAIN"
mkremap r /dev/mapper/main "$SPARE"
whole_device_gone
flakey_down
read_only
read_only_at_once
budget
on_write_error_fail
