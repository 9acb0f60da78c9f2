# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# fio with verification, in the foreground or while something else happens.

# DMREMAP_LONG=1 multiplies sizes and durations for a night's run.
longer() { echo $(($1 * (${DMREMAP_LONG:-0} == 0 ? 1 : 20))); }
# DMREMAP_SHORT=1 is how --short runs: a case that is right in less time as well takes a quarter then.
short() { ((${DMREMAP_SHORT:-0})); }
spell() { if short; then echo $((($1 + 3) / 4)); else longer "$1"; fi; }

# fio_engine - the asynchronous engine to use: io_uring where the kernel has it.
fio_engine() {
    if fio --name=probe --ioengine=io_uring --filename=/dev/zero --size=4k --rw=read --bs=4k \
        --output=/dev/null >/dev/null 2>&1; then
        echo io_uring
    else
        echo libaio
    fi
}

# verify_begin NAME FILE SECONDS [OPTION...] - fio after fio in the background until the time is
# over, or there is a file `enough`: each writes at random and then verifies all of it. The process is FIO_PID, the outputs are
# NAME.*.json.
verify_begin() {
    local name=$1 file=$2 end=$((SECONDS + $3)) round=0
    shift 3
    rm -f "$name".*
    while :; do
        fio --name="$name" --filename="$file" --direct=1 --ioengine=libaio --iodepth=32 --bs=4k \
            --rw=randwrite --verify=crc32c --verify_fatal=1 --randseed="$RANDOM" --output-format=json \
            --output="$name.$round.json" "$@" >"$name.err" 2>&1 || exit 1
        ((SECONDS < end)) && [[ ! -e enough ]] || exit 0
        round=$((round + 1))
    done &
    FIO_PID=$!
}

# fio_json NAME - what its rounds reported; fio may write notes into the same file first.
fio_json() { awk 'FNR == 1 { on = 0 } /^{/ { on = 1 } on' "$1".*.json; }

# verify_end NAME - waits for it and fails when it saw anything wrong, or wrote nothing.
verify_end() {
    local writes
    wait "$FIO_PID" || fail "fio $1: $(head -c 600 "$1.err") $(grep -h -m 3 -iE 'verify:|err=' "$1".*.json)"
    writes=$(fio_json "$1" | jq -s '[.[].jobs[] | .write.total_ios] | add')
    ((writes > 0)) || fail "fio $1 wrote nothing"
    pass "fio $1: $writes writes verified"
}

# worst_latency NAME - in milliseconds, of reads and writes.
worst_latency() {
    fio_json "$1" | jq -rs '[.[].jobs[] | .read.clat_ns.max, .write.clat_ns.max] | max / 1e6 | round'
}

running() { kill -0 "$1" 2>/dev/null; }
