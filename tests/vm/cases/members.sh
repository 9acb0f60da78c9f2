# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 300
#
# A spare that dies, is missing, comes back and is removed, and lists of spares that change by reload.

LINE="0 65536 dm-remap"

# stamped FROM COUNT ROUND - through the device.
stamped() { check "sectors from $1 on" vm-test-sectors check /dev/mapper/r "$1" "$2" "$3"; }

# refuses_table LINE SENTENCE - and the spare is free before and afterwards.
refuses_table() { tables_refused "$SPARE" <<<"EINVAL | $2 | $1"; }

# members WANTED - what the set says of its spares.
members() { eq "spares" "$(stat_value r spares)" "$1"; }

# made AS A WHOLE: 8 sectors on each spare, and 8 across their border.
made() {
    mkdm second "0 $(sectors "$SECOND") linear $SECOND 0"
    mkdm r "$LINE $MAIN $SPARE 2 spare /dev/mapper/second"
    BORDER=$(($(stat_value r spare_total) / 2))
    msg_ok r add_remap 1000 100 8
    msg_ok r add_remap 2000 $((BORDER + 100)) 8
    msg_ok r add_remap 3000 $((BORDER - 4)) 8
    check "stamps" vm-test-sectors stamp /dev/mapper/r 0 4096 1
    members 0:in_use,1:in_use
}

dies() {
    replace_table second "0 $(sectors "$SECOND") error"
    msg_ok r relocate 5000 8
    members 0:in_use,1:gone
    eq "mode" "$(field r mode)" degraded
    logged "says why" 'takes no superblock; the set goes on without it'
    eq "unreadable" "$(unreadable 0 4096)" \
        "$(printf '%s EIO ' {2000..2007} {3004..3007} | sed 's/ $//')"
    sync -f /dev/mapper/r || true
    check "a flush behind that" vm-test-sectors stamp /dev/mapper/r 2000 4 2
    stamped 2000 4 2
    check "a second one" dd if=/dev/zero of=/dev/mapper/r bs=512 seek=8000 count=1 conv=fsync,notrunc status=none
    dmsetup remove r
}

missing() {
    local table
    refuses_table "$LINE $MAIN $SPARE" 'goes on without its member 1'
    mkdm r "$LINE $MAIN $SPARE 1 allow_degraded"
    members 0:in_use,1:missing
    table=$(dmsetup table r)
    matches "the table line names who is missing" "$table" ' 5 spare - set [0-9a-f-]{36} allow_degraded$'
    stamped 0 2000 1
    stamped 2000 4 2
    stamped 3000 4 1
    eq "unreadable" "$(unreadable 0 4096)" \
        "$(printf '%s EIO ' {2004..2007} {3004..3007} | sed 's/ $//')"
    msg_err r EIO remove_remap 3000
    dmsetup suspend r
    dmsetup reload r --table "$table"
    dmsetup resume r
    members 0:in_use,1:missing
    dmsetup remove r
    mkdm r "$table"
    members 0:in_use,1:missing
}

# No other set, nor a blank spare that would be made one, takes the place of the set in use.
is_not_exchanged() {
    expect_fail "a reload with a blank spare" dmsetup load r --table "$LINE $MAIN $BLANK"
    logged "says why" 'the spare holds no set, but set .* is demanded'
    expect_fail "also when it may be formatted" dmsetup load r --table "$LINE $MAIN $BLANK 1 format"
    stamped 0 2000 1
}

# By a reload, while somebody writes.
comes_back() {
    replace_table second "0 $(sectors "$SECOND") linear $SECOND 0"
    vm-test-sectors stamp /dev/mapper/r 8192 16384 1 &
    dmsetup reload r --table "$LINE $MAIN $SPARE 2 spare /dev/mapper/second"
    dmsetup resume r
    check "who writes meanwhile" wait $!
    members 0:in_use,1:in_use
    eq "mode, lost" "$(field r mode) $(field r lost)" 'ok 0'
    stamped 0 2000 1
    stamped 2000 4 2
    stamped 2004 2092 1
    stamped 8192 16384 1
}

is_removed() {
    msg_err r ERANGE remove_spare 2
    vm-test-sectors stamp /dev/mapper/r 8192 16384 2 &
    msg_ok r remove_spare 1
    check "who writes meanwhile" wait $!
    members 0:in_use
    msg_err r EBUSY remove_spare 0
    eq "unreadable" "$(unreadable 0 32768)" ''
    stamped 2004 2092 1
    stamped 8192 16384 2
    expect_fail "it is still open" dmsetup remove second
    dmsetup suspend r
    dmsetup reload r --table "$(dmsetup table r)"
    dmsetup resume r
    check "it is free" dmsetup remove second
    stamped 2004 2092 1
    dmsetup remove r
    refuses_table "$LINE $MAIN $SPARE 2 spare $SECOND" 'was a spare of set .*, which goes on without it'
}

mkloop MAIN 32M
mkloop SPARE 24M
mkloop SECOND 24M
mkloop BLANK 24M
made
dies
missing
is_not_exchanged
comes_back
is_removed
