# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 600
#
# dmremap-status on a live device: what messages, table and dm-stats add to the status line, that
# nothing is measured before somebody asked for it, and how it fails. The device is made by `dmremap
# create`, which finds out by itself what main is known by: a virtio disk has a serial number.

# look [OPTION...] - takes a JSON report; value FILTER - of the last one.
look() { dmremap-status "$@" -f json r >now.json; }
value() { jq -r "$1" now.json; }

known_by_serial() {
    dmremap create r "$MAIN" "$SPARE"
    matches "create passes the serial number of main" "$(dmsetup table r)" ' main_id scratch0$'
    eq "main is verified" "$(field r flags)" ''
    SET=$(stat_value r set)
    dmsetup remove r
    dmremap create r "$MAIN" "$SPARE"
    matches "also when the set is there" "$(dmsetup table r)" " 4 set $SET main_id scratch0\$"
    eq "and verified again" "$(field r flags)" ''
    dmsetup remove r
    expect_fail "another disk of the same size is refused" dmremap create r "$OTHER" "$SPARE"
    logged "both are named" "main is 'scratch2', the set was made for 'scratch0'"
    dmremap create r "$OTHER" "$SPARE" --no-main-id
    eq "--no-main-id takes it by its size" "$(field r flags)" main_unverified
    dmsetup remove r
    dmremap create r "$MAIN" "$SPARE"
    msg_ok r clear_stats
}

unmeasured() {
    dd if=/dev/mapper/r of=/dev/null bs=1M count=4 iflag=direct status=none
    look
    eq "latency is null" "$(value .performance.avg_latency_ns)" null
    eq "throughput is null" "$(value .performance.throughput_bps)" null
    eq "reads are null" "$(value .io_statistics.total_reads)" null
    matches "the box says how to switch it on" "$(dmremap-status r)" 'dmremap-status --measure r'
    matches "a dash in a compact line" "$(dmremap-status -f compact r)" \
        '^[0-9.]+: health=100% latency=- throughput=- errors=0 hotspots=- lost=0 pending=0 state=operational$'
    matches "empty in CSV" "$(dmremap-status -f csv r | tail -n 1)" ',EXCELLENT,operational,,,,,0,0,'
    eq "looking makes no region" "$(dmsetup message r 0 @stats_list)" ''
}

what_it_is() {
    local part
    look
    eq "main by its path" "$(value .devices.main)" "$MAIN"
    eq "spare by its path" "$(value .devices.spare)" "$SPARE"
    eq "its set" "$(value .metadata.set)" "$SET"
    eq "its size" "$(value .device.size_sectors)" "$(sectors "$MAIN")"
    eq "its block" "$(value .device.sector_size)" 512
    matches "the version of the target" "$(value .device.version)" '^[0-9]+\.[0-9]+\.[0-9]+$'
    matches "which is dmsetup's" "$(dmsetup targets)" "dm-remap +v$(value .device.version)"
    eq "raw is the status line" "$(dmremap-status -f raw r)" "$(dmsetup status r)"
    eq "by path as well" "$(dmremap-status -f raw /dev/mapper/r)" "$(dmsetup status r)"
    dmremap-status r >box
    for part in PERFORMANCE HEALTH REMAPPING; do
        matches "the box has $part" "$(<box)" "─ $part"
    done
    dmsetup status r | dmremap-status -f json -i - >offline.json
    eq "offline and live agree on health" "$(jq -c .health offline.json)" "$(value .health | jq -c .)"
}

remaps_show() {
    msg_ok r add_remap 1000 5000 104
    look
    eq "remaps" "$(value .remapping.active_remaps)" 1
    eq "remapped sectors" "$(value .remapping.remapped_sectors)" 104
    eq "remaps ever" "$(value .io_statistics.total_remaps)" "$(field r remaps | cut -d/ -f1)"
    dd if=/dev/mapper/r of=/dev/null bs=512 skip=1000 count=8 iflag=direct status=none
    msg r add_remap 1000 5000 104
    msg_ok r add_remap 3000 7000 8 nocopy
    look
    eq "I/O to the spare" "$(value .remapping.remapped_ios)" 8
    matches "the last refusal" "$(value .operational.last_error)" 'mapped already'
    eq "lost sectors" "$(value .health.lost_sectors)" 8
}

