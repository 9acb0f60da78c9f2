# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# For the cases of this folder, beside tests/tools/lib.sh: servers that end with the case.
#   NAME   the control socket of the last server: what other subcommands call the device
#   URI    its address
#   DEVICE what it is given as --device
#   SPARES its spares
#   PLACE  its file or loop device, when it has one
#   UNDER  the words of a command that starts it, if any
#   OTHER  those that make a command one of another user than root (for_another)

SERVERS=()
FUSES=()
DEVICE=none
SPARES=(spare.img)
UNDER=()
OTHER=()
export XDG_RUNTIME_DIR=$WORK

# started COUNT - waits for so many lines of the server's.
started() {
    for _ in {1..200}; do
        (($(wc -l <address) < $1)) || return 0
        kill -0 "$SERVER" 2>/dev/null || break
        sleep 0.05
    done
    echo "the server did not start:"
    cat server.log
    return 1
}

# start_server [OPTION...] - on main.img and SPARES; ready when it returns.
start_server() {
    NAME=$PWD/c.control
    : >address
    "${UNDER[@]}" "$DMREMAP" serve main.img "${SPARES[@]}" --control "$NAME" --socket "$PWD/n" --device "$DEVICE" "$@" \
        >address 2>server.log &
    SERVER=$!
    SERVERS+=("$SERVER")
    started "$([[ $DEVICE == none ]] && echo 1 || echo 2)" || return 1
    URI=$(sed -n 1p address)
    PLACE=$(sed -n 2p address)
}

# end_server SIGNAL - and its exit code in ENDED.
end_server() {
    ENDED=0
    kill "-$1" "$SERVER"
    wait "$SERVER" 2>/dev/null || ENDED=$?
}

end_servers() {
    local server
    for server in "${SERVERS[@]}"; do
        kill -9 "$server" 2>/dev/null || true
    done
}

# room_of FILE - how many bytes it takes on its file system.
room_of() {
    sync "$1"
    echo $(($(stat -c '%b * %B' "$1")))
}

# gives_up BYTES FILE WHAT COMMAND... - one assertion: the command succeeds, and the file takes so much less afterwards,
# but for what the file system takes to know it.
gives_up() {
    local bytes=$1 file=$2 what=$3 before after status=0
    shift 3
    before=$(room_of "$file")
    "$@" >output 2>&1 || status=$?
    after=$(room_of "$file")
    check "$what (exit $status; it took $before bytes, and takes $after)" \
        test "$status $((before - after > bytes - 65536))" = '0 1'
}

# over_nbdkit NAME ARGUMENT... - NAME.img becomes a file of nbdfuse over an nbdkit with these arguments. Whoever calls it
# unmounts NAME.d in the end.
over_nbdkit() {
    local name=$1
    shift
    mkdir "$name.d"
    nbdkit -f -U "$name.s" "$@" 2>/dev/null &
    SERVERS+=("$!")
    for _ in {1..100}; do [[ ! -S $name.s ]] || break; sleep 0.05; done
    nbdfuse "$name.d/$name" "nbd+unix:///?socket=$PWD/$name.s" 2>/dev/null &
    FUSES+=("$!")
    for _ in {1..100}; do [[ ! -e $name.d/$name ]] || break; sleep 0.05; done
    ln -s "$name.d/$name" "$name.img"
}

# skip WHAT WHY - says what was not tried.
skip() { printf '%s: not tried: %s: %s\n' "$CASE" "$1" "$2"; }

# for_another - gives this folder and what is in it to another user than root, who OTHER makes of a command. Others
# may have no way to the program, and none to FUSE: it is a copy, and FUSE is a device of their own.
for_another() {
    ((EUID == 0)) || return 0
    chmod 711 "$WORK"
    cp --reflink=auto "$DMREMAP" dmremap
    DMREMAP=$PWD/dmremap
    [[ -e fuse ]] || mknod -m 666 fuse c 10 229
    chown -R 65534:65534 .
    OTHER=(unshare -m bash -c '
        mount --bind "$0/fuse" /dev/fuse && XDG_RUNTIME_DIR=$0 HOME=$0 TMPDIR=$0 \
            exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"' "$PWD")
}

# check WHAT COMMAND... - one assertion.
check() {
    local what=$1
    shift
    if "$@" >output 2>&1; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
        printf 'FAIL %s: %s\n' "$CASE" "$what"
        sed 's/^/  | /' output | head -n 20
    fi
}
