# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Assertions. The first one that does not hold ends the case; its sentence is the reason the
# host shows.

# fail TEXT...
fail() {
    echo "FAILED: $*"
    [[ -z ${CASE_STATE:-} || -s $CASE_STATE/reason ]] || echo "$*" >"$CASE_STATE/reason"
    [[ -n ${CASE_STATE:-} ]] || return 1 # an interactive shell stays
    exit 1
}

pass() { echo "  ok: $*"; }

# check DESCRIPTION COMMAND... - the command succeeds. It sees the caller's variables.
check() {
    local description=$1 status=0
    shift
    "$@" || status=$?
    ((status == 0)) || fail "$description (status $status: $*)"
    pass "$description"
}

# expect_fail DESCRIPTION COMMAND... - the command fails; what it printed is in OUTPUT.
# shellcheck disable=SC2034 # OUTPUT is the caller's
expect_fail() {
    local description=$1
    shift
    if OUTPUT=$("$@" 2>&1); then
        fail "$description: succeeded, which it must not: $*"
    fi
    pass "$description"
}

# eq DESCRIPTION GOT WANTED
eq() {
    [[ $2 == "$3" ]] || fail "$1: got '$2', wanted '$3'"
    pass "$1: $2"
}

# matches DESCRIPTION TEXT REGEX
matches() {
    [[ $2 =~ $3 ]] || fail "$1: '$2' does not match '$3'"
    pass "$1"
}

# logged DESCRIPTION REGEX - the kernel log since the case began has such a line.
logged() {
    # Not grep -q, which ends at the first line and so ends what still writes with an error.
    klog_since "bench: start $CASE_NAME" | grep -E -- "$2" >/dev/null || fail "$1: no line of the kernel log matches '$2'"
    pass "$1"
}

not_logged() {
    ! klog_since "bench: start $CASE_NAME" | grep -E -- "$2" || fail "$1: the kernel log matches '$2'"
    pass "$1"
}

# wait_for SECONDS COMMAND... - until the command succeeds; fails when it does not in time.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < until)) || return 1
        sleep 0.1
    done
}

# cold_hash DEVICE [SKIP-SECTORS [COUNT-SECTORS]] - sha256 of what the device itself holds.
cold_hash() {
    local count=()
    [[ -z ${3:-} ]] || count=(count=$(($3 * 512)))
    blockdev --flushbufs "$1"
    dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip=$((${2:-0} * 512)) "${count[@]}" status=none |
        sha256sum | cut -d' ' -f1
}

# keep FILE... - copy to the artefacts the host finds after the run.
keep() {
    mkdir -p "/bench/out/$CASE_NAME"
    cp -a "$@" "/bench/out/$CASE_NAME/"
}
