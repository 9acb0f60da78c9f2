# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What every program of this directory begins with: the paths, and the parts of the bench.

# shellcheck source-path=SCRIPTDIR/..
# shellcheck source-path=SCRIPTDIR/../../..

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPO=$(cd "$VM_DIR/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
# A folder for each kernel release, with the modules to test.
MODULES=$REPO/build/module

. "$REPO/scripts/lib.sh"
. "$VM_DIR/lib/cache.sh"
. "$VM_DIR/lib/image.sh"
. "$VM_DIR/lib/kernel.sh"
. "$VM_DIR/lib/release.sh"
. "$VM_DIR/lib/plan.sh"
. "$VM_DIR/lib/dust.sh"
. "$VM_DIR/lib/input.sh"
. "$VM_DIR/lib/qemu.sh"
. "$VM_DIR/lib/watch.sh"
