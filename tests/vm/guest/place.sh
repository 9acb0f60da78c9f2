# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Where a sector of the spare's data area is on the spare, worked out here once more from what
# `status` says and from what the documentation says of the layout: two equal ends, a site of two
# 4-KiB blocks in the middle, and the data area in two halves beside it.

# physical NAME DATA-SECTOR
physical() {
    local name=$1 data=$2 reserved total end border
    reserved=$(stat_value "$name" spare_reserved)
    total=$(stat_value "$name" spare_total)
    end=$(((reserved - 16) / 2))
    border=$((total >> 4 << 3))
    echo $((end + data + (data < border ? 0 : 16)))
}

# middle NAME - the first data sector behind the middle site.
middle() { echo $(($(stat_value "$1" spare_total) >> 4 << 3)); }

# map_of NAME - a line "MAIN PLACE LENGTH" for each extent, PLACE a sector of the spare device.
map_of() {
    local name=$1 shift
    shift=$(physical "$name" 0)
    list_all "$name" | awk -v shift="$shift" -v border="$(middle "$name")" \
        '{ print $1, $2 + shift + ($2 < border ? 0 : 16), $3 }'
}

# list_all NAME - every line of `list`, however many pages that takes.
list_all() {
    local name=$1 from=0 page
    while :; do
        msg_ok "$name" list "$from"
        page=${REPLY_TEXT%%next *}
        [[ -z $page ]] || printf '%s\n' "${page%$'\n'}"
        [[ $REPLY_TEXT == *next* ]] || break
        from=${REPLY_TEXT##*next }
    done
}
