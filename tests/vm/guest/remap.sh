# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# dm-remap as its users drive it: tables, messages and the status line.

# mkremap NAME MAIN SPARE [FEATURE-WORD...] - over all of MAIN. Features as separate words:
# mkremap r "$MAIN" "$SPARE" on_write_error fail
mkremap() {
    local name=$1 main=$2 spare=$3
    shift 3
    mkdm "$name" "0 $(sectors "$main") dm-remap $main $spare${*:+ $# $*}"
}

# errno_of TEXT - the name of the error whose strerror text ends this line.
errno_of() {
    case $1 in
        *'Invalid argument') echo EINVAL ;;
        *'Device or resource busy') echo EBUSY ;;
        *'No space left on device') echo ENOSPC ;;
        *'Input/output error') echo EIO ;;
        *'No data available') echo ENODATA ;;
        *'Interrupted system call') echo EINTR ;;
        *'Numerical result out of range') echo ERANGE ;;
        *'Cannot allocate memory') echo ENOMEM ;;
        *'File exists') echo EEXIST ;;
        *'Operation not supported') echo EOPNOTSUPP ;;
        *'Value too large for defined data type') echo EOVERFLOW ;;
        *'No such file or directory') echo ENOENT ;;
        *'No such device or address') echo ENXIO ;;
        *'No such device') echo ENODEV ;;
        *'Read-only file system') echo EROFS ;;
        *'Operation not permitted') echo EPERM ;;
        *'Argument list too long') echo E2BIG ;;
        *) echo "unknown: $1" ;;
    esac
}

# msg NAME WORDS... - a message to sector 0. Always succeeds; sets REPLY_TEXT to what came
# back and ERRNO to 0 or to the name of the error. Not by dmsetup, which takes several times as
# long where the processor is emulated.
msg() {
    local name=$1
    shift
    ERRNO=0
    REPLY_TEXT=$(vm-test-message -p "$name" "$*") || ERRNO=$REPLY_TEXT
}

# msg_ok NAME WORDS... - it must be accepted.
msg_ok() {
    msg "$@"
    [[ $ERRNO == 0 ]] || fail "message '${*:2}' was refused: $ERRNO, $(last_error "$1")"
}

# msg_err NAME ERRNO WORDS... - it must be refused with this error, for example EINVAL.
msg_err() {
    local name=$1 wanted=$2
    shift 2
    msg "$name" "$@"
    [[ $ERRNO == "$wanted" ]] || fail "message '$*': got ${ERRNO/#0/no error}, wanted $wanted"
    pass "message '$*' is refused with $wanted"
}

# reply_value KEY - from the key=value pairs in REPLY_TEXT; a value in quotes may have spaces.
reply_value() {
    local pattern="(^|[[:space:]])$1=(\"([^\"]*)\"|([^[:space:]]*))"
    [[ $REPLY_TEXT =~ $pattern ]] || return 1
    printf '%s\n' "${BASH_REMATCH[3]}${BASH_REMATCH[4]}"
}

# stat_value NAME KEY [MESSAGE] - one value of the reply to status, or to MESSAGE.
stat_value() {
    msg "$1" "${3:-status}"
    reply_value "$2"
}

# last_error NAME - the sentence of the last refusal, to its line's end.
last_error() {
    local text
    text=$(vm-test-message -p "$1" status)
    text=${text##*last_error=}
    printf '%s\n' "${text%%$'\n'*}"
}

STATUS_FIELDS=(mode health extents mapped spare metadata pending lost read_errors write_errors
    remaps buckets epoch)

# field NAME FIELD - of the status line: one of STATUS_FIELDS, or "flags" for all flags.
field() {
    local words i
    read -ra words <<<"$(vm-test-message -s "$1")"
    words=("${words[@]:3}")
    if [[ $2 == flags ]]; then
        printf '%s\n' "${words[*]:14}"
        return
    fi
    for i in "${!STATUS_FIELDS[@]}"; do
        [[ ${STATUS_FIELDS[i]} != "$2" ]] || {
            printf '%s\n' "${words[i]}"
            return
        }
    done
    fail "the status line has no field '$2'"
}

# unreadable FIRST COUNT [direct|cached [UNIT]] - of /dev/mapper/r: "SECTOR ERRNO" of each, in one line.
unreadable() { vm-test-sectors errors /dev/mapper/r "$@" | paste -sd ' '; }
