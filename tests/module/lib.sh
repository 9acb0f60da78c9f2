# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the scripts of this folder: they run as root on a kernel that has the module loaded, a
# real machine as well as the VM bench. So they take down only what they set up themselves.
#
# A check is a function that ends its (sub)shell when something is not as it must be; check()
# runs it, prints its name and one line of what it found, and counts.

MODULE_TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$MODULE_TESTS/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=../vm/guest/klog.sh
. "$REPO/tests/vm/guest/klog.sh"

NAME=remap-test-$$
DEVICE=/dev/mapper/$NAME
MARK="dm-remap test: start $$"
DIR='' MAIN='' SPARE=''
NUMBER=0 PASSED=0 FAILED=0

# begin TITLE NUMBER-OF-CHECKS
begin() {
    TOTAL=$2
    echo "$1 on Linux $(uname -r)"
    dmsetup targets | grep -q '^dm-remap ' || modprobe dm-remap || {
        echo "the target dm-remap is not there: load the module first"
        exit 1
    }
    DIR=$(mktemp -d)
    trap clean_up EXIT
    klog_mark "$MARK"
}

clean_up() {
    local status=$? loop
    trap - EXIT
    cd /
    ! mountpoint -q "$DIR/mnt" || umount "$DIR/mnt" || status=1
    ! dmsetup info "$NAME" >/dev/null 2>&1 || dmsetup remove --retry "$NAME" || status=1
    for loop in $MAIN $SPARE; do
        losetup -d "$loop" || status=1
    done
    [[ -z $DIR ]] || rm -rf "$DIR"
    exit "$status"
}

# wrong TEXT... - ends the check with the reason.
wrong() {
    echo "wrong: $*"
    exit 1
}

# equal WHAT GOT WANTED
equal() { [[ $2 == "$3" ]] || wrong "$1 is '$2', wanted '$3'"; }

# found TEXT... - what the check found; shown behind its name.
found() { echo "$*" >"$DIR/found"; }

# check NAME FUNCTION [ARG...] - in a shell of its own, where a failing command ends it. Not
# called as a condition: bash would ignore such failures.
check() {
    local name=$1 status began=$SECONDS
    shift
    NUMBER=$((NUMBER + 1))
    rm -f "$DIR/found"
    set +e
    (
        set -eE
        trap 'echo "failed: $BASH_COMMAND (line $LINENO)"' ERR
        "$@"
    ) >"$DIR/output" 2>&1
    status=$?
    set -e
    if ((status == 0)); then
        PASSED=$((PASSED + 1))
        printf '[%2d/%d] pass  %s%s (%d s)\n' "$NUMBER" "$TOTAL" "$name" \
            "$(sed '1s/^/: /' "$DIR/found" 2>/dev/null)" "$((SECONDS - began))"
    else
        FAILED=$((FAILED + 1))
        printf '[%2d/%d] FAIL  %s (%d s)\n' "$NUMBER" "$TOTAL" "$name" "$((SECONDS - began))"
        tail -n 15 "$DIR/output" | sed 's/^/          /'
    fi
}

# finish - the sum; fails unless every check was made and passed.
finish() {
    ((NUMBER == TOTAL)) || { echo "$NUMBER checks were made, wanted $TOTAL"; FAILED=$((FAILED + 1)); }
    echo "$PASSED passed, $FAILED failed"
    ((FAILED == 0))
}

# make_loops SIZE - MAIN and SPARE, on sparse files.
make_loops() {
    truncate -s "$1" "$DIR/main.img" "$DIR/spare.img"
    MAIN=$(losetup --find --show "$DIR/main.img")
    SPARE=$(losetup --find --show "$DIR/spare.img")
}

table_line() { echo "0 $(blockdev --getsz "$MAIN") dm-remap $MAIN $SPARE"; }

create_device() { table_line | dmsetup create "$NAME"; }

# field NUMBER - of the status line, 1 being the mode.
field() { dmsetup status "$NAME" | awk -v n="$1" '{ print $(n + 3) }'; }
extents() { field 3; }
mapped() { field 4; }
buckets() { field 12; }

# message WORDS...
message() { dmsetup message "$NAME" 0 "$*"; }

