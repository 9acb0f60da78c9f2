# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# For the cases of this folder: devices as files, one assertion per line, and damage by position.
# A case is a file in cases/; it runs in an empty directory, with these variables:
#   DMREMAP    the tool
#   MESSAGE    the engine on files (message.cc)

MIB=64
BLOCKS=$((MIB * 256)) # of 4 KiB
SECTORS=$((BLOCKS * 8))
MAX_EXTENTS=1024
# docs/development/FORMAT.md: A = ceil(1024 / 168) + 1, J = 64, E = 2 + J + 2 A.
JOURNAL=64
AREA=8
END=$((2 + JOURNAL + 2 * AREA))
DATA_SECTORS=$(((BLOCKS - 2 * END - 2) * 8))
HEAD=0
MIDDLE=$(((BLOCKS - 2) / 2))
TAIL=$((BLOCKS - 2))
HEAD_JOURNAL=2
TAIL_JOURNAL=$((BLOCKS - 2 - JOURNAL))

# expect CODE PATTERN COMMAND... - one assertion: its exit code (or [01], a pattern), and an extended regular expression
# that what it prints (both streams) matches.
expect() {
    local code=$1 pattern=$2 status=0
    shift 2
    "$@" >output 2>&1 </dev/null || status=$?
    judge "$code" "$status" "$pattern" "$*"
}

# answer TEXT CODE PATTERN COMMAND... - the same, with something typed.
answer() {
    local text=$1 code=$2 pattern=$3 status=0
    shift 3
    "$@" >output 2>&1 <<<"$text" || status=$?
    judge "$code" "$status" "$pattern" "$*"
}

# refuses CODE SENTENCE COMMAND... - one assertion: its exit code, and that what it has to say on standard error is one
# line: the program's name (PROGRAM, else dmremap), perhaps with subcommands, and the sentence, an extended regular
# expression for all of it.
refuses() {
    local code=$1 pattern="^${PROGRAM:-dmremap}( [a-z]+)*: ($2)\$" status=0
    shift 2
    "$@" >printed 2>output </dev/null || status=$?
    (($(wc -l <output) == 1)) || pattern='^one line, and no other$'
    judge "$code" "$status" "$pattern" "$*"
}

judge() {
    local found=1
    [[ -z $3 ]] || grep -qE -e "$3" output || found=0
    # shellcheck disable=SC2053 # the code may be a pattern
    if [[ $2 == $1 ]] && ((found)); then
        PASSED=$((PASSED + 1))
        return 0
    fi
    FAILED=$((FAILED + 1))
    printf 'FAIL %s: %s\n  exit %d, expected %s; expected to match: %s\n' "$CASE" "$4" "$2" "$1" "$3"
    sed 's/^/  | /' output | head -n 20
}

# same WHAT FILE FILE
same() {
    if cmp -s "$2" "$3"; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
        printf 'FAIL %s: %s: %s and %s differ\n' "$CASE" "$1" "$2" "$3"
        diff "$2" "$3" | head -n 10 || true
    fi
}

# new_images - main.img and a blank spare.img.
new_images() {
    rm -f main.img spare.img
    truncate -s "${MIB}M" main.img spare.img
}

# new_set [OPTION...] - the same, formatted.
new_set() {
    new_images
    "$DMREMAP" format main.img spare.img --max-extents "$MAX_EXTENTS" --yes "$@" >/dev/null
    SET=$("$DMREMAP" probe spare.img | sed -n 's/^DMREMAP_SET=//p')
}

# damage FILE BLOCK COUNT [zero] - blocks of 4 KiB; without `zero`, with garbage.
damage() {
    local from=/dev/urandom
    [[ ${4:-} != zero ]] || from=/dev/zero
    dd if="$from" of="$1" bs=4096 seek="$2" count="$3" conv=notrunc status=none
}

# unchanged COMMAND... - the spare, and second.img if there is one, are the same afterwards, whatever the command says.
unchanged() {
    local file
    for file in spare.img second.img; do
        [[ ! -e $file ]] || cp --sparse=always "$file" "$file.before"
    done
    "$@" >output 2>&1 </dev/null || true
    for file in spare.img second.img; do
        [[ ! -e $file ]] || same "nothing is written by: $*" "$file.before" "$file"
    done
}
