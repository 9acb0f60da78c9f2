#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs what is needed, builds, and shows the main job on the real module: on this kernel
# where it takes the module, else in a virtual machine. Fresh Debian 12, as root or with sudo:
#
#     ./quickstart.sh          DMREMAP_WHERE=vm ./quickstart.sh to keep this kernel out of it
#     ./quickstart.sh --user   without module and virtual machine: the engine in a process
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. scripts/lib.sh
. scripts/where.sh

# Steps stand out on a terminal; in a file or a pipe the text is left as it is.
coloured() {
    if [[ -t 1 ]]; then
        sed -u -e $'s/^\\( *[0-9]*\\. \\)\\(.*\\)$/\\1\e[32m\\2\e[0m/' -e $'s/^\\(FAIL.*\\)$/\e[31m\\1\e[0m/' \
            -e $'s/^\\(== .*\\)$/\e[1m\\1\e[0m/'
    else
        cat
    fi
}

main() {
    step "install what the build needs" scripts/deps.sh build
    step "build dmremap" env TARGETS=dmremap make --no-print-directory programs
    step "the main job" run_with_module demos/main-job.sh main-job
    say "done in $SECONDS s. Next: README.md, and ./run-tests.sh for all tests."
}

in_a_process() {
    step "install what the build needs" scripts/deps.sh build user
    step "build dmremap" env TARGETS=dmremap make --no-print-directory programs
    step "the main job, in a process" build/bin/dmremap demo
    say "done in $SECONDS s. Next: docs/user/serve.md, and 'build/bin/dmremap serve --help'."
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
fi
[[ $# -eq 0 || $* == --user ]] ||
    die "quickstart.sh takes no argument but --user; DMREMAP_WHERE=here or vm says where it runs."
mkdir -p build/log
if (($#)); then
    in_a_process 2>&1 | coloured
else
    main 2>&1 | coloured
fi
