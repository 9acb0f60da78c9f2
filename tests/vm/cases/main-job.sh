# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 900
#
# What ../../../quickstart.sh shows, in the machine. By hand, because quickstart.sh runs it.

bash /bench/demos/main-job.sh
