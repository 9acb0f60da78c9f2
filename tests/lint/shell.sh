#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shell scripts: shellcheck finds nothing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v shellcheck >/dev/null || { echo "shellcheck is missing: run 'scripts/deps.sh lint'"; exit 1; }
mapfile -t files < <(shell_files)
((${#files[@]} > 10)) || { echo "only ${#files[@]} shell scripts were found"; exit 1; }
# SC2187: busybox's sh, which is checked as dash.
# In one call each: with -x over all files at once, shellcheck takes gigabytes.
printf '%s\0' "${files[@]}" | xargs -0 -n 4 -P 2 shellcheck -S warning -e SC2187
