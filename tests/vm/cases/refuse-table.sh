# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 180
#
# Every table line that must be refused: its error, its own sentence in the kernel log, and no
# device held.

words() {
    local line="0 $LENGTH dm-remap"
    tables_refused "$MAIN" "$SPARE" <<END
EINVAL | dm-remap: too few arguments; a table line is: <main> <spare> | $line
EINVAL | dm-remap: too few arguments | $line $MAIN
EINVAL | dm-remap: <#features> is not a number | $line $MAIN $SPARE heal
EINVAL | dm-remap: <#features> is not a number | $line $MAIN $SPARE -1
EINVAL | dm-remap: <#features> does not match | $line $MAIN $SPARE 2 heal
EINVAL | dm-remap: <#features> does not match | $line $MAIN $SPARE 0 heal
EINVAL | dm-remap: <#features> does not match | $line $MAIN $SPARE 99999999999
EINVAL | dm-remap: unknown feature | $line $MAIN $SPARE 1 turbo
EINVAL | unknown feature.*: 'turbo' | $line $MAIN $SPARE 1 turbo
EINVAL | dm-remap: feature 'heal' is given twice | $line $MAIN $SPARE 2 heal heal
EINVAL | dm-remap: feature 'retries' is given twice | $line $MAIN $SPARE 4 retries 1 RETRIES 2
END
}

# malformed FEATURE VALUE... - a line of what must be refused.
malformed() { echo "EINVAL | dm-remap: feature '$1' is malformed; it is: $1 | 0 $LENGTH dm-remap $MAIN $SPARE $# $*"; }

feature_lines() {
    malformed spare
    malformed set
    malformed on_write_error perhaps
    malformed on_read_error remap
    malformed retries many
    malformed retries -3
    malformed retries 101
    malformed budget 10
    malformed budget /60
    malformed budget 100/0
    malformed scan_rate 99999999999999999999
    malformed scan_rate 4294967296
    malformed set 01234567
    malformed main_id "$(printf 'x%.0s' {1..65})"
}

# Which of two errors a missing device is depends on the kernel.
devices() {
    mkloop TINY 512K
    mkloop TINY4K 512K 4096
    mkloop SPARE4K 64M 4096
    # shellcheck disable=SC2153 # mkloop sets them
    tables_refused "$MAIN" "$SPARE" "$TINY" "$TINY4K" "$SPARE4K" <<END
ENODEV|ENOENT | dm-remap: .*main | 0 $LENGTH dm-remap /dev/no-such-disk $SPARE
ENODEV|ENOENT | dm-remap: .*spare | 0 $LENGTH dm-remap $MAIN /dev/no-such-disk
EINVAL | dm-remap: no spare is there; at least one must be | 0 $LENGTH dm-remap $MAIN -
EINVAL | dm-remap: main and spare are the same device | 0 $LENGTH dm-remap $MAIN $MAIN
EINVAL | dm-remap: main and spare are the same device | 0 $LENGTH dm-remap $MAIN $SPARE 2 spare $MAIN
EINVAL | dm-remap: two of the spares are the same device | 0 $LENGTH dm-remap $MAIN $SPARE 2 spare $SPARE
EINVAL | the metadata alone takes .* | 0 $LENGTH dm-remap $MAIN $SPARE 2 spare $TINY
EINVAL | dm-remap: too many spares; a set has at most 4 | 0 $LENGTH dm-remap $MAIN $SPARE 8 spare a spare b spare c spare d
ENODEV|ENOENT | dm-remap: .*spare | 0 $LENGTH dm-remap $MAIN $SPARE 2 spare /dev/no-such-disk
EINVAL | dm-remap: the table's length reaches beyond main | 0 $((LENGTH + 1)) dm-remap $MAIN $SPARE
EINVAL | length is $((LENGTH + 1)), main has $LENGTH sectors | 0 $((LENGTH + 1)) dm-remap $MAIN $SPARE
EINVAL | dm-remap: the spare is smaller than its own metadata | 0 $LENGTH dm-remap $MAIN $TINY
EINVAL | spare has 1024 sectors, the metadata alone takes [1-9] | 0 $LENGTH dm-remap $MAIN $TINY
EINVAL | dm-remap: the spare's logical block is larger than main's | 0 $LENGTH dm-remap $MAIN $SPARE4K
EINVAL | logical block of main 512, of spare 4096 bytes | 0 $LENGTH dm-remap $MAIN $SPARE4K
END
}

