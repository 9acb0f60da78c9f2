#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# C++ of the core and the tools: cppcheck finds no error or warning.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v cppcheck >/dev/null || { echo "cppcheck is missing: run 'scripts/deps.sh lint'"; exit 1; }
mapfile -t files < <(repo_files 'core/*.cc' 'tools/*.cc' 'host/*.cc')
((${#files[@]})) || exit 0
# Only what is surely wrong: style is the compiler's and the reviewer's. What the checker cannot
# parse (concepts, by version 2.10) is no finding. With the names given it looks at the code once, as it is
# built here; without them, at each combination it can think of, which takes three times as long.
cppcheck --quiet --std=c++20 --language=c++ -j 2 --enable=warning,portability --inline-suppr \
    --error-exitcode=1 --suppress='*:/usr/*' --suppress=syntaxError --suppress=internalAstError \
    --suppress=unknownMacro --suppress=missingIncludeSystem --suppress=uninitMemberVar \
    --suppress=preprocessorErrorDirective -I . -DSTATX_DIOALIGN -DDMREMAP_BLKID -DDMREMAP_SERVE \
    "${files[@]}"
