#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Links in markdown: the file they name is there, and so is the heading behind '#'.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# anchors FILE - the names of its headings as forges make them.
anchors() {
    sed -nE 's/^#{1,6} +(.*)$/\1/p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

# check_link FILE TARGET
check_link() {
    local path=${2%%#*} anchor='' at=$1
    [[ $2 != *'#'* ]] || anchor=${2#*#}
    [[ -z $path ]] || at=$(dirname "$1")/$path
    [[ -e $at ]] || { finding "$1" "the link to $2 leads nowhere"; return; }
    [[ -z $anchor || $at != *.md ]] || anchors "$at" | grep -qxF -- "$anchor" ||
        finding "$1" "$2: there is no such heading"
}

while IFS= read -r file; do
    while IFS= read -r target; do
        [[ $target == *://* || $target == mailto:* ]] || check_link "$file" "$target"
    done < <(grep -oE '\]\([^) ]+\)' "$file" | sed 's/^](//; s/)$//')
done < <(repo_files '*.md')
verdict
