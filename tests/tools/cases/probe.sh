# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# probe: words for udev and the shell.
new_set --main-id 'WD-WCC7K0AB1234'
expect 0 "^DMREMAP_SET=$SET$" "$DMREMAP" probe spare.img
expect 0 '^DMREMAP_STATE=ready$' "$DMREMAP" probe spare.img
"$MESSAGE" main.img spare.img --leave-open 'add_remap 1 1 1' >/dev/null
expect 0 '^DMREMAP_STATE=opened$' "$DMREMAP" probe spare.img
"$MESSAGE" main.img spare.img 'add_remap 10 10 1' >/dev/null
expect 0 '^DMREMAP_STATE=clean$' "$DMREMAP" probe spare.img
expect 0 '^WD-WCC7K0AB1234 131072 3 1$' bash -c \
    "eval \"\$('$DMREMAP' probe spare.img)\"; echo \$DMREMAP_MAIN_ID \$DMREMAP_MAIN_SECTORS \$DMREMAP_SITES \$DMREMAP_USABLE"
expect 1 '' bash -c "'$DMREMAP' probe spare.img | grep -vE '^DMREMAP_[A-Z_]+=[A-Za-z0-9._:+@-]+$'"
unchanged "$DMREMAP" probe spare.img
damage spare.img "$HEAD" 2 zero
expect 0 '^DMREMAP_SITES=2$' "$DMREMAP" probe spare.img
damage spare.img "$TAIL" 2 zero
expect 0 '^DMREMAP_USABLE=0$' "$DMREMAP" probe spare.img
damage spare.img "$MIDDLE" 2 zero
expect 4 'holds no set' "$DMREMAP" probe spare.img
expect 4 'No such file' "$DMREMAP" probe none.img
expect 4 'dm-remap v4' bash -c "truncate -s 64M v4.img; printf 4RMD | dd of=v4.img conv=notrunc status=none; '$DMREMAP' probe v4.img"
expect 1 'required' "$DMREMAP" probe
