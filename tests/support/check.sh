# Checks for test scripts; source it. The program's path is in MERX. A failure prints what was expected and ends the script.
set -u
failures=0
work=$(mktemp -d "${TMPDIR:-/tmp}/merx-test-XXXXXX")
trap 'rm -rf "$work"' EXIT
export NO_COLOR=1
unset MERX_SHOP

die() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# run CODE command…: the exit code must be CODE; standard output is in $work/out, standard error in $work/err.
run() {
    local want=$1
    shift
    "$@" >"$work/out" 2>"$work/err" </dev/null
    local got=$?
    if [ "$got" != "$want" ]; then
        printf 'FAILED: exit code %s, expected %s: %s\n' "$got" "$want" "$*" >&2
        sed 's/^/  out: /' "$work/out" | tail -n 20 >&2
        sed 's/^/  err: /' "$work/err" | tail -n 20 >&2
        exit 1
    fi
}

# has FILE TEXT: the file contains the text.
has() {
    grep -qF -- "$2" "$1" || {
        printf 'FAILED: %s does not contain "%s":\n' "$1" "$2" >&2
        head -n 40 "$1" >&2
        exit 1
    }
}

has_not() {
    ! grep -qF -- "$2" "$1" || die "$1 contains \"$2\""
}

empty() {
    [ ! -s "$1" ] || {
        printf 'FAILED: %s is not empty:\n' "$1" >&2
        head -n 20 "$1" >&2
        exit 1
    }
}

# need_data NAME: the path of real data, or the script ends as skipped (failed when data is required).
need_data() {
    local path=${MERX_DATA:-}/$1
    if [ -z "${MERX_DATA:-}" ] || [ ! -e "$path" ]; then
        echo "skipped: ${MERX_DATA:+$path is not there}${MERX_DATA:-MERX_DATA is not set}" >&2
        [ "${MERX_REQUIRE_DATA:-}" != 1 ] || exit 1
        exit 77
    fi
    data=$path
}
