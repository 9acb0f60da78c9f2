#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the sources can say to a user is in the user documentation: every message with its
# arguments, every key of a reply and every feature in the API reference; every refusal in the
# page on troubleshooting.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

REFERENCE=docs/user/api-reference.md
TROUBLE=docs/user/troubleshooting.md

# plain FILE - one line, without markup, so that a sentence is found where it was wrapped.
plain() { tr '\n' ' ' <"$1" | sed -E 's/[`*\\]//g; s/ +/ /g'; }

has() { grep -qF -- "$2" <<<"$1"; }

# Messages, keys and features are marked as code where they are explained, not just mentioned.
check_item() {
    local kind=$1 text=$2 source=$3
    case $kind in
        message) has "$MESSAGES" "\`$text\`" || finding "$REFERENCE" "the message '$text' is missing ($source)" ;;
        key | feature)
            grep -qE "^\| \`${text}[ \`]" "$REFERENCE" ||
                finding "$REFERENCE" "the $kind '$text' has no row ($source)"
            ;;
        sentence) has "$TEXT" "$(sed -E 's/ +/ /g' <<<"$text")" || finding "$TROUBLE" "does not have '$text' ($source)" ;;
    esac
}

for page in "$REFERENCE" "$TROUBLE"; do
    [[ -e $page ]] || { echo "$page is missing"; exit 1; }
done
TEXT=$(plain "$TROUBLE")
MESSAGES=$(sed 's/\\|/|/g' "$REFERENCE") # a bar in a table is written with a backslash
ITEMS=0
while IFS=$'\t' read -r kind text source; do
    ITEMS=$((ITEMS + 1))
    check_item "$kind" "$text" "$source"
done < <(perl tests/lint/docs.pl | sort -u)
((ITEMS > 50)) || finding tests/lint/docs.pl "only $ITEMS items were found in the sources"
verdict
