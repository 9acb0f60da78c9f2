#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the tests on Debian 12, as root or with sudo, and installs what they need; what takes longer has make
# targets of its own (docs/development/TESTING.md). The last line is "N passed, M failed"; the exit status is 1
# when M is not 0.
#
#     ./run-tests.sh              everything
#     ./run-tests.sh NAME...      only these steps, and the packages
#     ./run-tests.sh --list       the names of the steps
#
# A step that ends with a line "N passed, M failed" of its own counts with these numbers, any
# other step counts as one. Logs are in build/log/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. scripts/lib.sh
. scripts/steps.sh

SERIES=(6.1 6.12)
FLAVOURS=(cloud plain)

install_packages() { scripts/deps.sh build user lint fuzz serve vm headers headers-cloud; }

build_programs() {
    make --no-print-directory programs WERROR=1
    TARGETS=core-freestanding scripts/build-programs.sh build "$(nproc)" -DDMREMAP_WERROR=ON
}

# For its warnings; nothing of it is run, so nothing is optimized, which is most of the time.
build_with_clang() {
    TARGETS='core-freestanding all' scripts/build-programs.sh build/clang "$(nproc)" \
        -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=None -DDMREMAP_WERROR=ON
}

# build_module SERIES FLAVOUR - anything that a compiler, objtool or modpost says is a failure.
build_module() {
    local release log
    release=$(scripts/kernel-release.sh "$1" "$2")
    log=build/log/warnings-$release.log
    rm -rf "build/module/$release"
    make --no-print-directory module KVER="$release" W=1 2>&1 | tee "$log"
    [[ -f build/module/$release/dm-remap.ko ]] || die "build/module/$release/dm-remap.ko was not built."
    ! grep -iE 'warning|objtool:' "$log" || die "there are warnings: see above."
}

# In two parts, as some distributions want it.
build_modular() {
    local release
    release=$(scripts/kernel-release.sh 6.12 cloud)
    OUT=build/modular BUILD_MODE=MODULAR scripts/build-module.sh "$release" W=1 2>&1 |
        tee build/log/warnings-modular.log
    ! grep -iE 'warning|objtool:' build/log/warnings-modular.log || die "there are warnings: see above."
    tests/lint/map-symbols.sh "build/modular/$release/dm-remap-core.ko"
}

unit_tests() { scripts/run-unit.sh build; }

# The three scripts on the table's growth and the steps of quickstart.sh, in one boot.
vm_scripts() { tests/vm/run 6.12 validate-hash-resize runtime-verify runtime-resize main-job; }

no_tracked_file_changed() {
    local changed
    changed=$(git -c safe.directory="$PWD" status --porcelain 2>/dev/null | sort)
    [[ $changed == "$STATUS_BEFORE" ]] || {
        diff <(echo "$STATUS_BEFORE") <(echo "$changed") || true
        die "the tests changed files of the repository."
    }
}

# First what the others need, then the two lanes, then what looks at all they left.
FIRST=(programs) MACHINES=() OTHERS=() LAST=(clean-tree)

# beside LANE NAME SECONDS COMMAND...
beside() {
    local -n lane=$1
    lane+=("$2")
    add_step "${@:2}"
}

declare_steps() {
    local series flavour
    add_step programs 1200 build_programs
    for series in "${SERIES[@]}"; do
        for flavour in "${FLAVOURS[@]}"; do
            beside FIRST "module-$series-$flavour" 600 build_module "$series" "$flavour"
        done
    done
    beside FIRST module-modular 600 build_modular
    beside MACHINES vm-6.12 3600 tests/vm/run 6.12 --short
    beside MACHINES vm-6.1-smoke 1800 tests/vm/run 6.1 --smoke
    beside MACHINES vm-scripts 1800 vm_scripts
    beside MACHINES vm-modular 600 tests/vm/run 6.12 --flavour cloud --modules build/modular modular
    beside MACHINES power-cut 900 tests/crash 6.12 1
    beside OTHERS map-symbols 60 tests/lint/map-symbols.sh
    beside OTHERS unit 1200 unit_tests
    beside OTHERS tools 1200 tests/tools/run
    beside OTHERS serve 1200 tests/serve/run
    beside OTHERS quick-start-user 600 ./quickstart.sh --user
    beside OTHERS clang 1800 build_with_clang
    beside OTHERS sim 1800 scripts/check-sim.sh short
    beside OTHERS fuzz 1800 scripts/fuzz.sh short
    beside OTHERS sanitize-address 1800 make --no-print-directory sanitize-address
    beside OTHERS sanitize-thread 1200 make --no-print-directory sanitize-thread
    beside OTHERS lint 1200 tests/lint/run
    add_step clean-tree 60 no_tracked_file_changed
}

main() {
    declare_steps
    if [[ ${1:-} == --list ]]; then
        list_steps
        return
    fi
    [[ ${1:-} != -* ]] || die "there is no option $1; --list shows the steps."
    mkdir -p build/log
    STATUS_BEFORE=$(git -c safe.directory="$PWD" status --porcelain 2>/dev/null | sort)
    run_step packages 1800 install_packages
    ((FAILED == 0)) || finish_steps
    if (($#)); then
        run_steps "$@"
    else
        run_steps "${FIRST[@]}"
        run_lanes "${MACHINES[*]}" "${OTHERS[*]}"
        run_steps "${LAST[@]}"
    fi
    finish_steps
}

main "$@"
