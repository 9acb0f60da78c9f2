# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Swap on a device under test, in a machine whose memory is too small for what runs there.

# counted KEY - of /proc/vmstat, such as pswpout.
counted() { awk -v key="$1" '$1 == key { print $2 }' /proc/vmstat; }

# swap_on DEVICE
swap_on() {
    mkswap -q "$1"
    # Neighbours in swap are no neighbours in the working set of the tests: to read them ahead only costs.
    echo 0 >/proc/sys/vm/page-cluster
    swapon "$1"
    (($(free -m | awk '/^Mem:/ { print $2 }') < 300)) || fail "the machine has too much memory for this"
}
