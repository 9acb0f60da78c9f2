# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 180
#
# Every message that must be refused: its error, its own sentence in last_error and in the kernel
# log, and nothing changed.

parsing() {
    refuses r <<'END'
EINVAL | unknown message 'frobnicate'; 'help' lists | frobnicate 1 2
EINVAL | unknown message 'add_remapp' | add_remapp 1 2 3
EINVAL | found 2 arguments; the message is: add_remap MAIN SPARE LEN \[nocopy\] | add_remap 1000 5000
EINVAL | add_remap: found 5 arguments | add_remap 1 2 3 nocopy nocopy
EINVAL | relocate: found 1 arguments | relocate 1000
EINVAL | remove_remap: found 0 arguments | remove_remap
EINVAL | clear_all: found 1 arguments | clear_all now
EINVAL | status: found 1 arguments | status please
EINVAL | add_remap: MAIN 'ten' is not a number | add_remap ten 5000 8
EINVAL | add_remap: SPARE '0x1000' is not a number | add_remap 1000 0x1000 8
EINVAL | add_remap: LEN '8.5' is not a number | ADD_REMAP 1000 5000 8.5
EINVAL | add_remap: LEN 'nocopy' is not a number | add_remap 1000 5000 nocopy nocopy
EINVAL | add_remap: MAIN '-1000' is negative | add_remap -1000 5000 8
EINVAL | relocate: LEN '-8' is negative | relocate 1000 -8
EINVAL | add_remap: LEN '18446744073709551616' is too large | add_remap 1000 5000 18446744073709551616
EINVAL | list: COUNT is 0 | list 0 0
EINVAL | scan: 'now' is none of start | scan now
EINVAL | scan: found 0 arguments; the message is: scan start | scan
END
}

ranges() {
    local end data
    end=$(sectors "$MAIN")
    data=$(stat_value r spare_total)
    refuses r <<END
EINVAL | add_remap: LEN is 0 | add_remap 1000 5000 0
EINVAL | relocate: LEN is 0 | relocate 1000 0
EINVAL | remove_remap: LEN is 0 | remove_remap 1000 0
ERANGE | MAIN $end with LEN 1 reaches beyond main, which has $end sectors | add_remap $end 5000 1
ERANGE | add_remap: .* reaches beyond main | add_remap $((end - 7)) 5000 8
ERANGE | relocate: .* reaches beyond main | relocate 8 18446744073709551615
ERANGE | add_remap: .* reaches beyond main | add_remap 18446744073709551615 0 8
ERANGE | remove_remap: MAIN $end is beyond main | remove_remap $end
ERANGE | remove_remap: .* reaches beyond main | remove_remap $((end - 1)) 2
ERANGE | SPARE $data with LEN 1 reaches beyond the data area, which has $data sectors | add_remap 1000 $data 1
ERANGE | reaches beyond the data area | add_remap 1000 18446744073709551615 8
ERANGE | reaches beyond the data area | add_remap 1000 $((data - 7)) 8
END
}

conflicts() {
    msg_ok r add_remap 1000 5000 100
    refuses r <<'END'
EEXIST | add_remap: .*mapped already \(sector 1000\) | add_remap 1000 7000 100
EEXIST | mapped already \(sector 1000\) | add_remap 900 7000 101
EEXIST | mapped already \(sector 1099\) | add_remap 1099 7000 8
EEXIST | relocate: .*mapped already \(sector 1050\) | relocate 1050 1
EEXIST | mapped already \(sector 1000\) | relocate 0 100000
EEXIST | SPARE 5099 with LEN 8 is in use already | add_remap 2000 5099 8
EEXIST | SPARE 4999 with LEN 2 is in use already | add_remap 2000 4999 2
ENOENT | remove_remap: nothing is mapped there \(sector 999\) | remove_remap 999
ENOENT | nothing is mapped there \(sector 1100\) | remove_remap 1100
ENOENT | nothing is mapped there \(sector 1100\) | remove_remap 1000 101
ENOENT | nothing is mapped there \(sector 990\) | remove_remap 990 50
END
    msg_ok r remove_remap 1000
}

full_spare() {
    local data
    data=$(stat_value r spare_total)
    refuses r <<<"ENOSPC | LEN $((data + 8)) does not fit: the spare has $data free sectors | relocate 0 $((data + 8))"
    msg_ok r relocate 0 "$data"
    eq "spare in use" "$(field r spare)" "$data/$data"
    refuses r <<END
ENOSPC | LEN 1 does not fit: the spare has 0 free sectors | relocate $((data + 100)) 1
EEXIST | SPARE 0 with LEN 1 is in use already | add_remap $((data + 100)) 0 1
END
    msg_ok r clear_all
    eq "spare in use after clear_all" "$(field r spare)" "0/$data"
}

# On 4-KiB sectors everything is a multiple of 8.
misaligned() {
    mkloop MAIN4K 64M 4096
    mkloop SPARE4K 64M 4096
    mkremap r4k "$MAIN4K" "$SPARE4K"
    msg_ok r4k add_remap 1000 4096 16
    refuses r4k <<'END'
EINVAL | MAIN 1001 and LEN 8 must be multiples of the logical block, 8 sectors | add_remap 1001 4096 8
EINVAL | MAIN 2000 and LEN 100 must be multiples | add_remap 2000 4096 100
EINVAL | SPARE 5001 must be a multiple of the logical block, 8 sectors | add_remap 2000 5001 8
EINVAL | relocate: .*must be multiples | relocate 4 8
EINVAL | remove_remap: .*must be multiples | remove_remap 1000 4
END
}

# A reply buffer too small for the answer: nothing is done, and libdm asks again with more room.
small_buffers() {
    local before
    before=$(picture)
    matches "add_remap with room for 40 bytes asks for more" "$(vm-test-message -r 40 r add_remap 1000 5000 8)" '^0 full'
    matches "add_remap with room for 255 bytes asks for more" "$(vm-test-message -r 255 r add_remap 1000 5000 8)" '^0 full'
    eq "and changed nothing" "$(picture)" "$before"
    matches "256 bytes are enough" "$(vm-test-message -r 256 r add_remap 1000 5000 8)" '^0 fits added 1000 -> 5000'
    matches "remove_remap with little room asks for more" "$(vm-test-message -r 40 r remove_remap 1000)" '^0 full'
    eq "and removed nothing" "$(field r extents)" 1
    matches "a long reply in a small buffer says so" "$(vm-test-message -r 64 r status)" '^0 full'
    matches "dmsetup gets it by asking again" "$(dmsetup message r 0 status)" 'last_error='
    msg_ok r remove_remap 1000
}

picture() { vm-test-message -s r; vm-test-message r list; }

mkloop MAIN 80M
mkloop SPARE 32M
mkremap r "$MAIN" "$SPARE"
parsing
ranges
conflicts
full_spare
misaligned
small_buffers
