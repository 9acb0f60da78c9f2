#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can the module's map function reach, and what the end of an I/O? Follows every direct call and
# jump from them in a built dm-remap.ko and fails on any kernel symbol that is not on the lists below: no allocation,
# lock, sleep, log or time stamp may get there, and no call through a pointer.
#
#     tests/lint/map-symbols.sh [dm-remap.ko...]      without words: every one in build/module
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# map, and the two that end I/O: those may run in an interrupt.
ROOT_FUNCTIONS='remap_map remap_end_io piece_ended'

# SYMBOL - a kernel function that map may call from anywhere.
EVERYWHERE='
__fentry__                          tracing hook of every function, a nop unless traced
__x86_return_thunk                  how a function returns
__stack_chk_fail                    where the stack turned out to be overwritten
__SCT__preempt_schedule             where preemption is turned on again: yields, does not wait
__SCT__preempt_schedule_notrace     the same
dm_per_bio_data                     address arithmetic
dm_bio_get_target_bio_nr            one load
dm_accept_partial_bio               arithmetic
bio_associate_blkg                  as in dm-linear: inside bio_set_dev()
bio_endio                           ends a bio: lost sectors, and bios that may not wait
'

# CALLER SYMBOL - what the way of a bio that waits may call in addition: it leaves map for a list.
SLOWLY='
remap_wait_behind _raw_spin_lock_irqsave    the list of bios that wait, a few loads and stores
remap_wait_behind _raw_spin_unlock_irqrestore
remap_wait_fence  _raw_spin_lock_irqsave    the same
remap_wait_fence  _raw_spin_unlock_irqrestore
remap_wait_turn   _raw_spin_lock_irqsave    the same, and the dispatcher is woken
remap_wait_turn   _raw_spin_unlock_irqrestore
remap_wait_turn   queue_work_on
remap_host_release_held queue_work_on
remap_defer       _raw_spin_lock_irqsave    the same, and the writer is woken
remap_defer       _raw_spin_unlock_irqrestore
remap_defer       queue_work_on
remap_hold_flush  _raw_spin_lock_irqsave    the same
remap_hold_flush  _raw_spin_unlock_irqrestore
remap_recover_later _raw_spin_lock_irqsave    the same, for what failed
remap_recover_later _raw_spin_unlock_irqrestore
remap_recover_later queue_work_on
remap_inflight_wake __wake_up       a bio gives its token back, as at its end
remap_host_wake_flush __wake_up     the core, where it waits for this flush to end
remap_host_wake_scan mod_delayed_work_on a flush of a spare failed: a worker lets the core look at it
piece_ended       bio_put           a piece goes back to its pool
'

# FUNCTION - where following ends.
ENDS='
remap_host_broken                   a broken invariant, once per module load: logs
'

