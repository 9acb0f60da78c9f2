#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every file that can hold a comment says its licence in its first lines.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

while IFS= read -r file; do
    case $file in
        *.md | LICENSE | .gitignore | .editorconfig | .shellcheckrc | *.json | *.txt.golden | */golden/* | fuzz/seeds/*) continue ;;
    esac
    [[ -s $file ]] || continue
    head -n 6 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' || finding "$file" "no SPDX line in the first six"
done < <(repo_files)
verdict
