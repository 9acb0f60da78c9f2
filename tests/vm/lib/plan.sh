# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The cases: which there are, what their header comments ask for, and which boot each one
# belongs to. A header is a comment line "# KEY: VALUE" among the first 30 lines.

CASES_DIR=$VM_DIR/cases
DEFAULT_TIMEOUT=300
DEFAULT_MEMORY=2048

all_cases() { find "$CASES_DIR" -maxdepth 1 -name '*.sh' -printf '%f\n' | sed 's/\.sh$//' | sort; }

# header NAME KEY - the value, or nothing.
header() { sed -nE "1,30s/^# $2: *(.*[^ ]) *$/\1/p" "$CASES_DIR/$1.sh" | head -n 1; }

needs() { [[ " $(header "$1" needs) " == *" $2 "* ]]; }

case_exists() { [[ $1 != */* && -f $CASES_DIR/$1.sh ]]; }

# why_not NAME SERIES FLAVOUR - prints why a case cannot run there; nothing when it can.
why_not() {
    local kernels
    kernels=$(header "$1" kernels)
    if [[ -n $kernels && " $kernels " != *" $2 "* ]]; then
        printf 'it is for kernel %s' "$kernels"
    elif needs "$1" plain && [[ $3 != plain ]]; then
        printf 'it needs --flavour plain'
    fi
}

# in_set all|short|smoke NAME
in_set() {
    [[ $(header "$2" by-hand) != yes ]] || return 1
    case $1 in
        all) ;;
        short) [[ $(header "$2" set) != full ]] ;;
        smoke) [[ $(header "$2" smoke) == yes ]] ;;
    esac
}

# select_cases SET SERIES FLAVOUR - the names, one a line; says on stderr what cannot run there.
select_cases() {
    local name reason
    for name in $(all_cases); do
        in_set "$1" "$name" || continue
        reason=$(why_not "$name" "$2" "$3")
        if [[ -n $reason ]]; then
            say "skip $name: $reason" >&2
        else
            printf '%s\n' "$name"
        fi
    done
}

# boots NAME... - one line per boot with the names that share it; own-boot cases come last.
boots() {
    local name shared=() own=()
    for name in "$@"; do
        if needs "$name" own-boot; then
            own+=("$name")
        else
            shared+=("$name")
        fi
    done
    ((${#shared[@]} == 0)) || printf '%s\n' "${shared[*]}"
    ((${#own[@]} == 0)) || printf '%s\n' "${own[@]}"
}

timeout_of() {
    local seconds
    seconds=$(header "$1" timeout)
    printf '%s' "${seconds:-$DEFAULT_TIMEOUT}"
}

# most_memory NAME... - MiB, the most that any of them asks for. A machine of one's own can be
# smaller than the usual one.
most_memory() {
    local name memory most=$DEFAULT_MEMORY
    if (($# == 1)) && needs "$1" own-boot; then
        memory=$(header "$1" memory)
        printf '%s' "${memory:-$most}"
        return
    fi
    for name in "$@"; do
        memory=$(header "$name" memory)
        ((${memory:-0} <= most)) || most=$memory
    done
    printf '%s' "$most"
}

# kernel_words NAME... - for the kernel's command line; only a case with its own machine has a say.
kernel_words() {
    if (($# == 1)) && needs "$1" own-boot; then
        header "$1" append
    fi
}

list_cases() {
    local name note
    for name in $(all_cases); do
        note=$(header "$name" kernels)
        [[ -z $note ]] || note=" kernels: $note;"
        [[ -z $(header "$name" needs) ]] || note+=" needs: $(header "$name" needs);"
        [[ $(header "$name" smoke) != yes ]] || note+=" smoke;"
        [[ $(header "$name" set) != full ]] || note+=" not in the short set;"
        [[ $(header "$name" by-hand) != yes ]] || note+=" by hand only;"
        printf '%-24s timeout %s s;%s\n' "$name" "$(timeout_of "$name")" "$note"
    done
}
