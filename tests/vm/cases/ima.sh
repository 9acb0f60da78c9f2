# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# needs: own-boot
# append: ima_policy=critical_data
# timeout: 60
#
# A kernel that measures what it does (IMA) asks each target of a table for its attributes: ours are
# names with values, and say which devices and how many remaps.

mount -t securityfs securityfs /sys/kernel/security
[[ -e /sys/kernel/security/ima/ascii_runtime_measurements ]] || fail "this kernel was built without IMA (CONFIG_IMA)"

# measured EVENT - the text that was measured last for such an event of device-mapper.
measured() {
    awk -v event="$1" '$5 == event { text = $6 } END { print text }' \
        /sys/kernel/security/ima/ascii_runtime_measurements | xxd -r -p
}

mkloop MAIN 64M
mkloop SPARE 64M
mkremap live "$MAIN" "$SPARE"
text=$(measured dm_table_load)
echo "  $text"
matches "the table's measurement names the target" "$text" 'target_name=dm-remap,target_version=[0-9]+\.[0-9]+\.[0-9]+,'
matches "its devices and its table" "$text" \
    ',main=7:[0-9]+,spare_1=7:[0-9]+,extents=0,mapped_sectors=0,lost_sectors=0;'
msg_ok live add_remap 1000 5000 100
dmsetup table live | dmsetup load live
matches "a second table's has what is mapped" "$(measured dm_table_load)" ',extents=1,mapped_sectors=100,lost_sectors=0;'
dmsetup resume live
matches "the resume is measured" "$(measured dm_device_resume)" 'active_table_hash='