zoned() {
    mknull zoned memory_backed=1 size=256 zoned=1 zone_size=64
    tables_refused "$MAIN" "$SPARE" "$NULL_DISK" <<END
EINVAL | dm-remap: main is a zoned device | 0 $LENGTH dm-remap $NULL_DISK $SPARE
EINVAL | dm-remap: spare is a zoned device | 0 $LENGTH dm-remap $MAIN $NULL_DISK
END
}

# A spare that is somebody's, and a set that is another's. What is refused is as it was.
spares() {
    local uuid other=01234567-89ab-cdef-0123-456789abcdef
    mkfs.ext4 -qF "$FULL"
    cp "$CASE_DIR/FULL.img" before.img
    mkremap first "$MAIN" "$SPARE" main_id wwn-1
    msg_ok first relocate 100 8
    uuid=$(stat_value first set)
    dmsetup remove first
    tables_refused "$MAIN" "$SPARE" "$FULL" "$BLANK" "$SMALL" <<END
EEXIST | the spare is not blank: there is data at sector 2; | 0 $LENGTH dm-remap $MAIN $FULL
EINVAL | the spare holds no set, but set $other is demanded | 0 $LENGTH dm-remap $MAIN $BLANK 2 set $other
EINVAL | belongs to set $uuid, but set $other is demanded | 0 $LENGTH dm-remap $MAIN $SPARE 2 set $other
EINVAL | main is 'wwn-2', the set was made for 'wwn-1' | 0 $LENGTH dm-remap $MAIN $SPARE 2 main_id wwn-2
EINVAL | main has 65536 sectors, set $uuid was made for one of $LENGTH | 0 65536 dm-remap $SMALL $SPARE
END
    check "someone's ext4 is untouched" cmp before.img "$CASE_DIR/FULL.img"
    mkremap first "$MAIN" "$SPARE" main_id wwn-1 set "$uuid"
    eq "the set is served with its own names" "$(field first extents)" 1
    eq "and verified" "$(field first flags)" ''
    msg_ok first clear_all
    dmsetup remove first
    mkremap over "$MAIN" "$FULL" format
    matches "format is not part of the table" "$(dmsetup table over)" ' 2 set [0-9a-f-]{36}$'
    dmsetup remove over
    wipe "$SPARE"
}

# A spare belongs to one mapped device, also within one table and before a resume.
sharing() {
    mkremap first "$MAIN" "$SPARE"
    tables_refused "$OTHER" <<<"EBUSY | dm-remap: .*spare | 0 $LENGTH dm-remap $OTHER $SPARE"
    echo "0 $LENGTH dm-remap $MAIN $SPARE" | dmsetup load first || fail "a table of the same device was refused"
    pass "a table of the same device shares the spare"
    dmsetup remove first
    expect_fail "one spare twice in a table" mkdm twice "0 1000 dm-remap $MAIN $SPARE" "1000 1000 dm-remap $OTHER $SPARE"
    mkremap first "$OTHER" "$SPARE"
    pass "after its device is gone the spare serves another"
}

mkloop MAIN 64M
mkloop SPARE 64M
mkloop OTHER 64M
mkloop FULL 64M
mkloop BLANK 64M
mkloop SMALL 32M
LENGTH=$(sectors "$MAIN")
words
feature_lines >features
tables_refused "$MAIN" "$SPARE" <features
devices
zoned
spares
sharing
