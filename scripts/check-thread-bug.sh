#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Would the thread test notice what it is for? check-thread-bug.sh BUILD-DIRECTORY
#
# Runs the readers beside the writer with all stores relaxed, in a build with
# DMREMAP_SANITIZE=thread. Fails when ThreadSanitizer reports no race.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    local output
    output=$(mktemp)
    # shellcheck disable=SC2064 # this file, now
    trap "rm -f '$output'" EXIT
    # The first race is enough, and what goes wrong behind it is of no interest.
    TSAN_OPTIONS=halt_on_error=1 timeout 300 "$1/bin/table-readers-bug-test" --gtest_brief=1 >"$output" 2>&1 || true
    grep -q 'ThreadSanitizer: data race' "$output" || {
        cat "$output"
        die "stores without release order were not noticed."
    }
    say "table-readers-bug-test: stores without release order are reported as a data race"
}

main "$1"