# Prints "FUNCTION SYMBOL" for each direct call or jump out of a function, "FUNCTION (pointer)" for
# indirect ones. A relocation against a section (cold code) names a place in it: those are looked
# up last.
calls_of() {
    objdump -dr --no-show-raw-insn "$1" | awk '
        /^Disassembly of section/ { section = $4; sub(/:$/, "", section); next }
        /^[0-9a-f]+ <.*>:$/ {
            current = $2; gsub(/[<>:]/, "", current)
            n++; in_section[n] = section; start[n] = $1; name[n] = current
            next
        }
        $2 ~ /^R_X86_64_(PLT32|PC32|32S)$/ {
            if (!branch) next
            target = $3
            if (target ~ /^\./) { pending[++p] = current " " target; branch = 0; next }
            sub(/[-+]0x[0-9a-f]+$/, "", target)
            print current, target
            branch = 0
            next
        }
        {
            flush()
            branch = $2 ~ /^(call|j[a-z]+|notrack|bnd)$/
            text = $0
        }
        END {
            flush()
            for (i = 1; i <= p; i++) {
                split(pending[i], word, " ")
                target = word[2]; offset = 0
                if (match(target, /\+0x[0-9a-f]+$/)) {
                    offset = hex(substr(target, RSTART + 3)) + 4
                    target = substr(target, 1, RSTART - 1)
                } else if (match(target, /-0x[0-9a-f]+$/)) {
                    offset = 4 - hex(substr(target, RSTART + 3))
                    target = substr(target, 1, RSTART - 1)
                }
                best = "(" word[2] ")"; at = -1
                for (k = 1; k <= n; k++)
                    if (in_section[k] == target && hex(start[k]) <= offset && hex(start[k]) > at) {
                        at = hex(start[k]); best = name[k]
                    }
                print word[1], best
            }
        }
        # A branch without a relocation: its target is in the text, or it is one through a pointer.
        function flush() {
            if (!branch) return
            branch = 0
            if (match(text, /<[^>]+>/)) {
                target = substr(text, RSTART + 1, RLENGTH - 2)
                sub(/\+0x[0-9a-f]+$/, "", target)
                if (target != current) print current, target
            } else if (text ~ /(call|jmp) +\*/) {
                print current, "(pointer)"
            }
        }
        function hex(digits,    value, i) {
            value = 0
            digits = tolower(digits)
            for (i = 1; i <= length(digits); i++)
                value = value * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
            return value
        }' | sort -u
}

first_words() { awk 'NF { print $1 }' <<<"$1"; }

# MODULE ROOT - prints "CALLER SYMBOL" for each symbol that is reached and on no list.
forbidden() {
    calls_of "$1" | awk -v root="$2" -v everywhere="$(first_words "$EVERYWHERE")" \
        -v slowly="$(awk 'NF { print $1 ">" $2 }' <<<"$SLOWLY")" -v ends="$(first_words "$ENDS")" \
        -v own="$(nm "$1" | awk '$2 ~ /^[tTwWu]$/ { print $3 }')" '
        BEGIN {
            set(everywhere, allowed); set(slowly, allowed); set(ends, last); set(own, ours)
        }
        { callees[$1] = callees[$1] " " $2 }
        END {
            if (!(root in ours)) { print root, "(not found)"; exit }
            queue[1] = root; seen[root]; length_of_queue = 1
            for (at = 1; at <= length_of_queue; at++) {
                caller = queue[at]
                count = split(callees[caller], callee, " ")
                for (i = 1; i <= count; i++) {
                    if (callee[i] in ours) {
                        if (!(callee[i] in seen) && !(callee[i] in last)) {
                            seen[callee[i]]; queue[++length_of_queue] = callee[i]
                        }
                    } else if (!(callee[i] in allowed) && !((caller ">" callee[i]) in allowed)) {
                        print caller, callee[i]
                    }
                }
            }
            print length_of_queue, "(functions)"
        }
        function set(words, into,    word, n, i) {
            n = split(words, word, "\n")
            for (i = 1; i <= n; i++) into[word[i]]
        }'
}

main() {
    local module root caller symbol functions least
    (($#)) || set -- build/module/*/dm-remap.ko
    [[ -e $1 ]] || { finding build/module "no module is built: run 'make module'"; verdict; return; }
    for module in "$@"; do for root in $ROOT_FUNCTIONS; do
        functions=0
        while read -r caller symbol; do
            case $symbol in
                '(functions)') functions=$caller ;;
                *) finding "$module" "$(c++filt "$caller") reaches $symbol" ;;
            esac
        done < <(forbidden "$module" "$root")
        # map, the lookup of the core and the ways to wait are more than 8, an end and what it tells
        # the core more than 3: else this test is blind.
        least=3
        [[ $root != remap_map ]] || least=8
        ((functions >= least)) || finding "$module" "only $functions functions found from $root"
        printf '%s: %d functions from %s\n' "$module" "$functions" "$root"
    done; done
    verdict
}

main "$@"
