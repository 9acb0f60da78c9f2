#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Manual pages: scdoc takes them, mandoc has nothing against what it makes of them, and every program
# that has a page has its options in it, and in the completion.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for program in scdoc mandoc; do
    command -v "$program" >/dev/null || { echo "$program is missing: run 'scripts/deps.sh lint'"; exit 1; }
done

# scdoc makes a paragraph where mandoc wants none; that is nothing the source can change.
made_by_scdoc() { grep -v 'skipping paragraph macro'; }

# options_of NAME - the long options in the sources of the program.
options_of() { grep -ohE '"(-[a-z],)?--[a-z-]+"' "tools/$1"/*.cc | grep -oE -- '--[a-z-]+'; }

check_options() {
    local name=$1 page=$2 option
    while IFS= read -r option; do
        grep -qF -- "*$option*" "$page" || finding "$page" "the option $option is missing"
        grep -qF -- "$option" "tools/completion/$name" ||
            finding "tools/completion/$name" "the option $option is missing"
    done < <(options_of "$name")
}

# Not a name whose ending mandoc takes for a section of the manual.
PAGE=$(mktemp --suffix=.page)
trap 'rm -f "$PAGE"' EXIT
while IFS= read -r source; do
    if scdoc <"$source" >"$PAGE"; then
        while IFS= read -r line; do
            finding "$source" "mandoc: ${line#*"$PAGE":}"
        done < <(mandoc -T lint -W warning "$PAGE" | made_by_scdoc)
    else
        finding "$source" "scdoc does not take it"
    fi
    name=$(basename "$source" | sed 's/\..*//')
    [[ ! -e tools/completion/$name ]] || check_options "$name" "$source"
done < <(repo_files 'docs/man/*.scd')
verdict
