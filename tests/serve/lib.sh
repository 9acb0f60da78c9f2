# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# For the cases of this folder, beside tests/tools/lib.sh: servers that end with the case.
#   NAME   the control socket of the last server: what other subcommands call the device
#   URI    its address

SERVERS=()
export XDG_RUNTIME_DIR=$WORK

# start_server [OPTION...] - on main.img and spare.img; ready when it returns.
start_server() {
    NAME=$PWD/c.control
    rm -f address
    "$DMREMAP" serve main.img spare.img --control "$NAME" --socket "$PWD/n" "$@" >address 2>server.log &
    SERVER=$!
    SERVERS+=("$SERVER")
    for _ in {1..100}; do
        [[ ! -s address ]] || break
        kill -0 "$SERVER" 2>/dev/null || break
        sleep 0.05
    done
    URI=$(<address)
    [[ -n $URI ]] || { echo "the server did not start:"; cat server.log; return 1; }
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
