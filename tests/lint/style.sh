#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What an editor would not notice: width, tabs, blanks at line ends, sizes, hosts and paths.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# 100 is what to write; a few more are let pass where breaking the line would read worse.
MAX_COLUMNS=108
MAX_LINES=500

# too_wide FILE - a backslash that continues a macro may stand a little further out.
too_wide() {
    expand -t 8 "$1" | sed 's/ *\\$//' | grep -nE "^.{$((MAX_COLUMNS + 1)),}" |
        sed -E "s,^([0-9]+):.*,$1:\\1: more than $MAX_COLUMNS columns,"
}

check_code() {
    local file lines
    while IFS= read -r file; do
        too_wide "$file" >>"$LIST" || true
        ! grep -nE '^ {8,}[^ *]' "$file" | head -n 3 | sed "s,^,$file:,; s,\$, (spaces for a tab)," | grep . >>"$LIST" || true
        lines=$(wc -l <"$file")
        ((lines <= MAX_LINES)) || echo "$file: $lines lines, more than $MAX_LINES" >>"$LIST"
    done < <(c_files)
}

check_text() {
    local file
    while IFS= read -r file; do
        grep -Iq . "$file" || continue
        ! grep -nP '\r$' "$file" | head -n 1 | sed "s,^,$file: CRLF: ," | grep . >>"$LIST" || true
        [[ $file == *.md ]] || ! grep -nE '[ 	]+$' "$file" | head -n 3 | sed "s,^,$file:,; s,\$, (blanks at the end)," | grep . >>"$LIST" || true
        [[ -z $(tail -c 1 "$file") ]] || echo "$file: no newline at the end" >>"$LIST"
    done < <(repo_files | grep -vE '^(LICENSE$|fuzz/seeds/)')
}

LIST=$(mktemp)
trap 'rm -f "$LIST"' EXIT
check_code
check_text
cat "$LIST"
[[ ! -s $LIST ]]
