# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 180
#
# Two devices at once, each with its own spare, do not touch each other; a spare or a main of one is
# refused to the other, in every role and with its sentence, while both are at work.

two_at_once() {
    mkremap one "$MAIN" "$SPARE"
    mkremap two "$MAIN2" "$SPARE2"
    churn_begin one
    churn_begin two
    verify_begin first /dev/mapper/one "$(spell 6)" --size=8M
    first=$FIO_PID
    verify_begin second /dev/mapper/two "$(spell 6)" --size=8M
    second=$FIO_PID
    sleep 1
    refused
    for FIO_PID in $first $second; do
        verify_end "$([[ $FIO_PID == "$first" ]] && echo first || echo second)"
    done
    churn_end one
    churn_end two
    healthy one
    healthy two
}

refused() {
    local line="0 65536 dm-remap"
    tables_refused "$FREE" <<END
EBUSY | dm-remap: the spare belongs to another mapped device | $line $FREE $SPARE
EBUSY | dm-remap: the spare is the main device of another mapped device | $line $FREE $MAIN
EBUSY | dm-remap: the main device belongs to another mapped device | $line $MAIN $FREE
EBUSY | dm-remap: the main device is a spare of another mapped device | $line $SPARE $FREE
EBUSY | dm-remap: .* another mapped device | $line $MAIN2 $SPARE
EBUSY | dm-remap: .* another mapped device | $line $SPARE $SPARE2
END
    # A device in use cannot be talked into the other's spare by a reload either.
    expect_fail "a reload onto the other's spare" dmsetup load two --table "0 $(sectors "$MAIN2") dm-remap $MAIN2 $SPARE"
    expect_fail "a reload onto the other's main" dmsetup load two --table "0 $(sectors "$MAIN") dm-remap $MAIN $SPARE2"
    logged "says why" 'dm-remap: (the spare|the main device) belongs to another mapped device'
}

# alias_refused ALIAS - the spare of `one` under a second name is refused to FREE, and `one` is
# unharmed: its remaps, its data, and what it writes.
alias_refused() {
    check "stamps" vm-test-sectors stamp /dev/mapper/one 0 2000 7
    msg_ok one add_remap 500 100 1000
    expect_fail "$1, which is the spare of a live device" dmsetup create four --table "0 65536 dm-remap $FREE $1"
    logged "says why" 'another mapped device uses set [0-9a-f-]{36}: the spare, or a copy of it, has a second name'
    expect_fail "the same, read-only" dmsetup create --readonly four --table "0 65536 dm-remap $FREE $1"
    check "its data" vm-test-sectors check /dev/mapper/one 0 2000 7
    msg_ok one sync
    msg_ok one clear_all
    eq "mode" "$(field one mode)" ok
}

# Blank when both tables are made: nothing tells them apart before the first has made its set.
both_blank() {
    wipe "$SPARE"
    # Not in use yet, so its table is made and not resumed.
    dmsetup create one --notable
    dmsetup load one --table "0 $(sectors "$MAIN") dm-remap $MAIN $SPARE"
    dmsetup create four --notable
    dmsetup load four --table "0 65536 dm-remap $FREE $1"
    dmsetup resume one
    expect_fail "$1, which was blank when its table was made" dmsetup resume four
    check "the first works on" vm-test-sectors stamp /dev/mapper/one 0 2000 8
    msg_ok one add_remap 500 100 1000
    dmsetup remove four
    dmsetup remove one
    dmsetup create one --table "0 $(sectors "$MAIN") dm-remap $MAIN $SPARE"
    eq "extents of the first after a load" "$(field one extents)" 1
    check "its data" vm-test-sectors check /dev/mapper/one 0 2000 8
    msg_ok one clear_all
}

second_names() {
    local loop
    loop=$(losetup --find --show SPARE.img)
    mklinear over "$SPARE"
    for alias in "$loop" /dev/mapper/over; do
        alias_refused "$alias"
    done
    for alias in "$loop" /dev/mapper/over; do
        dmsetup remove one
        both_blank "$alias"
    done
    dmsetup remove over
    losetup -d "$loop"
}

# What one device gives up, the other can have at once; each finds its own content.
handed_over() {
    msg_ok one clear_all
    msg_ok two clear_all
    check "stamps on one" vm-test-sectors stamp /dev/mapper/one 0 2000 1
    check "stamps on two" vm-test-sectors stamp /dev/mapper/two 0 2000 2
    msg_ok one add_remap 500 100 1000
    msg_ok two add_remap 500 100 1000
    check "one, over the same places" vm-test-sectors check /dev/mapper/one 0 2000 1
    check "two, over the same places" vm-test-sectors check /dev/mapper/two 0 2000 2
    msg_ok one clear_all
    dmsetup remove one
    dmsetup create three --table "0 65536 dm-remap $FREE $SPARE"
    expect_fail "now the old owner is refused" dmsetup create one --table "0 65536 dm-remap $MAIN $SPARE"
    dmsetup remove three
    dmsetup create one --table "0 65536 dm-remap $MAIN $SPARE"
    check "its data" vm-test-sectors check /dev/mapper/one 0 2000 1
    check "two was not touched" vm-test-sectors check /dev/mapper/two 0 2000 2
}

# Two targets in one table, main of each a part of the device's sectors, with something between.
offsets() {
    dmsetup remove one
    msg_ok two clear_all
    dmsetup remove two
    mkdm both "0 40000 dm-remap $MAIN $SPARE" "40000 10000 zero" "50000 40000 dm-remap $MAIN2 $SPARE2"
    check "stamps on the first" vm-test-sectors stamp /dev/mapper/both 0 40000 5
    check "stamps on the second" vm-test-sectors stamp /dev/mapper/both 50000 40000 5
    for ((i = 0; i < 100; i++)); do echo "add_remap $((i * 390 + 7)) $((i * 300)) 100"; done >adds
    eq "remaps of the first" "$(vm-test-message -q both <adds)" "100 accepted, 0 refused"
    eq "remaps of the second" "$(vm-test-message -q -a 50000 both <adds)" "100 accepted, 0 refused"
    check "the first" vm-test-sectors check /dev/mapper/both 0 40000 5
    check "the second" vm-test-sectors check /dev/mapper/both 50000 40000 5
    check "stamps over all remaps" vm-test-sectors stamp /dev/mapper/both 50000 40000 6
    check "the first is as it was" vm-test-sectors check /dev/mapper/both 0 40000 5
    check "the second is new" vm-test-sectors check /dev/mapper/both 50000 40000 6
    vm-test-message both clear_all >/dev/null
    vm-test-message -a 50000 both clear_all >/dev/null
    eq "extents of both" "$(dmsetup status both | awk '$3 == "dm-remap" { print $6 }' | paste -sd ' ')" '0 0'
    dmsetup remove both
    check "main of the first" vm-test-sectors check "$MAIN" 0 40000 5
    check "main of the second" vm-test-sectors check "$MAIN2" 0 40000 6 50000
}

mkloop MAIN 40M
mkloop SPARE 40M
mkloop MAIN2 40M
mkloop SPARE2 40M
mkloop FREE 40M
two_at_once
handed_over
second_names
offsets
