# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 90
#
# Must fail: a task that hangs for a while, and goes on by itself. All others tell where they are.

told() { dmesg | grep -q 'sysrq: Show Memory'; }

sysctl -q -w kernel.hung_task_timeout_secs=5
mkdm slow "0 2048 zero"
dmsetup suspend slow
# Direct I/O wakes up in time to be no hung task; who waits for a write-back does not.
dd if=/dev/zero of=/dev/mapper/slow bs=4k count=1 conv=fsync status=none &
for _ in {1..60}; do
    ! told || break
    sleep 1
done
sysctl -q -w kernel.hung_task_timeout_secs=60
dmsetup resume slow
wait
told
echo "  all tasks told where they are"
