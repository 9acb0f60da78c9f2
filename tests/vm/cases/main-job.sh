# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 900
#
# What ../../../quickstart.sh shows, in the machine. run-tests.sh runs it on 6.12 as a step of its own, make check-vm on both kernels.

bash /bench/demos/main-job.sh
