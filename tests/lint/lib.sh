# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the checks of this folder: which files there are, and how a finding is reported.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
FINDINGS=0

# repo_files [PATTERN...] - what belongs to the repository: tracked, or new and not ignored.
# A clone that belongs to another user is still ours to read (safe.directory).
repo_files() {
    git -c safe.directory="$PWD" ls-files -co --exclude-standard --deduplicate -- "$@" |
        while IFS= read -r file; do
            [[ ! -f $file || -L $file ]] || printf '%s\n' "$file"
        done
}

c_files() { repo_files '*.c' '*.h' '*.cc' '*.cpp' '*.inc'; }

# shell_files - by name or by first line.
shell_files() {
    repo_files | while IFS= read -r file; do
        [[ $file != *.sh ]] || { printf '%s\n' "$file"; continue; }
        [[ $file != */*.* && -x $file ]] || continue
        ! head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b' || printf '%s\n' "$file"
    done
}

# finding PLACE TEXT...
finding() {
    FINDINGS=$((FINDINGS + 1))
    printf '%s: %s\n' "$1" "${*:2}"
}

# verdict - the last line of a check: fails when something was found.
verdict() { ((FINDINGS == 0)); }
