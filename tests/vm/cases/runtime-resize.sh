# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 900
#
# tests/runtime_resize_test_fixed.sh in the machine. By hand, because run-tests.sh runs it as a step of its own.

bash /bench/tests/module/runtime_resize_test_fixed.sh
