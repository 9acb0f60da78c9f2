# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 900
#
# tests/runtime_resize_test_fixed.sh in the machine. run-tests.sh runs it on 6.12 as a step of its own.

bash /bench/tests/module/runtime_resize_test_fixed.sh
