# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 60
#
# Must pass, also after cases that failed.

mkdm fine "0 2048 zero"
check "the device is there" test -b /dev/mapper/fine
expect_fail "a message dm-zero does not know" dmsetup message fine 0 nonsense
msg_err fine EINVAL nonsense
