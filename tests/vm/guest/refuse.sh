# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Refusals: the error, the sentence that tells the user why, and that nothing has changed. The work
# is done by programs/refuse.cc, where the lines are explained.

# refuses NAME <LINES - messages.
refuses() { vm-test-refuse message "$1" || fail "a message to $1 was not refused as it must be"; }

# tables_refused DEVICE... <LINES - tables. The devices are free before and afterwards.
tables_refused() { vm-test-refuse table "$@" || fail "a table was not refused as it must be"; }
