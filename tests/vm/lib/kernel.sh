# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A Debian kernel, fetched and unpacked without installing it, and the two parts a boot needs
# of it: an initramfs that finds the disks, and a disk with the modules a storage test can use.

VM_DIR=${VM_DIR:?set by the script that sources this}

# Modules the initramfs loads; what a kernel has built in is passed over.
BOOT_MODULES=(virtio_pci virtio_blk ext4)

# What is left of kernel/ on the modules disk: storage, and what storage leans on.
KEPT_MODULES=(arch block crypto fs lib mm drivers/{ata,block,cdrom,dax,md,nvdimm,nvme,scsi,target,virtio}
    drivers/net/dummy.ko drivers/net/virtio_net.ko net/9p net/802 net/core net/ipv4 net/llc net/sunrpc)

# fetch_package NAME DIR - unpack one Debian package there, not installing it.
fetch_package() {
    local temp
    temp=$(mktemp -d)
    (cd "$temp" && apt-get -q -o APT::Sandbox::User=root download "$1" >/dev/null) ||
        die "the package $1 could not be downloaded: does 'apt-get update' work, and is it still offered?"
    dpkg-deb -x "$temp"/*.deb "$2"
    rm -rf "$temp"
}

# keep_modules TREE-OF-ALL TREE-OF-KEPT
keep_modules() {
    local kept path
    for kept in "${KEPT_MODULES[@]}"; do
        for path in "$kept" "$kept.xz"; do
            [[ -e $1/kernel/$path ]] || continue
            mkdir -p "$(dirname "$2/kernel/$path")"
            cp -a "$1/kernel/$path" "$2/kernel/$path"
        done
    done
    cp -a "$1"/modules.{builtin,builtin.modinfo,order} "$2/"
    # Unpacked here once rather than in every guest, where the processor is emulated.
    find "$2/kernel" -name '*.ko.xz' -exec xz -d {} +
}

# build_kernel DIR RELEASE - vmlinuz, busybox, and the module tree below lib/modules.
build_kernel() {
    local dir=$1 release=$2 package=linux-image-$2
    apt-cache show "$package" >/dev/null 2>&1 || package+=-unsigned
    say "  fetching $package"
    fetch_package "$package" "$dir/all"
    fetch_package busybox-static "$dir/busybox-package"
    cp "$dir/all/boot/vmlinuz-$release" "$dir/vmlinuz"
    cp "$dir/busybox-package/bin/busybox" "$dir/busybox"
    mkdir -p "$dir/lib/modules/$release"
    keep_modules "$dir/all/lib/modules/$release" "$dir/lib/modules/$release"
    depmod -b "$dir" "$release"
    rm -rf "$dir/all" "$dir/busybox-package"
}

# build_initramfs DIR KERNEL-ENTRY RELEASE
build_initramfs() {
    local dir=$1 kernel=$2 release=$3 module path count=10
    mkdir -p "$dir/root"/{bin,modules,proc,sys,dev,newroot}
    cp "$kernel/busybox" "$dir/root/bin/busybox"
    install -m 755 "$VM_DIR/guest/initramfs" "$dir/root/init"
    for module in "${BOOT_MODULES[@]}"; do
        while read -r path; do
            count=$((count + 1))
            cp "$path" "$dir/root/modules/$count-${path##*/}"
        done < <(modprobe -d "$kernel" -S "$release" --show-depends "$module" 2>/dev/null |
            sed -n 's/^insmod \([^ ]*\).*/\1/p')
    done
    (cd "$dir/root" && find . | sort | cpio -o -H newc --quiet -R 0:0) >"$dir/initramfs"
    rm -rf "$dir/root"
}

# build_modules_disk DIR KERNEL-ENTRY
build_modules_disk() {
    local size
    size=$(du -sm "$2/lib/modules" | cut -f1)
    truncate -s "$((size * 5 / 4 + 64))M" "$1/disk"
    mke2fs -q -F -t ext4 -O ^has_journal -E root_owner=0:0 -d "$2/lib/modules" "$1/disk"
}

# kernel_parts RELEASE - sets KERNEL, INITRAMFS and MODULES_DISK to files in the cache.
# shellcheck disable=SC2034 # for qemu_args
kernel_parts() {
    local release=$1 entry hash
    hash=$(declare -f build_kernel keep_modules | cat - <(echo "$release ${KEPT_MODULES[*]}") | content_hash)
    cache_get "kernel-$release" "$hash" build_kernel "$release"
    entry=$CACHED
    KERNEL=$entry/vmlinuz
    hash=$(declare -f build_initramfs | cat - <(echo "$entry ${BOOT_MODULES[*]}") | content_hash "$VM_DIR/guest/initramfs")
    cache_get "initramfs-$release" "$hash" build_initramfs "$entry" "$release"
    INITRAMFS=$CACHED/initramfs
    hash=$(declare -f build_modules_disk | cat - <(echo "$entry") | content_hash)
    cache_get "modules-$release" "$hash" build_modules_disk "$entry"
    MODULES_DISK=$CACHED/disk
}
