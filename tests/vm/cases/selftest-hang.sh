# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 5
#
# Must fail: does not end, and is ended by the guest.

sleep 1000
