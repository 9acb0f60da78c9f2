# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Built parts (kernels, disk images), kept by content: the name of an entry ends in a hash of
# all that went into it, so an entry is never changed, only left behind. An entry is built in
# a directory of its own and appears under its name by one rename; a lock keeps two runs from
# building the same one.

CACHE=${DMREMAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dm-remap}

# content_hash [FILE...] - a short hash of stdin and of the files' contents.
content_hash() {
    local file
    {
        cat
        for file in "$@"; do
            cat "$file"
        done
    } | sha256sum | cut -c1-12
}

# Entries nobody asked for in two weeks go, with what an interrupted build left.
cache_prune() {
    find "$CACHE" -mindepth 1 -maxdepth 1 -type d -name "$1-*" -mtime +14 -exec rm -rf {} +
    find "$CACHE" -mindepth 1 -maxdepth 1 -type d -name ".new-$1-*" -mtime +1 -exec rm -rf {} +
}

# cache_get KIND HASH BUILDER [ARG...] - sets CACHED to the entry's directory. When it is not
# there yet, BUILDER is called with a new directory and the arguments to fill it: in a process
# of its own, because bash would go on after a failed command inside a condition.
cache_get() {
    local kind=$1 hash=$2 builder=$3 temp
    shift 3
    CACHED=$CACHE/$kind-$hash
    mkdir -p "$CACHE"
    (
        flock -n 9 || {
            say "waiting: another run is building the $kind"
            flock 9
        }
        if [[ ! -d $CACHED ]]; then
            cache_prune "$kind"
            temp=$(mktemp -d "$CACHE/.new-$kind-XXXXXX")
            trap 'rm -rf "$temp" 2>/dev/null || as_root rm -rf "$temp"' EXIT
            # No errexit in here either: see above.
            step "build the $kind" "$VM_DIR/lib/build" "$builder" "$temp" "$@" || exit 1
            mv -T "$temp" "$CACHED" || exit 1
            trap - EXIT
        fi
        touch "$CACHED"
    ) 9>"$CACHE/.lock-$kind" || die "the $kind could not be built."
}
