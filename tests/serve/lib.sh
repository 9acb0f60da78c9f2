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

SERVERS=()
DEVICE=none
SPARES=(spare.img)
UNDER=()
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
    wait "$SERVER" || ENDED=$?
}

end_servers() {
    local server
    for server in "${SERVERS[@]}"; do
        kill -9 "$server" 2>/dev/null || true
    done
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
