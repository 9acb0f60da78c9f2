# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 60
#
# Must fail: leaves a device behind that the end of the case does not take down.

drop_all() { :; }
mkdm left "0 2048 zero"
