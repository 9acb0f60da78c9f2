#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Configures and builds what runs in user space: build-programs.sh BUILD-DIRECTORY JOBS [FLAG...]
# The flags go to cmake. Programs are in BUILD-DIRECTORY/bin afterwards. TARGETS in the environment
# names what to build instead of everything.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    local build=$1 jobs=$2 log
    shift 2
    have cmake make || die "cmake is missing: run 'scripts/deps.sh build'."
    mkdir -p "$build/log" "$build/bin"
    log=$build/log/cmake.log
    # What cmake prints is one screen of probes; of interest are what is left out and errors.
    if ! cmake -S . -B "$build/cmake" -DCMAKE_RUNTIME_OUTPUT_DIRECTORY="$(realpath "$build")/bin" \
        "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "cmake could not configure the build; its log is $log."
    fi
    sed -nE 's/^-- (left out|to build them)/\1/p' "$log"
    # shellcheck disable=SC2086 # a list of targets
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS cmake --build "$build/cmake" --parallel "$jobs" \
        ${TARGETS:+--target $TARGETS} -- --no-print-directory
    say "the programs are in $build/bin"
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
main "$@"
