# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 120
#
# A read-only table: it reads, also through remaps that were there, and writes nothing to any device,
# whatever message comes. Disks that are read-only can be used by it, and by no other.

from_the_start() {
    local before
    # What is not ours yet cannot be made ours without writing.
    expect_fail "a blank spare" dmsetup create --readonly live --table "0 $TOTAL dm-remap $MAIN $SPARE"
    mkremap live "$MAIN" "$SPARE"
    dmsetup remove live
    before="$(cold_hash "$MAIN") $(cold_hash "$SPARE")"
    echo "0 $TOTAL dm-remap $MAIN $SPARE" | dmsetup create --readonly live
    eq "the device is read-only" "$(blockdev --getro /dev/mapper/live)" 1
    check "reads" vm-test-sectors check /dev/mapper/live 0 3000 1
    expect_fail "a write" vm-test-sectors stamp /dev/mapper/live 0 8 2
    refuses live <<'END'
EROFS | read-only | add_remap 1000 5000 100
EROFS | read-only | add_remap 1000 5000 100 nocopy
EROFS | read-only | relocate 1000 100
EROFS | read-only | remove_remap 1000
EROFS | read-only | clear_all
END
    eq "mode" "$(field live mode)" ok
    eq "errors" "$(field live read_errors) $(field live write_errors)" '0 0'
    msg_ok live list
    dmsetup remove live
    eq "both devices, byte by byte" "$(cold_hash "$MAIN") $(cold_hash "$SPARE")" "$before"
}

# A device that was in use goes read-only and back, with its remaps.
by_reload() {
    mkremap live "$MAIN" "$SPARE"
    msg_ok live add_remap 1000 5000 100
    check "stamps" vm-test-sectors stamp /dev/mapper/live 900 300 2
    dmsetup table live | dmsetup load --readonly live
    dmsetup resume live
    eq "read-only after a reload" "$(blockdev --getro /dev/mapper/live)" 1
    check "reads through its remaps" vm-test-sectors check /dev/mapper/live 900 300 2
    refuses live <<<"EROFS | read-only | remove_remap 1000"
    dmsetup table live | dmsetup load live
    refuses live <<<"EROFS | read-only | remove_remap 1000"
    eq "extents" "$(field live extents)" 1
    dmsetup table live | dmsetup load live
    dmsetup resume live
    eq "writable after another" "$(blockdev --getro /dev/mapper/live)" 0
    check "writes" vm-test-sectors stamp /dev/mapper/live 900 300 3
    msg_ok live remove_remap 1000
    check "and its data is on main" vm-test-sectors check "$MAIN" 900 300 3
    dmsetup remove live
}

# The block layer lets a write through that was on its way to the page cache when the table changed.
dirty_page() {
    local main spare
    mkremap live "$MAIN" "$SPARE"
    exec 9<>/dev/mapper/live
    check "a page is dirty" dd if=/dev/urandom bs=4096 count=1 conv=notrunc status=none of=/proc/self/fd/9
    dmsetup suspend --nolockfs live
    dmsetup table live | dmsetup load --readonly live
    dmsetup resume live
    main=$(cold_hash "$MAIN") spare=$(cold_hash "$SPARE")
    expect_fail "the page cannot be written" sync /dev/mapper/live
    exec 9>&-
    eq "main and spare" "$(cold_hash "$MAIN") $(cold_hash "$SPARE")" "$main $spare"
    dmsetup remove live
}

read_only_disks() {
    local main spare
    check "stamps" vm-test-sectors stamp "$MAIN" 0 3000 1
    main=$(losetup --find --show --read-only MAIN.img)
    spare=$(losetup --find --show --read-only SPARE.img)
    echo "0 $TOTAL dm-remap $main $spare" | dmsetup create --readonly live
    check "reads" vm-test-sectors check /dev/mapper/live 0 3000 1
    dmsetup remove live
    tables_refused "$MAIN" "$SPARE" <<END
EROFS|EACCES | dm-remap: the main device is read-only | 0 $TOTAL dm-remap $main $SPARE
EROFS|EACCES | dm-remap: the spare is read-only | 0 $TOTAL dm-remap $MAIN $spare
END
}

mkloop MAIN 32M
mkloop SPARE 32M
TOTAL=$(sectors "$MAIN")
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 3000 1
from_the_start
by_reload
dirty_page
read_only_disks
