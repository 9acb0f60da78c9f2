# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 60
#
# Must fail: ends with an error, and what was to write down its reason did not come to it.

: >"$CASE_STATE/reason"
echo "the last it said"
exit 1
