# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The host's side of a boot: streams what the cases print, keeps the score, and ends a guest
# that no longer answers. The guest writes to its third serial port, one line each:
#
#     up RELEASE | start NAME SECONDS | ok NAME SECONDS | fail NAME SECONDS REASON | end
#
# Nothing of this needs the guest to be well: a line that does not come in time counts as
# failure, and so does a QEMU that ended without "end".

BOOT_SECONDS=${DMREMAP_VM_BOOT_SECONDS:-300}
GRACE_SECONDS=45

PASSED=0
FAILED=0

report_ok() {
    PASSED=$((PASSED + 1))
    say "ok $1 ($2 s)"
}

report_fail() {
    FAILED=$((FAILED + 1))
    say "FAIL $1 ($2 s): $3"
}

# The last words of a kernel that died, if it had any.
last_words() {
    grep -aE 'Kernel panic|Oops|BUG|general protection' "$1" 2>/dev/null | tail -n 1 | tr -d '\r' |
        sed 's/^\[[^]]*\] *//' || true
}

# One status line; the output that came before it is shown first.
handle_status() {
    local word name rest
    read -r word name rest <<<"$1"
    cat <&"$OUTPUT_FD"
    case $word in
        up)
            UP=yes
            say "up after $((SECONDS - BOOT_BEGAN)) s: kernel $name"
            ;;
        start)
            RUNNING=$name
            CASE_BEGAN=$SECONDS
            DEADLINE=$((SECONDS + rest + GRACE_SECONDS))
            say "-- $name"
            return
            ;;
        ok) report_ok "$name" "$rest" ;;
        fail) report_fail "$name" "${rest%% *}" "${rest#* }" ;;
        end) ENDED=yes ;;
    esac
    RUNNING=
    DEADLINE=$((SECONDS + GRACE_SECONDS))
    unset "WAITING[$name]"
}

# Read the status port until QEMU ends or a deadline passes.
follow() {
    local pid=$1 line='' part alive=yes
    while :; do
        while IFS= read -r part <&"$STATUS_FD"; do
            handle_status "$line$part"
            line=''
        done
        line+=$part
        cat <&"$OUTPUT_FD"
        [[ $alive == yes ]] || return 0
        ((SECONDS < DEADLINE)) || {
            HUNG=yes
            return 0
        }
        kill -0 "$pid" 2>/dev/null || alive=no
        sleep 0.2
    done
}

# What did not come to an end: the case that ran, and those after it.
report_rest() {
    local console=$1 reason name words
    words=$(last_words "$console")
    reason="the guest ended in the middle of it"
    [[ $HUNG != yes ]] || reason="no answer from the guest $((SECONDS - CASE_BEGAN)) s after its start: machine ended"
    [[ -z $words ]] || reason+="; kernel log: $words"
    if [[ -n $RUNNING ]]; then
        report_fail "$RUNNING" "$((SECONDS - CASE_BEGAN))" "$reason"
        unset "WAITING[$RUNNING]"
    fi
    for name in "${PLANNED[@]}"; do
        [[ -n ${WAITING[$name]:-} ]] || continue
        report_fail "$name" 0 "not run, because ${RUNNING:-the boot} did not come to its end${words:+ ($words)}"
    done
}

# run_machine DIRECTORY - QEMU_ARGS is set. The three ports are files there.
run_machine() {
    local dir=$1 name pid
    RUNNING='' ENDED=no HUNG=no UP=no
    BOOT_BEGAN=$SECONDS CASE_BEGAN=$SECONDS DEADLINE=$((SECONDS + BOOT_SECONDS))
    for name in console output status; do
        : >"$dir/$name.log"
    done
    exec {OUTPUT_FD}<"$dir/output.log" {STATUS_FD}<"$dir/status.log"
    qemu-system-x86_64 "${QEMU_ARGS[@]}" -serial "file:$dir/console.log" \
        -serial "file:$dir/output.log" -serial "file:$dir/status.log" 8>&- \
        </dev/null >"$dir/qemu.log" 2>&1 &
    pid=$!
    # shellcheck disable=SC2064 # this process id, now
    trap "kill -KILL $pid 2>/dev/null || true" EXIT
    follow "$pid"
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    trap - EXIT
    exec {OUTPUT_FD}<&- {STATUS_FD}<&-
}

# boot_and_watch DIRECTORY NAME... - An emulated kernel that patches itself while it boots now and then
# meets its own breakpoint and dies. Nothing of ours is loaded before it is up, so it may try again,
# once.
boot_and_watch() {
    local dir=$1 name words
    shift
    PLANNED=("$@")
    declare -gA WAITING=()
    for name in "$@"; do
        WAITING[$name]=yes
    done
    run_machine "$dir"
    words=$(last_words "$dir/console.log")
    if [[ $UP == no && $HUNG == no && -n $words ]]; then
        cp "$dir/console.log" "$dir/console-1.log"
        say "the kernel died while it booted ($words); once more"
        run_machine "$dir"
    fi
    [[ $ENDED == yes && ${#WAITING[@]} -eq 0 ]] || report_rest "$dir/console.log"
    sed 's/^/qemu: /' "$dir/qemu.log"
}