# messages - many, one a line of stdin.
messages() { perl "$MODULE_TESTS/messages.pl" "$NAME"; }
# watched_messages - the same, and a line EXTENTS BUCKETS after each.
watched_messages() { perl "$MODULE_TESTS/messages.pl" "$NAME" --watch; }

# value KEY [MESSAGE] - from a reply of key=value lines.
value() { message "${2:-status}" | sed -n "s/^$1=//p"; }

# The device's own data, not what the page cache remembers of it.
drop_cached() { blockdev --flushbufs "$DEVICE" "$MAIN" "$SPARE"; }

# write_pattern|check_pattern DEVICE SEED - ranges on stdin.
write_pattern() { perl "$MODULE_TESTS/pattern.pl" write "$1" "$2"; }
check_pattern() {
    drop_cached
    perl "$MODULE_TESTS/pattern.pl" check "$1" "$2"
}

# spots FIRST COUNT - ranges of main that touch neither each other nor each other's places: 8
# sectors in each 128 KiB from sector 4096 on, so that each is an entry of its own in the table.
spots() { awk -v a="$1" -v n="$2" 'BEGIN { for (i = a; i < a + n; i++) print 4096 + i * 256, 8 }'; }

# adds FIRST COUNT - the messages that map these spots, to places 16 apart.
adds() {
    awk -v a="$1" -v n="$2" \
        'BEGIN { for (i = a; i < a + n; i++) print "add_remap", 4096 + i * 256, 2048 + i * 16, 8 }'
}

removes() { awk -v a="$1" -v n="$2" 'BEGIN { for (i = a; i < a + n; i++) print "remove_remap", 4096 + i * 256 }'; }

# listing - every line of every page of `list`.
listing() {
    local from=0 page
    while [[ -n $from ]]; do
        page=$(message "list $from")
        sed '/^next /d; /^$/d' <<<"$page"
        from=$(sed -n 's/^next //p' <<<"$page")
    done
}

# resizes - the log's lines since the start, as FROM-TO.
resizes() {
    klog_since "$MARK" | sed -nE 's/.*Adaptive hash table resize: ([0-9]+) -> ([0-9]+) buckets.*/\1-\2/p'
}
resize_count() { resizes | wc -l; }

# follow_rule LAST-BUCKETS FILE - checks the lines EXTENTS BUCKETS that watched_messages printed
# against the rule, and prints the resizes that the log must show for them: one whenever the
# buckets have doubled or halved since the last.
follow_rule() {
    awk -v last="$1" '
        $2 < 64 { print "wrong: " $2 " buckets"; exit 1 }
        2 * $1 > 3 * $2 { print "wrong: " $1 " extents in " $2 " buckets: it had to grow"; exit 1 }
        2 * $1 < $2 && $2 > 64 { print "wrong: " $1 " extents in " $2 " buckets: it had to shrink"; exit 1 }
        $2 >= 2 * last || 2 * $2 <= last { print last "-" $2; last = $2 }' "$2"
}

# copy_files DIRECTORY MIB [SKIP-MIB] - real files of this system, so many of them, with their
# checksums in DIRECTORY.sums beside it.
copy_files() {
    local directory=$1 most=$(($2 << 20)) skip=$((${3:-0} << 20))
    mkdir -p "$directory"
    find /usr/bin /usr/sbin /usr/lib -xdev -type f -size -2048k -printf '%s %p\n' | sort -k 2 |
        awk -v skip="$skip" -v most="$most" '
            { sum += $1; if (sum > skip && sum <= skip + most) { sub(/^[0-9]+ /, ""); print } }' >"$DIR/names"
    sed -i 's,^/,,' "$DIR/names"
    (cd / && xargs -d '\n' -a "$DIR/names" cp -a --parents -t "$directory")
    (cd / && xargs -d '\n' -a "$DIR/names" sha256sum) >"$DIR/${directory##*/}.sums"
}

# verify_files DIRECTORY - they are, read from the medium, what they were where they came from.
verify_files() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
    (cd "$1" && sha256sum --quiet -c "$DIR/${1##*/}.sums")
}

# no_complaints - the kernel logged nothing that a healthy one does not.
no_complaints() {
    local bad
    bad=$(klog_bad "$MARK" '') || true
    [[ -z $bad ]] || wrong "the kernel log: $bad"
}
