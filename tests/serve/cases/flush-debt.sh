# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# A flush of main fails when the core asks for it: the next flush of a user fails as well, and only that one, also when
# a spare was added in between. Main is a file of nbdfuse over an nbdkit that lets one flush fail when it is told to.
new_images
truncate -s "${MIB}M" second.img
mv main.img below.img
over_nbdkit main eval get_size="stat -c %s $PWD/below.img" can_write='exit 0' can_flush='exit 0' \
    pread="dd if=$PWD/below.img iflag=skip_bytes,count_bytes skip=\$4 count=\$3 status=none" \
    pwrite="dd of=$PWD/below.img oflag=seek_bytes conv=notrunc seek=\$4 status=none" \
    flush="echo \$1 >>$PWD/flushes; rm $PWD/fails 2>/dev/null && echo EIO here >&2 && exit 1; exit 0"
start_server
flush() { nbdsh -u "$URI" -c 'h.flush()'; }
# fail_one - the flush that a copy back to main ends with.
fail_one() {
    expect 0 '' "$DMREMAP" relocate "$NAME" 8000 8
    expect 0 '' flush
    : >fails
    expect 4 'main cannot be flushed' "$DMREMAP" del "$NAME" 8000 8
    check 'it was the flush that failed' test ! -e fails
}
fail_one
expect 1 'Input/output error' flush
expect 0 '' flush
expect 0 '' "$DMREMAP" del "$NAME" 8000 8

fail_one
expect 0 'second.img is member 1 of .* now$' timeout 30 "$DMREMAP" spare add "$NAME" second.img --yes
expect 1 'Input/output error' flush
expect 0 '' flush
end_server TERM
expect 0 '^0$' echo "$ENDED"
fusermount3 -u main.d
wait "${FUSES[@]}" || true
