# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Words for writing cases: all there is, by subject.

GUEST_DIR=$(dirname "${BASH_SOURCE[0]}")
. "$GUEST_DIR/klog.sh"
. "$GUEST_DIR/assert.sh"
. "$GUEST_DIR/devices.sh"
. "$GUEST_DIR/remap.sh"
. "$GUEST_DIR/injectors.sh"
. "$GUEST_DIR/write_log.sh"
. "$GUEST_DIR/place.sh"
. "$GUEST_DIR/refuse.sh"
. "$GUEST_DIR/load.sh"
. "$GUEST_DIR/churn.sh"
. "$GUEST_DIR/swap.sh"
. "$GUEST_DIR/filesystem.sh"
. "$GUEST_DIR/grow.sh"
. "$GUEST_DIR/lvm.sh"
. "$GUEST_DIR/serve.sh"
