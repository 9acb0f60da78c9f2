# SPDX-License-Identifier: GPL-2.0-or-later
# For the clients that cases write: a call that must be refused.
import nbd


def refused(what, call):
    try:
        call()
    except nbd.Error as e:
        assert e.errnum == what, (what, e.errnum)
    else:
        raise AssertionError('not refused')
