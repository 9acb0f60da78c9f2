# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Words every script of this repository uses. Source it; it sets no shell options.

# say TEXT... - one line of progress for the reader.
say() { printf '%s\n' "$*"; }

# die TEXT... - one sentence on stderr, then exit 1.
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# step NAME COMMAND... - run a command and print how long it took; its status is returned.
step() {
    local name=$1 began=$SECONDS status=0
    shift
    printf '== %s\n' "$name"
    "$@" || status=$?
    if ((status == 0)); then
        printf '== %s: %d s\n' "$name" "$((SECONDS - began))"
    else
        printf '== %s: FAILED with status %d after %d s\n' "$name" "$status" "$((SECONDS - began))"
    fi
    return "$status"
}

# have PROGRAM... - are all of these programs there? (Debian keeps some in sbin, which the
# PATH of an ordinary user leaves out.)
have() {
    local program
    for program in "$@"; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || return 1
    done
}

# as_root COMMAND... - run a command as root, through sudo where that is needed.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif have sudo; then
        sudo -- "$@"
    else
        die "'$1' must run as root: become root, or install sudo."
    fi
}
