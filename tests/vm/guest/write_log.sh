# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What reaches a device, request by request: dm-log-writes below dm-remap. It logs a write only once
# it is durable (a flush behind it, or FUA), but a mark at once: so what is before a mark was durable
# when the mark was set.

# shellcheck disable=SC2034 # FUA is for the cases
FUA=2 LOG_DISCARD=4 LOG_MARK=8

# log_under NAME DEVICE VARIABLE - the device NAME over DEVICE; VARIABLE becomes the log's device.
log_under() {
    mkloop "$3" 200M
    mkdm "$1" "0 $(sectors "$2") log-writes $2 ${!3}"
}

# log_mark WORD NAME... - in the log of each.
log_mark() {
    local name
    for name in "${@:2}"; do
        dmsetup message "$name" 0 mark "$1"
    done
}

# entries LOG-DEVICE - one line each: SECTOR COUNT FLAGS [WORD-OF-MARK].
entries() {
    local device=$1 size count offset i sector length flags data word
    read -r size < <(od -An -t u4 -j 24 -N 4 "$device")
    read -r count < <(od -An -t u8 -j 16 -N 8 "$device")
    offset=$size
    for ((i = 0; i < count; i++)); do
        read -r sector length flags data < <(od -An -w32 -t u8 -j "$offset" -N 32 "$device")
        word=
        if ((flags & LOG_MARK)); then
            word=$(dd if="$device" iflag=skip_bytes,count_bytes skip=$((offset + 32)) count="$data" status=none | tr -d '\0')
        fi
        echo "$sector $length $flags $word"
        ((flags & LOG_DISCARD)) || offset=$((offset + length * size))
        offset=$((offset + size))
    done
}

# between LOG FROM TO - the entries between two marks.
between() { awk -v from="$2" -v to="$3" '$4 == to { exit } on { print } $4 == from { on = 1 }' "$1"; }

# flushes LOG FROM TO - how many requests with the flush flag.
flushes() { between "$@" | awk '$3 % 2 == 1' | wc -l; }

# has LOG FROM TO SECTOR COUNT - whether exactly these sectors were written there, durably.
has() {
    between "$1" "$2" "$3" | awk -v first="$4" -v count="$5" \
        '!int($3 / 8 % 2) { for (i = 0; i < $2; i++) if ($1 + i >= first && $1 + i < first + count) seen[$1 + i] = 1 }
         END { for (i = 0; i < count; i++) if (!((first + i) in seen)) exit 1 }'
}

# write_at NAME SECTOR COUNT FLAGS - in one request, direct; FLAGS are more for dd, ",dsync".
write_at() {
    dd if=/dev/urandom of="/dev/mapper/$1" bs=$(($3 * 512)) seek=$(($2 * 512)) count=1 \
        oflag="direct,seek_bytes$4" conv=notrunc,nocreat status=none
}
