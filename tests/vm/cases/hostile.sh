# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 180
#
# Nonsense by the thousand, as messages and as tables, systematic and at random: it is refused, the
# device and the kernel go on as before.

RANDOM_MESSAGES=$(longer 500)
RANDOM_TABLES=$(longer 150)

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
        for verb in add_remap relocate remove_remap list pending clear_all scan status help sync health stats clear_stats; do
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

# random_messages SEED COUNT - right and wrong words thrown together, and every third time a message
# that only its numbers may make wrong. Words that give up data on purpose (nocopy, stale-ok) are not
# among them, so what happens to be accepted changes no content.
random_messages() {
    awk -v seed="$1" -v count="$2" '
        function pick(n) { return int(rand() * n) }
        function number() { return pick(2) ? pick(300) : pick(4) ? pick(131072) : substr("18446744073709551617", 1, pick(20) + 1) }
        function word() { return pick(4) ? number() : pick(3) ? bad[pick(bads)] : verb[pick(verbs) + 1] }
        { bad[bads++] = $0 }
        END {
            srand(seed)
            verbs = split("add_remap ADD_remap relocate remove_remap clear_all list pending scan sync status stats health help", verb, " ")
            for (i = 0; i < count; i++) {
                kind = pick(12)
                if (kind < 2) line = "relocate " number() " " number()
                else if (kind < 3) line = "add_remap " number() " " number() " " number()
                else if (kind < 4) line = "remove_remap " number()
                else {
                    line = pick(12) ? verb[pick(verbs) + 1] : word()
                    for (n = pick(5); n; n--) line = line " " word()
                }
                print line
            }
        }' words
}

# random_tables SEED COUNT - the same for tables: what is right, with one thing in it that never is.
random_tables() {
    awk -v seed="$1" -v count="$2" -v main="$MAIN" -v spare="$SPARE" '
        function pick(n) { return int(rand() * n) }
        /[^[:space:]]/ { bad[bads++] = $0 }
        END {
            srand(seed)
            some = split("0 1 2 3 heal format retries 5 budget 10/60 set scan_rate on_write_error remap " main " " spare, good, " ")
            for (i = 0; i < count; i++) {
                line = "0 1000 dm-remap"
                wrong = pick(6)
                for (n = 0; n < 6; n++)
                    line = line " " (n == wrong ? bad[pick(bads)] : n == 0 ? main : n == 1 ? spare : good[pick(some) + 1])
                print line
            }
        }' words
}

# What came of it may be anything but a changed content, a wrong book or an unhappy kernel.
thrown_together() {
    local seed=$RANDOM extents
    echo "  seed $seed"
    check "stamps" vm-test-sectors stamp /dev/mapper/h 0 "$(sectors "$MAIN2")" 2
    random_messages $seed "$RANDOM_MESSAGES" >random
    vm-test-message h <random >answers
    eq "an answer for each random message" "$(wc -l <answers)" "$RANDOM_MESSAGES"
    eq "errors other than these" "$(cut -d' ' -f1 answers | grep -cvxE '0|EINVAL|ERANGE|ENOENT|EEXIST|EOPNOTSUPP|ENOSPC' || true)" 0
    echo "  $(cut -d' ' -f1 answers | sort | uniq -c | awk '{ printf "%s x %s; ", $2, $1 }')"
    extents=$(stat_value h added stats)
    ((extents >= 5)) || fail "only $extents random messages mapped anything"
    check "data" vm-test-sectors check /dev/mapper/h 0 "$(sectors "$MAIN2")" 2
    eq "the list is as long as the table says" "$(list_all h | awk '{ n += $3 } END { print n + 0 }')" "$(field h mapped)"
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

thrown_together
msg_ok h clear_all
{ tables; random_tables $RANDOM "$RANDOM_TABLES"; } | sed 's/^/E.* |  | /' >lines
vm-test-refuse table "$MAIN" "$SPARE" <lines >judged || fail "$(grep FAILED judged)"
pass "$(tail -n 1 judged)"
eq "devices" "$(dmsetup ls | cut -f1)" h
check "data" vm-test-sectors check /dev/mapper/h 0 "$(sectors "$MAIN2")" 2
dmsetup remove h
check "main alone" vm-test-sectors check "$MAIN2" 0 "$(sectors "$MAIN2")" 2
total=$(($(wc -l <sent) + RANDOM_MESSAGES + $(wc -l <lines)))
((total >= 1000)) || fail "only $total messages and tables"
pass "$(($(wc -l <sent) + RANDOM_MESSAGES)) messages and $(wc -l <lines) tables"
check "the module has no user left" modprobe -r dm-remap
not_logged "nothing was taken for a format" '\(null\)|%!'
