# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# set: full
# timeout: 240
#
# LUKS over dm-remap, and dm-remap over LUKS on main and spare. Encryption depends on the sector's
# number: one that went to the wrong place would read as noise.

# locked NAME DEVICE - a LUKS container on it, opened. A cheap key derivation: it is not under test.
locked() {
    echo -n secret | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 \
        --pbkdf-force-iterations 1000 --key-file - "$2"
    echo -n secret | cryptsetup open --type luks2 --key-file - "$2" "$1"
}

above() {
    mkremap live "$MAIN" "$SPARE"
    locked crypt /dev/mapper/live
    verified_under_churn /dev/mapper/crypt "$(spell 5)" live
    # The header too, moved as a whole, must still open the container.
    cryptsetup close crypt
    msg_ok live relocate 0 32768
    check "a container whose header was relocated" cryptsetup open --key-file <(echo -n secret) /dev/mapper/live crypt
    check "its data" vm-test-sectors check /dev/mapper/crypt 0 32768 3
    cryptsetup close crypt
    dmsetup remove live
}

below() {
    locked crypt_main "$MAIN"
    locked crypt_spare "$SPARE"
    # Zeros below are no zeros here.
    expect_fail "a spare that was never written" mkremap live /dev/mapper/crypt_main /dev/mapper/crypt_spare
    mkremap live /dev/mapper/crypt_main /dev/mapper/crypt_spare format
    verified_under_churn /dev/mapper/live "$(spell 5)" live
    dmsetup remove live
    check "main alone has it all" vm-test-sectors check /dev/mapper/crypt_main 0 32768 3
    cryptsetup close crypt_main
    cryptsetup close crypt_spare
}

mkloop MAIN 64M
mkloop SPARE 64M
above
below
