# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 86400
#
# Lives of a machine whose power will be cut (tests/crash): each looks whether all is there that was
# acknowledged before the last cut, then works until it is cut itself. Main and spare are the first
# two scratch disks, which outlive the machine; the third is the book of what was acknowledged
# (programs/book.h).
#
# The machine may have been saved while it waited for its order and go on with disks that others
# wrote in between. So nothing is read from them before the order is there, but the order itself,
# past the page cache.

# order - the words of the host: SEED, what to do, and seconds.
order() { dd if="$ORDERS" bs=4096 count=1 iflag=direct status=none | tr -d '\0'; }

begin() {
    mkremap cut "$MAIN" "$SPARE"
    vm-test-life note "$BOOK" set "$(stat_value cut set)"
    # The lower half: above it programs/life.cc writes stamps.
    mkfs.ext4 -qF -E lazy_itable_init=0 /dev/mapper/cut $(($(sectors "$MAIN") / 4))k
    mnt /dev/mapper/cut data
    sync
}

# sound [STATUS...] - `dmremap check` ends with 0, or with one of these.
sound() {
    local status=0 allowed=" 0 $* "
    dmremap check "$SPARE" >checked || status=$?
    [[ $allowed == *" $status "* ]] || { cat checked; fail "dmremap check ends with $status"; }
    pass "dmremap check: $(sed -n 's/^verdict *//p' checked)"
}

look() {
    local uuid
    uuid=$(vm-test-life print "$BOOK" | awk '$1 == "set" { print $2 }')
    # What a cut left in one copy and not in the other is mended by the start.
    sound 4
    ! grep -q '^refused' checked || { cat checked; fail "dmremap check refuses"; }
    check "the set is served" mkremap cut "$MAIN" "$SPARE" set "$uuid"
    eq "mode" "$(field cut mode)" ok
    mnt /dev/mapper/cut data
    check "all that was acknowledged is there" vm-test-survey settle cut "$BOOK" data
    umount data
    check "fsck is clean" e2fsck -fn /dev/mapper/cut
    dmsetup remove cut
    sound
    mkremap cut "$MAIN" "$SPARE" set "$uuid"
    mnt /dev/mapper/cut data
}

MAIN=$("$GUEST_DIR/disk" scratch0)
SPARE=$("$GUEST_DIR/disk" scratch1)
BOOK=$("$GUEST_DIR/disk" scratch2)
ORDERS=$("$GUEST_DIR/disk" output)
mkdir -p data
modprobe dm-remap
# Read once, so that a life need not.
cat "$(command -v fio)" "$(command -v e2fsck)" "$(command -v dmremap)" "$(command -v dmsetup)" >/dev/null
echo "WAITING"
until [[ $(order) == order* ]]; do sleep 0.1; done
read -r _ seed ending seconds <<<"$(order)"
echo "order: seed $seed, $ending after $seconds s"
# A restored machine would make the same random numbers in every life.
echo "$seed" >/dev/urandom
if [[ $(head -c 4 "$BOOK" | tr -d '\0') ]]; then look; else begin; fi
bad=$(klog_bad "bench: start $CASE_NAME" '' || true)
[[ -z $bad ]] || fail "kernel log: $bad"
echo "WORKING"
[[ $ending != rest ]] || exit 0
fio --name=load --directory=data --size=32M --rw=randwrite --bs=4k --direct=1 --ioengine=libaio \
    --iodepth=16 --time_based --runtime=3600 --randseed="$seed" --output=/dev/null &
vm-test-life work cut "$BOOK" data "$seed" &
# The host cuts sooner than this when it is the one to cut.
{ sleep "$seconds"; touch resetting; vm-test-life reboot; } &
wait -n || true
# The kernel stops the disks before it resets the machine, so the work may see them fail just then; it knows
# by that file. What was acknowledged until that moment, the next life looks at.
[[ ! -e resetting ]] || sleep 60
fail "the work came to an end by itself"
