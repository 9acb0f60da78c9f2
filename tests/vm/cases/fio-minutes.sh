# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 300
#
# Four fio jobs, each 32 deep, verify what they wrote for minutes while the ranges below them are
# relocated, added, removed in part and whole and added again. fio-verify.sh is the short form.

mkloop MAIN 128M
mkloop SPARE 128M
mkremap live "$MAIN" "$SPARE"
churn_begin live 0 $((64 * 2048))
verify_begin load /dev/mapper/live "$(longer 120)" --numjobs=4 --size=16M --offset_increment=16M \
    --bssplit=512/10:4k/40:16k/30:64k/20 --ioengine="$(fio_engine)"
verify_end load
churn_end live
msg_ok live stats
for key in added removed copied_sectors returned_sectors remapped_reads remapped_writes held fences; do
    matches "$key $(reply_value $key)" "$(reply_value $key)" '^[1-9][0-9]+$'
done
healthy live
check "stamps over the remaps that are left" vm-test-sectors stamp /dev/mapper/live 0 $((64 * 2048)) 3
msg_ok live clear_all
dmsetup remove live
check "all of it is on main alone" vm-test-sectors check "$MAIN" 0 $((64 * 2048)) 3
