# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# dm-dust, which Debian's kernels are built without: from Debian's source of the same series, outside of
# its tree.

# build_dust DIR RELEASE
build_dust() {
    local dir=$1 release=$2 series headers=/usr/src/linux-headers-$2
    series=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$release")
    [[ -d $headers ]] || die "$headers is missing: run 'scripts/deps.sh headers headers-cloud'."
    say "  fetching linux-source-$series"
    fetch_package "linux-source-$series" "$dir/all"
    mkdir "$dir/dust"
    tar -xJf "$dir/all/usr/src/linux-source-$series.tar.xz" --occurrence=1 -O \
        "linux-source-$series/drivers/md/dm-dust.c" >"$dir/dust/dm-dust.c"
    echo 'obj-m := dm-dust.o' >"$dir/dust/Makefile"
    make -C "$headers" M="$dir/dust" modules >"$dir/build.log" 2>&1 || die "$(tail -n 5 "$dir/build.log")"
    mv "$dir/dust/dm-dust.ko" "$dir/"
    rm -r "$dir/all" "$dir/dust"
}

# extra_modules RELEASE NAME... - what these cases need besides ours, in EXTRA_MODULES.
# shellcheck disable=SC2034 # for make_input
extra_modules() {
    local release=$1 name
    shift
    EXTRA_MODULES=()
    for name; do
        needs "$name" dust || continue
        cache_get "dust-$release" "$(declare -f build_dust | content_hash)" build_dust "$release"
        EXTRA_MODULES=("$CACHED/dm-dust.ko")
        return
    done
}
