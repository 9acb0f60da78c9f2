# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 1200
#
# README.md's one line, as it stands there, on a machine with build-essential and the headers of
# its kernel only. tests/fresh-install runs this one, in the image for it.

LINE='make && sudo make install && modprobe dm-remap'

# The bench mounts its modules over those of the headers' package, whose only file this is.
ln -sfn "/usr/src/linux-headers-$(uname -r)" "/usr/lib/modules/$(uname -r)/build"
mkdir source
tar -xf /bench/source.tar -C source
cd source || fail "no sources"
check "README.md has the line" grep -qxF "$LINE" README.md
expect_fail "nothing is installed yet" modinfo dm-remap
# In a shell as a user has it: no word of the bench, and none of its programs in PATH.
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    bash -c "$LINE" || fail "the line failed"
check "the module is loaded" test -d /sys/module/dm_remap
matches "where modprobe found it" "$(modinfo -n dm-remap)" '/updates/dm-remap.ko$'

mkloop MAIN 64M
mkloop SPARE 64M
mkremap fresh "$MAIN" "$SPARE"
dmsetup message fresh 0 add_remap 1000 5000 100
matches "its status" "$(dmsetup status fresh)" ' dm-remap '
dmsetup remove fresh
rmmod dm_remap
check "make uninstall" make uninstall
expect_fail "it is gone" modinfo dm-remap
