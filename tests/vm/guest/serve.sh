# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A set served by a process, beside the module.

# serve NAME MAIN SPARE... [OPTION...] - until end_serve; the device is in PLACE, what it says in server.log.
serve() {
    SERVED=$1
    shift
    check "FUSE, which nothing loads by itself" modprobe fuse
    : >address
    dmremap serve "$@" --name "$SERVED" >address 2>server.log &
    SERVER=$!
    for _ in {1..600}; do
        (($(wc -l <address) < 2)) || break
        kill -0 "$SERVER" 2>/dev/null || { cat server.log; fail "dmremap serve ended"; }
        sleep 0.1
    done
    PLACE=$(sed -n 2p address)
    check "a block device: $PLACE" test -b "$PLACE"
}

end_serve() {
    dmremap remove "$SERVED"
    wait "$SERVER"
}
