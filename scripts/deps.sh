#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs the Debian packages that a task needs, by group:
#
#     build          compilers and libraries for the module and for the programs
#     headers        headers of the newest 6.1 and 6.12 kernels, flavour plain (amd64)
#     headers-cloud  the same, flavour cloud (cloud-amd64): what tests/vm boots by default
#     demo           the programs of demos/main-job.sh
#     here           the same, and headers of the running kernel
#     serve          clients for the tests of `dmremap serve`
#     user           what `dmremap demo` runs
#     vm             QEMU and what builds the images of tests/vm
#     cross          a big-endian compiler and its emulator, for tests/images/big-endian.sh
#     lint           what looks at the sources, and the second compiler
#     fuzz           clang with libFuzzer and the sanitizers' runtime
#     model          spin and the compiler it needs, for the model of the metadata protocol
#
# Only what is missing is installed, without recommended packages. No kernel image is ever
# installed: on a real machine it would become the next kernel to boot.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
APT=(apt-get -q -o DPkg::Lock::Timeout=600 -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0)
KERNEL_SERIES=(6.1 6.12)

packages_of() {
    case $1 in
        build)
            printf '%s\n' gcc-12 g++-12 g++ make cmake pkg-config kmod xz-utils \
                libgtest-dev libbenchmark-dev libboost1.81-dev libabsl-dev \
                libdevmapper-dev libblkid-dev liburing-dev libfuse3-dev nbdkit-plugin-dev libcli11-dev libfmt-dev nlohmann-json3-dev \
                scdoc
            ;;
        vm)
            printf '%s\n' qemu-system-x86 mmdebstrap debian-archive-keyring e2fsprogs cpio \
                kmod xz-utils zstd util-linux procps
            ;;
        serve)
            printf '%s\n' libnbd-bin python3-libnbd nbdkit qemu-utils fio e2fsprogs fuse3 util-linux
            ;;
        user) printf '%s\n' e2fsprogs fuse3 ;;
        demo) printf '%s\n' dmsetup e2fsprogs fio mount util-linux kmod ;;
        here) packages_of demo && printf '%s\n' "linux-headers-$(uname -r)" ;;
        cross) printf '%s\n' g++-s390x-linux-gnu qemu-user ;;
        lint) printf '%s\n' shellcheck clang clang-format cppcheck scdoc mandoc ;;
        fuzz) printf '%s\n' clang libclang-rt-14-dev llvm-14 cmake make pkg-config libfmt-dev liburing-dev ;;
        model) printf '%s\n' spin gcc libc6-dev ;;
        *) die "there is no group '$1'; the groups are build, headers, headers-cloud, demo, here, serve, user, vm, cross, lint, fuzz and model." ;;
    esac
}

installed() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }

# The lists are fetched once per run, and only when a package is asked that they do not know.
update_lists() {
    [[ -z ${UPDATED:-} ]] || return 0
    UPDATED=yes
    say "fetching the package lists"
    as_root env DEBIAN_FRONTEND=noninteractive "${APT[@]}" update | sed -n 's/^\(Fetched\|Err\)/  \1/p'
}

known() { [[ -n $(apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([^(]\)/\1/p') ]]; }

# Shows one line per package instead of dpkg's several, so that long work is seen to move.
progress() { sed -nE 's/^(Setting up ([^ ]+) .*)$/  \2/p; s/^((E|Err|W):.*)$/  \1/p'; }

apt_install() {
    say "installing: $*"
    as_root env DEBIAN_FRONTEND=noninteractive "${APT[@]}" install -y --no-install-recommends "$@" \
        2>&1 | progress ||
        die "apt-get could not install these packages: $*"
}

install_packages() {
    local package missing=()
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    for package in "${missing[@]}"; do
        known "$package" || update_lists
        known "$package" || die "Debian's package lists do not offer '$package'; this needs Debian 12."
    done
    apt_install "${missing[@]}"
}

pulls_a_kernel() { apt-get -s install --no-install-recommends "$1" 2>/dev/null | grep -q '^Inst linux-image'; }

# Debian's 6.12 headers depend on the kernel image. What they share is installed as packages,
# the small part of one flavour is unpacked by hand to where its package would put it.
unpack_headers() (
    release=$1
    package=linux-headers-$release
    mapfile -t shared < <(apt-cache depends --no-recommends --no-suggests "$package" |
        sed -nE 's/^ *\|?Depends: (linux-(headers|kbuild|compiler)-.*)$/\1/p')
    install_packages "${shared[@]}"
    say "unpacking: $package (its package would install a kernel)"
    temp=$(mktemp -d)
    trap 'rm -rf "$temp"' EXIT
    cd "$temp"
    "${APT[@]}" download "$package" >/dev/null || die "$package could not be downloaded."
    dpkg-deb -x ./*.deb root
    as_root cp -a "root/usr/src/$package" /usr/src/
    as_root mkdir -p "/usr/lib/modules/$release"
    as_root cp -a "root/lib/modules/$release/." "/usr/lib/modules/$release/"
)

install_headers() {
    local series release
    for series in "${KERNEL_SERIES[@]}"; do
        release=$("$HERE/kernel-release.sh" "$series" "$1" 2>/dev/null) || {
            update_lists
            release=$("$HERE/kernel-release.sh" "$series" "$1") || exit 1
        }
        if [[ -e /lib/modules/$release/build/Makefile ]]; then
            continue
        elif pulls_a_kernel "linux-headers-$release"; then
            unpack_headers "$release"
        else
            install_packages "linux-headers-$release"
        fi
    done
}

main() {
    (($#)) || die "usage: deps.sh GROUP...; the groups are build, headers, headers-cloud, here, serve, vm, cross, lint, fuzz and model."
    have apt-get dpkg-query || die "this installs Debian packages; on another system install by hand what scripts/deps.sh lists."
    local group packages=()
    for group in "$@"; do
        case $group in
            headers) install_headers plain ;;
            headers-cloud) install_headers cloud ;;
            *)
                mapfile -t packages < <(packages_of "$group")
                ((${#packages[@]})) || exit 1
                install_packages "${packages[@]}"
                ;;
        esac
    done
    say "packages for $* are there"
}

main "$@"
