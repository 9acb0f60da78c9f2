# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# The spares of a served set: listed, removed, added by another start, lost while it runs, missing. Added while it
# runs: reload.sh.
told() { "$DMREMAP" status "$NAME" | awk -v key="$1" '$1 == key { print $2 }'; }
table() { python3 "$HERE/ask.py" "$NAME" table; }
spare() { "$DMREMAP" spare "$@"; }
# all_there WHAT - what want.img has, through the device.
all_there() {
    nbdcopy "$URI" got.img
    same "$1" want.img got.img
}
serve() { timeout 20 "$DMREMAP" serve "$@" --control "$PWD/x.control" --socket "$PWD/x" --device none; }
# restart SPARE... [-- OPTION...] - ended with a signal, started with these.
restart() {
    end_server TERM
    SPARES=()
    while (($#)) && [[ $1 != -- ]]; do
        SPARES+=("$1")
        shift
    done
    start_server "${@:2}"
}

rm -f ./*.img
truncate -s 64M main.img second.img
truncate -s 16M spare.img
# What is written beyond a limit that is set later ends with an error, not with a signal.
trap '' XFSZ
SPARES=(spare.img second.img)
start_server
SET=$(told set)
dd if=/dev/urandom of=want.img bs=1M count=64 status=none
expect 0 '' nbdcopy --flush want.img "$URI"
expect 0 '^ +0 in_use +32768 /.*/spare.img$' spare list "$NAME"
expect 0 '^ +1 in_use +131072 /.*/second.img$' spare list "$NAME"
expect 0 "^\[\[0, 'in_use', 32768\], \[1, 'in_use', 131072\]\]$" bash -c \
    "'$DMREMAP' spare list --json '$NAME' | python3 -c 'import json, sys; print([[s[\"member\"], s[\"state\"], s[\"sectors\"]] for s in json.load(sys.stdin)[\"spares\"]])'"
expect 0 '^0:in_use,1:in_use$' told spares
TOTAL=$(told spare_total)
expect 0 '' "$DMREMAP" relocate "$NAME" 0 2048
expect 0 '' "$DMREMAP" add "$NAME" 4096 $((TOTAL - 4096)) 2048
all_there 'on both spares'

truncate -s 32M third.img
# Removed while it is in use.
expect 1 'none.img is neither the number of a spare of .* nor the device of one' spare remove "$NAME" none.img
expect 1 'third.img is neither' spare remove "$NAME" third.img
expect 1 'MEMBER 3 is no spare of the set' spare remove "$NAME" 3
expect 0 'nothing was written' spare remove "$NAME" second.img --dry-run
expect 0 '^0:in_use,1:in_use$' told spares
expect 0 '^removed spare 1; 2048 sectors were moved$' spare remove "$NAME" second.img
check 'the server has let it go' flock -n second.img true
expect 0 '^0:in_use$' told spares
expect 0 " dm-remap $PWD/main.img $PWD/spare.img 2 set $SET$" table
expect 5 'MEMBER 0 is the last spare in use' spare remove "$NAME" 0
all_there 'moved to the other spare'
restart spare.img
all_there 'without the other spare'
end_server TERM
refuses 4 "spare.img second.img: spare 2 was a spare of set $SET, which goes on without it; wiped, it can be added anew" serve main.img spare.img second.img
start_server

# Prepared for what is served, and added by another start.
expect 0 '^prepared: it joins' spare prepare third.img --for "$NAME" --yes
expect 5 'is in use by another program' spare prepare spare.img --for "$NAME" --yes
expect 5 'in use|main' spare prepare main.img --for "$NAME" --yes --overwrite
restart spare.img third.img
expect 0 'spare 2 is member 1 of the set now' cat server.log
expect 0 '^0:in_use,1:in_use$' told spares
all_there 'with a new spare'
# One that was removed has the number of the new one, and is not taken for it.
expect 1 'second.img is neither the number of a spare of .* nor the device of one' spare remove "$NAME" second.img --dry-run
expect 0 'all that is on member 1 of' spare remove "$NAME" third.img --dry-run
expect 0 '' "$DMREMAP" add "$NAME" 8192 $(($(told spare_total) - 4096)) 512
end_server TERM
refuses 4 "spare.img: member 1, [0-9a-f-]{36}, of set $SET is missing; the set has more spares than were named" serve main.img spare.img
# Given up, it may be missing.
expect 0 '^repaired$' "$DMREMAP" repair spare.img --without 1 --yes
refuses 4 "spare.img: set $SET goes on without its member 1, [0-9a-f-]{36}, which is not here; with allow_degraded it starts, and what is on that spare gives errors" serve main.img spare.img
SPARES=(spare.img)
start_server --allow-degraded
expect 0 '^0:in_use,1:missing$' told spares
expect 0 '^ +1 missing +- -$' spare list "$NAME"
expect 0 '^mode +degraded$' "$DMREMAP" status "$NAME"
expect 0 " dm-remap $PWD/main.img $PWD/spare.img 5 spare - set $SET allow_degraded$" table
expect 1 'Input/output error' nbdsh -u "$URI" -c 'h.pread(512, 8192 * 512)'
expect 0 'IS LOST' spare remove "$NAME" 1 --dry-run
answer no 1 'not YES' spare remove "$NAME" 1
answer YES 0 'removed spare 1; 512 sectors were moved, 512 of them cannot be read and are lost$' spare remove "$NAME" 1
expect 0 '^0:in_use$' told spares
expect 0 '^lost_sectors +512$' "$DMREMAP" status "$NAME"
dd if=want.img of=part.img bs=512 skip=8192 count=512 status=none
expect 0 '' nbdsh -u "$URI" -c 'h.pwrite(open("part.img", "rb").read(), 8192 * 512, nbd.CMD_FLAG_FUA)'
all_there 'what was lost is written again'

# One that dies while the set is served, and is there again at the next start.
rm second.img
truncate -s 64M second.img
expect 0 '^prepared' spare prepare second.img --for "$NAME" --yes
restart spare.img second.img
expect 0 '' "$DMREMAP" add "$NAME" 16384 $(($(told spare_total) - 4096)) 512
prlimit --pid "$SERVER" --fsize=$((24 << 20))
expect 0 '' "$DMREMAP" relocate "$NAME" 20000 8
expect 0 '^0:in_use,1:gone$' told spares
expect 0 'spare 2, member 1, takes no superblock; the set goes on without it' cat server.log
all_there 'one spare cannot be written'
expect 0 '^ +1 gone +131072 /.*/second.img$' spare list "$NAME"
restart spare.img second.img
expect 0 '^0:in_use,1:in_use$' told spares
expect 0 '^mode +ok$' "$DMREMAP" status "$NAME"
all_there 'and is there again'
end_server TERM
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img --main main.img

# nbdkit: the same words.
expect 0 '^repaired$' "$DMREMAP" repair spare.img --without 1 --yes
PLUGIN=${DMREMAP%/bin/*}/nbdkit/nbdkit-dm-remap-plugin.so
expect 1 'with allow_degraded it starts' timeout 20 nbdkit -f -U "$PWD/k" "$PLUGIN" main.img spare=spare.img --run true
expect 0 '' timeout 20 nbdkit -f -U "$PWD/k" "$PLUGIN" main.img spare=spare.img allow-degraded=true --run true
expect 1 'allow-degraded is true or false' timeout 20 nbdkit -f -U "$PWD/k" "$PLUGIN" main.img spare=spare.img allow-degraded=x --run true
