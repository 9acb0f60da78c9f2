# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 300
#
# An administrator exchanges the spares of a device in use, by dmremap spare, while fio verifies above and
# main has bad sectors: one is added, the old one removed; then one is lost for good and given up.

LINE="0 65536 dm-remap"

members() { eq "spares" "$(stat_value r spares)" "$1"; }

made() {
    mkdm main "0 20000 linear $MAIN 0" "20000 16 error" "20016 45520 linear $MAIN 20016"
    mkdm r "$LINE /dev/mapper/main $SPARE"
    msg_ok r relocate 1000 2000
    msg_ok r add_remap 40000 30000 64
}

# While fio writes everywhere, also to the bad sectors.
exchanged() {
    verify_begin live /dev/mapper/r "$(spell 8)"
    check "add a second spare" dmremap spare add r "$SECOND" --yes
    members 0:in_use,1:in_use
    matches "list" "$(dmremap spare list r)" "in_use.*in_use"
    msg_ok r relocate 10000 2000
    check "remove the first" dmremap spare remove r 0
    members 1:in_use
    msg_ok r relocate 50000 500
    verify_end live
    expect_fail "add what was removed, unwiped" dmremap spare add r "$SPARE" --yes
    check "add it again" dmremap spare add r "$SPARE" --yes --wipe-set "$(stat_value r set)"
    members 0:in_use,1:in_use
    check "stamps" vm-test-sectors stamp /dev/mapper/r 0 4096 5
    # Behind all others: its old places are never used again.
    msg_ok r add_remap 60000 $(($(stat_value r spare_total) + 100)) 8
    dmsetup remove r
}

# unreadable_block ERRNO - the eight sectors, as `unreadable` tells them.
unreadable_block() { printf "%s $1\n" {60000..60007} | paste -sd ' '; }

given_up() {
    local set
    set=$(dmremap probe "$SECOND" | sed -n 's/^DMREMAP_SET=//p')
    expect_fail "without the first" dmremap create r /dev/mapper/main "$SECOND"
    expect_fail "give up one that is there" dmremap repair "$SECOND" "$SPARE" --without 0 --yes
    dmremap repair "$SECOND" --without 0 --yes >given_up || fail "it cannot be given up"
    matches "give it up, and what is on it" "$(<given_up)" 'member 0 +missing; 1 extents with 8 sectors'
    expect_fail "unasked it does not start" dmremap create r /dev/mapper/main "$SECOND"
    check "it starts when told to" dmremap create r /dev/mapper/main "$SECOND" --allow-degraded
    members 0:missing,1:in_use
    eq "what is on it cannot be read" "$(unreadable 59000 2000)" "$(unreadable_block EIO)"
    eq "set" "$(stat_value r set)" "$set"
    check "the first comes back, in use" dmremap spare add r "$SPARE"
    members 0:in_use,1:in_use
    eq "mode" "$(field r mode)" ok
    eq "what was on it is lost" "$(field r lost)" 8
    eq "and is read as such" "$(unreadable 59000 2000)" "$(unreadable_block ENODATA)"
    check "until it is written" vm-test-sectors stamp /dev/mapper/r 60000 8 6
    check "and read" vm-test-sectors check /dev/mapper/r 60000 8 6
    eq "lost" "$(field r lost)" 0
    dmsetup remove r
}

# again - a set of two spares with 8 sectors on the second, which then dies, while somebody writes.
again() {
    wipe "$SPARE"
    wipe "$SECOND"
    mkdm second "0 $(sectors "$SECOND") linear $SECOND 0"
    mkdm r "$LINE $MAIN $SPARE 2 spare /dev/mapper/second"
    msg_ok r add_remap 60000 $(($(stat_value r spare_total) / 2 + 100)) 8
    check "stamps" vm-test-sectors stamp /dev/mapper/r 50000 15000 7
    replace_table second "0 $(sectors "$SECOND") error"
    msg_ok r relocate 5000 8
    members 0:in_use,1:gone
    verify_begin live /dev/mapper/r 60 --size=20M
}

# without - the device does without it: fio saw nothing, its neighbours are there, and it is free.
without() {
    touch enough
    verify_end live
    rm enough
    eq "lost" "$(field r lost)" 8
    eq "mode" "$(field r mode)" ok
    eq "unreadable, of the others" "$(unreadable 50000 15000)" "$(unreadable_block ENODATA)"
    check "it is free" dmsetup remove second
    dmsetup remove r
}

# It is replaced without a pause: it need not answer for that.
dies() {
    again
    expect_fail "add it, dead as it is" dmremap spare add r /dev/mapper/second --yes
    check "add another one" dmremap spare add r "$THIRD" --yes
    members 0:in_use,1:missing,2:in_use
    matches "give the dead one up" "$(dmremap spare remove r 1 --yes)" \
        'removed spare 1; 8 sectors were moved, 8 of them cannot be read and are lost'
    members 0:in_use,2:in_use
    without
}

# Or given up without another one.
is_given_up_in_use() {
    local told
    again
    told=$(dmremap spare remove r 1 --yes) || fail "it cannot be removed: $told"
    matches "it is left out for that" "$told" 'cannot be moved .*so it is left out.*removed spare 1'
    members 0:in_use
    without
}

# It was only a cable.
is_back() {
    again
    replace_table second "0 $(sectors "$SECOND") linear $SECOND 0"
    check "add it again" dmremap spare add r /dev/mapper/second
    members 0:in_use,1:in_use
    touch enough
    verify_end live
    rm enough
    eq "mode, lost" "$(field r mode) $(field r lost)" 'ok 0'
    check "all is there" vm-test-sectors check /dev/mapper/r 50000 15000 7
    dmsetup remove r
    dmsetup remove second
}

mkloop MAIN 32M
mkloop SPARE 24M
mkloop SECOND 24M
mkloop THIRD 24M
made
exchanged
given_up
dies
is_given_up_in_use
is_back
