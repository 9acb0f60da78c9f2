# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Data is what was written while ranges move to and fro under it, from several clients at once.
new_images
start_server
(
    for ((i = 0; ; i = (i + 1) % 60)); do
        "$DMREMAP" relocate "$NAME" $((i * 2048)) 1024 || true
        "$DMREMAP" relocate "$NAME" $((i * 2048 + 1500)) 8 || true
        ((i % 3)) || "$DMREMAP" del "$NAME" $((i * 2048)) 1024 || true
        ((i % 20)) || "$DMREMAP" clear "$NAME" || true
    done >moves 2>&1
) &
MOVER=$!
SERVERS+=("$MOVER")
check 'fio finds what it wrote' timeout 60 fio --name=v --ioengine=nbd --uri="$URI" --rw=randwrite --bs=512-16k \
    --iodepth=32 --size=60M --io_size=60M --verify=crc32c --verify_fatal=1 --verify_backlog=256 --randseed=7
expect 0 '[1-9][0-9]* [1-9]' sh -c "echo \$(wc -l <moves) \$('$DMREMAP' status '$NAME' | sed -n 's/^fences *//p')"
kill "$MOVER"
wait "$MOVER" 2>/dev/null || true
expect 0 'held_outside +0$' "$DMREMAP" status "$NAME"
expect 0 'mode +ok$' "$DMREMAP" status "$NAME"
nbdcopy "$URI" all.img
expect 0 '' "$DMREMAP" clear "$NAME"
end_server TERM
same 'main alone has it all after clear' all.img main.img
