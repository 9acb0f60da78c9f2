# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 900
#
# tests/runtime_verify.sh in the machine. run-tests.sh runs it on 6.12 as a step of its own.

bash /bench/tests/module/runtime_verify.sh
