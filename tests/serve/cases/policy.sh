# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What is done about errors: the options are the features of a table line.
nbd() { timeout 60 nbdsh -u "$URI" -c "$1"; }
# table - the table line as the control socket has it.
table() {
    python3 "$HERE/ask.py" "$NAME" table
}
new_images
start_server --fail-sectors 1000,2000
expect 0 " $PWD/main.img $PWD/spare.img 2 set [0-9a-f-]{36}$" table
expect 0 '"budget_total": 2048' "$DMREMAP" status "$NAME" --json
expect 0 '^scan=stopped$' "$DMREMAP" scan "$NAME" status
end_server TERM
# A failed write fails, a failed read is not tried again, and neither changes the table.
start_server --on-write-error fail --on-read-error fail --fail-sectors 1000,2000
expect 0 ' 6 set [0-9a-f-]{36} on_write_error fail on_read_error fail$' table
expect 1 'Input/output error' nbd 'h.pwrite(b"w" * 4096, 1000 * 512)'
expect 1 'Input/output error' nbd 'h.pread(4096, 2000 * 512)'
expect 0 '^extents +0$' "$DMREMAP" status "$NAME"
expect 0 'pending_sectors +0$' "$DMREMAP" status "$NAME"
end_server TERM
# The budget: one remap in an hour, then the error goes upward.
start_server --budget 1/3600 --fail-sectors 1000,2000
expect 0 ' 4 set [0-9a-f-]{36} budget 1/3600$' table
expect 0 '' nbd 'h.pwrite(b"w" * 4096, 1000 * 512); h.pwrite(b"w" * 4096, 8000 * 512)'
expect 1 'Input/output error' nbd 'h.pwrite(b"w" * 4096, 2000 * 512)'
expect 0 '^extents +1$' "$DMREMAP" status "$NAME"
end_server TERM
# The scan runs from the beginning.
start_server --scan-rate 4096 --retries 7
expect 0 ' retries 7 scan_rate 4096$' table
expect 0 '^scan=running$' "$DMREMAP" scan "$NAME" status
end_server TERM
# A pending sector that main takes again: with --heal it stays on main.
for heals in --heal ''; do
    start_server --fail-sectors 3000
    expect 1 'Input/output error' nbd 'h.pread(512, 3000 * 512)'
    expect 0 'pending_sectors +1$' "$DMREMAP" status "$NAME"
    end_server TERM
    # shellcheck disable=SC2086 # no word when it is empty
    start_server $heals
    expect 0 '' nbd 'h.pwrite(b"h" * 512, 3000 * 512); assert h.pread(512, 3000 * 512) == b"h" * 512'
    expect 0 'pending_sectors +0$' "$DMREMAP" status "$NAME"
    "$DMREMAP" list "$NAME" >told
    if [[ $heals ]]; then
        expect 1 '' grep '^ *3000 ' told
    else
        expect 0 '3000 +[0-9]+ +1 +active' cat told
    fi
    end_server TERM
done
# Wrong values, in the words of a table line.
serve() { timeout 20 "$DMREMAP" serve main.img spare.img --control "$PWD/x.control" --socket "$PWD/x" "$@"; }
refuses 1 "feature 'on_write_error' is malformed; it is: on_write_error remap\|fail: 'maybe'" serve --on-write-error maybe
refuses 1 "feature 'on_read_error' is malformed; it is: on_read_error retry\|fail: 'x'" serve --on-read-error x
refuses 1 "feature 'retries' is malformed; it is: retries <0 to 100>: '101'" serve --retries 101
refuses 1 "feature 'budget' is malformed; it is: budget <remaps>/<seconds, at least 1>: '1/0'" serve --budget 1/0
refuses 1 "feature 'scan_rate' is malformed; it is: scan_rate <sectors per second, 0: off>: '-1'" serve --scan-rate=-1
refuses 1 '--retries: At Most 1 required but received 2; --help shows the options' serve --retries 1 --retries 2
