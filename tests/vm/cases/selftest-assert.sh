# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 60
#
# Must fail: an assertion does not hold.

eq "one and one" $((1 + 1)) 3
echo "not reached" >/dev/kmsg
