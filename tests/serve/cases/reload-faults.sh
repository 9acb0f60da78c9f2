# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# The spare refuses its next writes, more of them each time, while another one is added: that one is in the set, or the
# server goes on as before, or it ends and says why. All that was written is there in any case, and a start finds it.
# The spare is a file of nbdfuse over an nbdkit that refuses as many writes as it is told.
ask() { python3 "$HERE/ask.py" "$NAME" "$1"; }
all_there() {
    nbdcopy "$URI" got.img
    same "$1" want.img got.img
}
rm -f ./*.img
truncate -s 8M main.img
truncate -s 16M below.img
dd if=/dev/urandom of=want.img bs=1M count=8 status=none
echo 0 >fails
over_nbdkit spare eval get_size="stat -c %s $PWD/below.img" can_write='exit 0' can_flush='exit 0' flush='exit 0' \
    pread="dd if=$PWD/below.img iflag=skip_bytes,count_bytes skip=\$4 count=\$3 bs=1M status=none" \
    pwrite="left=\$(cat $PWD/fails)
        [ \$left = 0 ] || { echo \$((left - 1)) >$PWD/fails; cat >/dev/null; echo EIO here >&2; exit 1; }
        dd of=$PWD/below.img oflag=seek_bytes conv=notrunc seek=\$4 bs=1M iflag=fullblock status=none"
start_server
expect 0 '' nbdcopy --flush want.img "$URI"
expect 0 '' "$DMREMAP" relocate "$NAME" 0 512
SEEN=
for refused in 1 2 4 5 6 7 8 12 20 1000; do
    rm -f second.img
    truncate -s 16M second.img
    expect 0 '^prepared' "$DMREMAP" spare prepare second.img --for "$NAME" --yes
    echo "$refused" >fails
    ANSWER=0
    ask "reload $PWD/second.img" >answer 2>&1 || ANSWER=$?
    echo 0 >fails
    # When the set cannot be loaded any more, I/O fails until the server has ended.
    if ! timeout 30 nbdsh -u "$URI" -c 'h.pread(512, 0)' >/dev/null 2>&1; then
        wait "$SERVER" 2>/dev/null && ENDED=0 || ENDED=$?
        expect 0 '^1$' echo "$ANSWER"
        expect 0 '^[1-9]' echo "$ENDED"
        expect 0 'cannot be loaded any more' cat server.log
        SEEN+=e
    else
        all_there "$refused writes refused"
        ((ANSWER)) && SEEN+=r || SEEN+=a
        end_server TERM
    fi
    # Whether the new one belongs to it, the set itself knows.
    SPARES=(spare.img second.img)
    start_server >/dev/null 2>&1 || { SPARES=(spare.img); start_server; }
    all_there "$refused writes refused, and started again"
    expect 0 '^mode +ok$' "$DMREMAP" status "$NAME"
    ((${#SPARES[@]} == 1)) || expect 0 '' "$DMREMAP" spare remove "$NAME" second.img
done
# a: added; r: refused, and it goes on; e: it ended.
expect 0 '^a+r+e+$' echo "$SEEN"
end_server TERM
fusermount3 -u spare.d
wait "${FUSES[@]}" || true
