# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Where a script that needs the real module runs: on this kernel when it takes the module, else
# in the VM bench. Source it after lib.sh, in the root of the repository.
#
#     run_with_module SCRIPT CASE   SCRIPT here as root, or tests/vm/run SERIES CASE
#
# DMREMAP_WHERE=here or vm decides instead of looking; DMREMAP_SERIES is the kernel of the VM.

DMREMAP_SERIES=${DMREMAP_SERIES:-6.12}
# Set when this process loaded the module and so must unload it.
LOADED_HERE=no

# root_at_hand - root, or sudo that does not ask in the middle of a test.
root_at_hand() { ((EUID == 0)) || { have sudo && sudo -n true 2>/dev/null; }; }

# May this process load modules? In a container root may not: bit 16 of its capabilities is clear.
may_load_modules() {
    local capabilities
    capabilities=$(as_root sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
    (((0x$capabilities >> 16) & 1))
}

has_device_mapper() {
    grep -qw device-mapper /proc/misc || as_root env PATH="$PATH:/usr/sbin:/sbin" modprobe -q dm-mod 2>/dev/null
}

# install_headers_here - for the running kernel, where Debian has them.
install_headers_here() {
    local release
    release=$(uname -r)
    if [[ -e /lib/modules/$release/build/Makefile ]]; then
        scripts/deps.sh demo
        return
    fi
    have apt-cache || return 1
    apt-cache show "linux-headers-$release" >/dev/null 2>&1 || return 1
    scripts/deps.sh here
}

build_here() { make --no-print-directory module KVER="$(uname -r)" >build/log/module-here.log 2>&1; }

load_here() {
    ! as_root env PATH="$PATH:/usr/sbin:/sbin" dmsetup targets 2>/dev/null | grep -q '^dm-remap ' || return 0
    as_root env PATH="$PATH:/usr/sbin:/sbin" insmod "build/module/$(uname -r)/dm-remap.ko" 2>build/log/insmod.log || return 1
    LOADED_HERE=yes
}

unload_here() {
    [[ $LOADED_HERE == yes ]] || return 0
    as_root env PATH="$PATH:/usr/sbin:/sbin" rmmod dm_remap
    LOADED_HERE=no
}

# try_here - gets the module into this kernel; fails with what is in the way in WHY_NOT.
try_here() {
    WHY_NOT=''
    mkdir -p build/log
    if [[ ${DMREMAP_WHERE:-} == vm ]]; then
        WHY_NOT="DMREMAP_WHERE=vm"
    elif ! root_at_hand; then
        WHY_NOT="there are no root rights at hand"
    elif ! may_load_modules; then
        WHY_NOT="root may not load modules here (a container?)"
    elif ! has_device_mapper; then
        WHY_NOT="this kernel, $(uname -r), has no device-mapper"
    elif ! install_headers_here; then
        WHY_NOT="there are no headers for this kernel, $(uname -r)"
    elif ! build_here; then
        WHY_NOT="the module cannot be built for $(uname -r); see build/log/module-here.log"
    elif ! load_here; then
        WHY_NOT="$(uname -r) refuses the module: $(head -n 1 build/log/insmod.log)"
    fi
    [[ -z $WHY_NOT || ${DMREMAP_WHERE:-} != here ]] || die "DMREMAP_WHERE=here, but $WHY_NOT."
    [[ -z $WHY_NOT ]]
}

# vm_ready - QEMU, images' tools, and the module for the kernel that will boot.
vm_ready() {
    local release
    have qemu-system-x86_64 mmdebstrap mke2fs cpio depmod xz || scripts/deps.sh vm || return 1
    release=$(scripts/kernel-release.sh "$DMREMAP_SERIES" cloud 2>/dev/null) || release=''
    if [[ -z $release || ! -e /lib/modules/$release/build/Makefile ]]; then
        scripts/deps.sh build headers-cloud || return 1
        release=$(scripts/kernel-release.sh "$DMREMAP_SERIES" cloud) || return 1
    fi
    make --no-print-directory module KVER="$release"
}

# run_with_module SCRIPT CASE
run_with_module() {
    local status=0
    if try_here; then
        say "running on this kernel, $(uname -r)"
        trap unload_here EXIT
        as_root env PATH="$PATH:/usr/sbin:/sbin" bash "$1" || status=$?
        unload_here || status=1
        trap - EXIT
        return "$status"
    fi
    say "running in a virtual machine with Linux $DMREMAP_SERIES, because $WHY_NOT"
    vm_ready || return 1
    tests/vm/run "$DMREMAP_SERIES" "$2"
}
