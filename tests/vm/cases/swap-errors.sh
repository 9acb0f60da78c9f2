# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# needs: own-boot
# memory: 256
# set: full
# timeout: 900
#
# Swap on a dm-remap whose main loses places one after the other, in a machine of 256 MiB with 400 MiB
# in use that are verified word by word. A place refuses writes from a moment of its own on
# (dm-flakey); what it held can be read. A recovery that needed memory which only swapping can free would
# stand still here for ever.

PLACES=600
DISTANCE=1536

# failing_table SEED - main in pieces: of every 768 KiB the last 4 KiB go bad within a minute, but not
# before the swap is made: dm-flakey fails flushes as well.
failing_table() {
    awk -v seed="$1" -v disk="$MAIN" -v places=$PLACES -v distance=$DISTANCE '
        BEGIN {
            srand(seed)
            for (i = 0; i < places; i++) {
                at = i * distance
                print at, distance - 8, "linear", disk, at
                at += distance - 8
                print at, 8, "flakey", disk, at, 30 + int(rand() * 60), 3600, 1, "error_writes"
            }
        }'
}

scratch MAIN 0
scratch SPARE 1
SEED=$RANDOM
echo "  seed $SEED"
modprobe dm-flakey
failing_table "$SEED" | dmsetup create main
mkremap live /dev/mapper/main "$SPARE"
swap_on /dev/mapper/live
out=$(counted pswpout)
# A fast machine has to go on until enough places are bad.
for ((round = 0; round < 20; round++)); do
    check "400 MiB in a machine of 256, on a disk that goes bad" vm-test-memory verify 400 "$(longer 5)"
    remaps=$(field live remaps | cut -d/ -f2)
    ((remaps <= 100)) || break
done
out=$(($(counted pswpout) - out))
echo "  pages swapped out: $out; remaps $(field live remaps), mapped $(field live mapped)"
((out > 50000)) || fail "only $out pages were swapped out"
((remaps > 100)) || fail "only $remaps remaps by write errors"
eq "lost, pending, read and write errors" \
    "$(field live lost) $(field live pending) $(field live read_errors) $(field live write_errors)" '0 0 0 0'
eq "mode" "$(field live mode)" ok
eq "in flight" "$(stat_value live in_flight stats)" 0
not_logged "the kernel saw no write to swap fail" 'Write-error on swap-device'
swapoff /dev/mapper/live
