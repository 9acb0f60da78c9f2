# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 5
#
# Must fail: a process that nothing can kill, so that only the host can end it.

mkdm stuck "0 2048 zero"
dmsetup suspend stuck
dd if=/dev/mapper/stuck of=/dev/null bs=4k count=1 iflag=direct
