# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# One of two spares dies while it is served: it is replaced, given up or taken back without a pause. Both are files of
# nbdfuse over an nbdkit. The second refuses everything while there is a file `dead`, and writes while there is one
# `worn`; the first refuses so many writes as the file `fails` says.
told() { "$DMREMAP" status "$NAME" | awk -v key="$1" '$1 == key { print $2 }'; }
spare() { timeout 60 "$DMREMAP" spare "$@"; }
ask() { python3 "$HERE/ask.py" "$NAME" "$1"; }

# again - a set of two, with sectors 4096 to 4103 on the second, which then dies.
again() {
    rm -f dead worn
    echo 0 >fails
    for name in first.below second.below third.img; do rm -f "$name"; truncate -s 16M "$name"; done
    SPARES=(first.img second.img)
    start_server
    SET=$(told set)
    expect 0 '' nbdcopy --flush want.img "$URI"
    expect 0 '' ask "message add_remap 4096 $(($(told spare_total) / 2 + 100)) 8"
    touch "${1:-dead}"
    expect 0 '' "$DMREMAP" relocate "$NAME" 0 8
    expect 0 '^0:in_use,1:gone$' told spares
}

# lost_alone - the sectors that were on it, and nothing else.
lost_alone() {
    expect 0 '^8$' told lost_sectors
    expect 0 '^mode +ok$' "$DMREMAP" status "$NAME"
    expect 1 '' nbdsh -u "$URI" -c 'h.pread(4096, 4096 * 512)'
    expect 0 '' dd if=want.img of=part.img iflag=skip_bytes,count_bytes skip=$((4096 * 512)) count=4096 status=none
    expect 0 '' nbdsh -u "$URI" -c 'h.pwrite(open("part.img", "rb").read(), 4096 * 512)'
    nbdcopy "$URI" got.img
    same 'all the others' want.img got.img
    end_server TERM
}

rm -f ./*.img dead
truncate -s 8M main.img
truncate -s 16M first.below second.below
echo 0 >fails
dd if=/dev/urandom of=want.img bs=1M count=8 status=none
# refusing NAME READ-CONDITION WRITE-CONDITION - of a shell that runs for each request.
refusing() {
    local below=$PWD/$1.below
    over_nbdkit "$1" eval get_size="stat -c %s $below" can_write='exit 0' can_flush='exit 0' flush='exit 0' \
        pread="cd $PWD; if $2; then echo EIO refused >&2; exit 1; fi
            dd if=$below iflag=skip_bytes,count_bytes skip=\$4 count=\$3 bs=1M status=none" \
        pwrite="cd $PWD; if $3; then cat >/dev/null; echo EIO refused >&2; exit 1; fi
            dd of=$below oflag=seek_bytes conv=notrunc seek=\$4 bs=1M iflag=fullblock status=none"
}
# shellcheck disable=SC2016 # for that shell
refusing first false 'left=$(cat fails); [ $left != 0 ] && echo $((left - 1)) >fails'
refusing second 'test -e dead' 'test -e dead || test -e worn'

# Replaced.
again
expect 0 'member 1, which is gone, is left out' spare add "$NAME" third.img --yes
expect 0 '^0:in_use,1:missing,2:in_use$' told spares
expect 0 '^removed spare 1; 8 sectors were moved, 8 of them cannot be read and are lost$' spare remove "$NAME" 1 --yes
expect 0 '^0:in_use,2:in_use$' told spares
lost_alone

# Given up.
again
expect 0 'so it is left out' spare remove "$NAME" 1 --yes
expect 0 '^0:in_use$' told spares
lost_alone

# Taken back, with what is on it; while it is dead it is not.
again
expect 5 'is in use by another program' spare add "$NAME" second.img
expect 0 '^0:in_use,1:gone$' told spares
rm dead
expect 0 'which is gone: it is taken back' spare add "$NAME" second.img
expect 0 '^0:in_use,1:in_use$' told spares
nbdcopy "$URI" got.img
same 'nothing is lost' want.img got.img
expect 0 '^0$' told lost_sectors
end_server TERM

# It can be read still, as flash that has worn out: it keeps no new one away, and is not left out because the first
# one fails for a moment, since all that is on it can move.
again worn
echo 4 >fails
expect 4 'cannot be moved' spare remove "$NAME" 1 --yes
expect 0 '^0:in_use,1:gone$' told spares
echo 0 >fails
expect 0 '^removed spare 1; 8 sectors were moved$' spare remove "$NAME" 1 --yes
expect 0 '^0$' told lost_sectors
nbdcopy "$URI" got.img
same 'nothing is lost then' want.img got.img
end_server TERM
again worn
expect 0 'third.img is member 2 of' spare add "$NAME" third.img --yes
expect 0 '^0:in_use,1:missing,2:in_use$' told spares
end_server TERM
fusermount3 -u first.d
fusermount3 -u second.d
wait "${FUSES[@]}" || true
