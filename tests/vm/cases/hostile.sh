# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 180
#
# Nonsense by the hundred, as messages and as tables: each is refused, the device and the kernel go
# on as before.

digits() { head -c "$1" /dev/zero | tr '\0' 7; }
many() { for ((i = 0; i < $1; i++)); do printf '%s ' "$2"; done; }

# shellcheck disable=SC1003 # a backslash alone is one of them
# Every shape of wrong word in every place of every message.
hostile_words() {
    printf '%s\n' -1 -0 +5 0x10 1e3 1.5 1,000 '%s%s%s%n' '%p' "'" '"' '\' '\n' '..' 'ÿþ' 'null' '-' '--' \
        99999999999999999999 18446744073709551615 18446744073709551616 9223372036854775808 \
        "$(digits 3000)" "-$(digits 3000)" "$(head -c 2000 /dev/zero | tr '\0' '%')" $'\x01\x02\x7f'
}

messages() {
    local verb word
    hostile_words >words
    while IFS= read -r word; do
        for verb in add_remap relocate remove_remap list pending clear_all scan status help; do
            printf '%s\n' "$verb $word" "$verb 1 $word" "$verb 1 2 $word" "$verb 1 2 3 $word"
        done
        printf '%s\n' "$word" "$word $word $word"
    done <words
    printf '%s\n' '' ' ' $'\t' "$(many 200 add_remap)" "add_remap $(many 200 1)" "$(digits 10000)" \
        'add_remap\ 1\ 2\ 3' 'add_remap 1 2 3 nocopy extra' '@unknown' '@'
}

tables() {
    local base="0 1000 dm-remap $MAIN $SPARE" word
    printf '%s\n' "0 1000 dm-remap" "0 0 dm-remap $MAIN $SPARE" "0 1000 dm-remap $(many 200 x)" \
        "$base $(digits 3000)" "$base 4294967296" "$base -1" "$base 1" "$base 200 $(many 200 heal)" \
        "$base 1 $(digits 3000)" "$base 2 retries $(digits 3000)" "$base 2 budget $(digits 400)/$(digits 400)" \
        "$base 2 budget 1/2/3" "$base 2 set %s%n%s" "$base 1 %n" "0 1000 dm-remap $(digits 3000) $SPARE" \
        "0 1000 dm-remap $MAIN $(digits 3000)" "0 1000 dm-remap %s %n" "0 1000 dm-remap / /" \
        "0 1000 dm-remap $MAIN /dev/null" "0 18446744073709551615 dm-remap $MAIN $SPARE"
    while IFS= read -r word; do
        [[ $word =~ [^[:space:]] ]] || continue
        printf '%s\n' "$base $word" "$base 1 $word" "$base 2 retries $word"
    done <words
}

# mode health extents mapped spare metadata pending lost: what no refusal may change.
state() { dmsetup table h; dmsetup status h | cut -d' ' -f4-11; list_all h; }

mkloop MAIN 64M
mkloop SPARE 64M
mkloop MAIN2 64M
mkloop SPARE2 64M
mkremap h "$MAIN2" "$SPARE2"
msg_ok h add_remap 1000 5000 100
check "stamps" vm-test-sectors stamp /dev/mapper/h 900 300 1
before=$(state)
messages >sent
vm-test-message h <sent >answers
eq "an answer for each message" "$(wc -l <answers)" "$(wc -l <sent)"
eq "errors other than these" "$(cut -d' ' -f1 answers | grep -cvxE '0|EINVAL|ERANGE|ENOENT|EEXIST|EOPNOTSUPP' || true)" 0
echo "  $(cut -d' ' -f1 answers | sort | uniq -c | awk '{ printf "%s x %s; ", $2, $1 }')"
eq "nothing of the device changed" "$(state)" "$before"

tables | sed 's/^/E.* |  | /' >lines
vm-test-refuse table "$MAIN" "$SPARE" <lines >judged || fail "$(grep FAILED judged)"
pass "$(tail -n 1 judged)"
eq "devices" "$(dmsetup ls | cut -f1)" h
check "data" vm-test-sectors check /dev/mapper/h 900 300 1
msg_ok h clear_all
dmsetup remove h
check "the module has no user left" modprobe -r dm-remap
not_logged "nothing was taken for a format" '\(null\)|%!'