measured() {
    look --measure
    eq "measured, and no I/O yet" "$(jq -c .performance now.json)" \
        '{"io_ops_completed":0,"total_time_ns":0,"avg_latency_ns":null,"avg_latency_us":null,"throughput_bps":null,"throughput_mbps":null}'
    matches "one region with nanoseconds" "$(dmsetup message r 0 @stats_list)" "^0: 0\+$(sectors "$MAIN") .*precise_timestamps"
    matches "the box waits for I/O" "$(dmremap-status r)" 'Avg Latency +: no I/O yet'
    dd if=/dev/mapper/r of=/dev/null bs=4k skip=1000 count=64 iflag=direct status=none
    dd if=/dev/zero of=/dev/mapper/r bs=4k seek=2000 count=16 oflag=direct status=none
    look
    eq "reads" "$(jq .io_statistics.total_reads now.json)" 64
    eq "writes" "$(jq .io_statistics.total_writes now.json)" 16
    eq "latency is time per I/O" "$(jq '.performance | .avg_latency_ns == (.total_time_ns / 80 | floor)' now.json)" true
    check "it is not zero" jq -e '.performance.avg_latency_ns > 0' now.json
    # One I/O at a time: busy as long as the sum, within what two readings of a clock differ.
    check "throughput is bytes per second busy" jq -e '.performance | (80 * 4096 * 1e9 / .total_time_ns) as $one
        | .throughput_bps > $one * 0.5 and .throughput_bps < $one * 2' now.json
    matches "so has a compact line" "$(dmremap-status -f compact r)" \
        '^[0-9.]+: health=[0-9]+% latency=[0-9.]+us throughput=[0-9.]+MB/s errors=0 hotspots=- lost=8 pending=0 state=operational$'
    matches "the box has figures" "$(dmremap-status r)" 'Avg Latency +: [0-9.]+ μs +\[[A-Z]+\]'
    dmremap-status --measure r >/dev/null
    eq "asking again makes no second region" "$(dmsetup message r 0 @stats_list | wc -l)" 1
    cp now.json before.json
    look
    eq "looking twice tells the same" "$(value .performance)" "$(jq -r .performance before.json)"
    dmstats delete --allprograms --allregions r >/dev/null
    look
    eq "and null again without it" "$(value .performance.avg_latency_ns)" null
}

# Regions that cannot tell are not used; dmstats' own is.
other_regions() {
    dmsetup message r 0 "@stats_create 0+1024 1024 part" >/dev/null
    dmsetup message r 0 "@stats_create - /4 areas" >/dev/null
    look
    eq "a part, or several areas, say nothing" "$(value .performance.io_ops_completed)" null
    dmstats create r >/dev/null
    dd if=/dev/mapper/r of=/dev/null bs=4k skip=1000 count=4 iflag=direct status=none
    look
    eq "dmstats create is enough" "$(value .performance.io_ops_completed)" 4
}

# refused EXIT PATTERN COMMAND...
refused() {
    local wanted=$1 pattern=$2 status=0 said
    shift 2
    said=$("$@" 2>&1) || status=$?
    eq "exit of: $*" "$status" "$wanted"
    matches "and its sentence" "$said" "$pattern"
}

# refuse_memory - at each call to the kernel's device-mapper; where that is not what it asked for, it goes on.
refuse_memory() {
    local when status said refused=0
    for ((when = 1; when < 100; when++)); do
        status=0
        said=$(strace -qq -o trace -e trace=ioctl -e inject="ioctl:error=ENOMEM:when=$when" dmremap-status r 2>&1 >/dev/null) || status=$?
        grep -q INJECTED trace || break
        ((status != 0)) || continue
        [[ $status == 3 && $said =~ ^dmremap-status:\ .*:\ Cannot\ allocate\ memory$ ]] ||
            fail "refused memory at ioctl $when: status $status, $said; $(grep INJECTED trace)"
        refused=$((refused + 1))
    done
    pass "refused memory at $refused calls, with status 3"
    ((refused > 3)) || fail "that is not what was meant to be tested"
}

failing() {
    refused 4 '^dmremap-status: there is no mapped device none$' dmremap-status none
    refuse_memory
    mklinear plain "$OTHER"
    refused 4 'plain is not a dm-remap device but linear' dmremap-status plain
    refused 2 'by root only' setpriv --reuid=65534 --regid=65534 --clear-groups dmremap-status r
    dmsetup suspend r
    look
    eq "a suspended device can be asked" "$(value .operational.state)" operational
    dmsetup resume r
}

watching() {
    (sleep 2 && vm-test-message -p r "add_remap 9000 9000 8") &
    timeout 8 dmremap-status -w 1 -f csv r >watched || true
    wait $!
    eq "the names once" "$(grep -c ^timestamp watched)" 1
    check "before and after" test "$(cut -d, -f13 watched | sort -u | wc -l)" -ge 3
}

scratch MAIN 0
scratch SPARE 1
scratch OTHER 2
known_by_serial
unmeasured
what_it_is
remaps_show
measured
other_regions
failing
watching
