# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 60
#
# Must fail: a line of the kernel log that a healthy kernel does not write.

echo "WARNING: test" >/dev/kmsg
