#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the benchmarks and writes what they print to a Markdown file, with the command, the commit
# and the machine: write-report.sh PROGRAM-DIRECTORY FILE
set -euo pipefail

programs=$1
file=$2
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[[ -z $(git status --porcelain -- core bench 2>/dev/null) ]] || commit+=' with changes'
compiler=$(c++ --version | head -n 1)
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
work=$(mktemp)
trap 'rm -f "$work"' EXIT

failed=0
{
    echo '# Benchmarks'
    echo
    echo 'Written by `cmake --build build --target bench-report`; not edited by hand.'
    echo "Commit $commit; $compiler; $processor, $(nproc) cores, Linux $(uname -r)."
    echo 'What is measured and how: `bench/README.md`. A must is a bound, an aim a wish.'
    for program in table-bench worst-insert-bench journal-bench; do
        echo
        echo "## $program"
        echo
        "$programs/$program" || failed=1
    done
} | tee "$work"
cp "$work" "$file"
exit "$failed"
