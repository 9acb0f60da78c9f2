# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The guest's root file system: a Debian user land of the release the programs are built on. There
# are two: "tools" has the storage tools the tests use, "fresh" what a user needs to build the
# module, and little more. They are never written to: each boot has a throw-away overlay.

IMAGE_SUITE=bookworm
IMAGE_MIB=1536
IMAGE_PACKAGES=(
    # what the tests drive
    dmsetup mount util-linux fdisk e2fsprogs xfsprogs btrfs-progs lvm2 mdadm cryptsetup-bin
    fio blktrace sg3-utils nbd-client kmod gddrescue
    # what they look and calculate with
    procps psmisc strace xxd jq bc file diffutils gawk less attr iproute2
    # what our programs link to
    libdevmapper1.02.1 libblkid1 libfmt9 libfuse3-3 liburing2 libudev1 libstdc++6
)

# What guest/ itself needs, and what installation.md tells a user to install; the headers of the
# kernel come to it.
FRESH_MIB=4096
FRESH_PACKAGES=(dmsetup mount util-linux kmod procps psmisc iproute2 sudo build-essential)

# The mirrors of this machine, so that an image comes from where its packages come from.
image_sources() {
    local mirror
    # shellcheck disable=SC2016 # apt expands it
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $IMAGE_SUITE" 2>/dev/null |
        grep -m1 '/debian/\?$') || mirror=http://deb.debian.org/debian
    printf 'deb %s %s main\n' "$mirror" "$IMAGE_SUITE"
}

# build_image DIR - a root file system in DIR/disk.
build_image() {
    local dir=$1 packages
    packages=$(IFS=,; echo "${IMAGE_PACKAGES[*]}")
    image_sources | as_root mmdebstrap --variant=minbase --format=directory \
        --include="$packages" \
        --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        "$IMAGE_SUITE" "$dir/root" - 2>&1
    as_root mkdir -p "$dir/root/bench" "$dir/root/usr/lib/modules"
    as_root rm -rf "$dir/root/var/cache/apt" "$dir/root/var/lib/apt/lists"
    say "  writing the file system"
    truncate -s "${IMAGE_MIB}M" "$dir/disk"
    as_root mke2fs -q -F -t ext4 -O ^has_journal -m 0 -d "$dir/root" "$dir/disk"
    as_root rm -rf "$dir/root"
}

# The same with updates, which is where the kernels of the bench come from.
fresh_sources() {
    apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' "Created-By: Packages" |
        grep " $IMAGE_SUITE" | sort -u
}

# build_fresh DIR RELEASE - a root file system in DIR/disk.
build_fresh() {
    local dir=$1 packages
    packages=$(IFS=,; echo "${FRESH_PACKAGES[*]},linux-headers-$2")
    fresh_sources | as_root mmdebstrap --variant=minbase --format=directory \
        --include="$packages" \
        --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        "$IMAGE_SUITE" "$dir/root" - 2>&1
    # The modules disk is mounted over this folder; the case makes the link once more.
    as_root rm -rf "$dir/root/usr/lib/modules" "$dir/root/boot"
    as_root mkdir -p "$dir/root/bench" "$dir/root/usr/lib/modules"
    as_root rm -rf "$dir/root/var/cache/apt" "$dir/root/var/lib/apt/lists"
    say "  writing the file system"
    truncate -s "${FRESH_MIB}M" "$dir/disk"
    as_root mke2fs -q -F -t ext4 -O ^has_journal -m 0 -d "$dir/root" "$dir/disk"
    as_root rm -rf "$dir/root"
}

# image_parts [tools | fresh RELEASE] - sets ROOT_DISK to a file in the cache.
image_parts() {
    local hash
    if [[ ${1:-tools} == fresh ]]; then
        hash=$(declare -f build_fresh | cat - <(echo "$IMAGE_SUITE $FRESH_MIB ${FRESH_PACKAGES[*]}") | content_hash)
        cache_get "fresh-$2" "$hash" build_fresh "$2"
        # shellcheck disable=SC2034 # for qemu_args
        ROOT_DISK=$CACHED/disk
        return
    fi
    hash=$(declare -f build_image | cat - <(echo "$IMAGE_SUITE $IMAGE_MIB ${IMAGE_PACKAGES[*]}") | content_hash)
    cache_get "image-$IMAGE_SUITE" "$hash" build_image
    # shellcheck disable=SC2034 # for qemu_args
    ROOT_DISK=$CACHED/disk
}
