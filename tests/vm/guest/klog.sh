# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The kernel log since a mark, and the phrases in it that fail a test. The mark is a line in
# the log itself: positions by time or by count go wrong when the buffer wraps.

KLOG_BAD='\bBUG\b|\bWARNING\b|\bOops\b|KASAN|UBSAN|KCSAN|kmemleak|hung_task|blocked for more than'
KLOG_BAD+='|general protection|list_(add|del) corruption|list corruption|sleeping function|Call Trace'
KLOG_BAD+='|refcount_t|rcu.*(stall|detected)|soft lockup|hard LOCKUP|circular locking|possible recursive locking'
KLOG_BAD+='|inconsistent lock state|suspicious RCU|bad unlock balance|lock held when returning|held lock freed'
KLOG_BAD+='|unable to handle|Slab corruption|Poison overwritten|Redzone|Object already free|double free'
KLOG_BAD+='|Bad page state|scheduling while atomic|stack-protector|kernel BUG|invalid opcode|divide error'

# klog_mark TEXT
klog_mark() { echo "<5>$1" >/dev/kmsg; }

# klog_since TEXT - what was logged after the last line with this mark; everything when the
# buffer no longer has it.
klog_since() {
    dmesg --notime | awk -v mark="$1" '
        $0 == mark { n = 0; next }
        { line[n++] = $0 }
        END { for (i = 0; i < n; i++) print line[i] }'
}

# klog_bad TEXT ALLOWED-REGEX - the first line since the mark that fails a test, if any.
klog_bad() {
    klog_since "$1" | { if [[ -n $2 ]]; then grep -vE -- "$2"; else cat; fi; } | grep -m1 -E "$KLOG_BAD"
}
