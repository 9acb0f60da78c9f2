# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 60
#
# Must fail: the kernel dies in the middle of it.

echo c >/proc/sysrq-trigger
