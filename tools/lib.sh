# shellcheck shell=bash
# What ./run, ./test, .ci/run and the scripts in tools/ share: one line a step, quiet commands with their log, and the
# installation of missing packages. Sourced, never run.

merx_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Colours only for a person's terminal, and never against NO_COLOR (https://no-color.org).
bold='' dim='' red='' reset=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\033[1m' dim=$'\033[2m' red=$'\033[31m' reset=$'\033[0m'
fi

# step WHAT [WHY]: the one line that a step prints before it begins.
step() {
    printf '%s==> %s%s%s\n' "$bold" "$1" "$reset" "${2:+ $dim($2)$reset}"
}

# fail EXIT_CODE MESSAGE...: every line of the message on stderr, then the end.
fail() {
    local code=$1
    shift
    printf '%s%s: error:%s %s\n' "$red" "${0##*/}" "$reset" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '    %s\n' "$@" >&2
    exit "$code"
}

now_ms() {
    local t=${EPOCHREALTIME/[.,]/}
    printf '%s' $((t / 1000))
}

# seconds_since START_MS: "12.3"
seconds_since() {
    local ms=$(($(now_ms) - $1))
    printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# quietly LOG COMMAND...: runs it with its output in LOG; on failure shows the output's end and returns the command's status.
quietly() {
    local log=$1 status=0
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        printf '    failed with status %d: %s\n' "$status" "$*" >&2
        tail -n 40 "$log" | sed 's/^/    | /' >&2
        printf '    the whole log: %s\n' "$log" >&2
    fi
    return "$status"
}

trim() {
    local text=$1
    text=${text#"${text%%[![:space:]]*}"}
    printf '%s' "${text%"${text##*[![:space:]]}"}"
}

# present PROOF: whether the thing a package brings is on this machine, whoever put it there.
present() {
    local kind=${1%% *} name=${1#* }
    case $kind in
    command) command -v "$name" >/dev/null 2>&1 ;;
    module) pkg-config --exists "$name" >/dev/null 2>&1 ;;
    header) echo "#include <$name>" | gcc -E - >/dev/null 2>&1 ;;
    library) echo 'int main(void){return 0;}' | gcc -x c - -o /dev/null "-l$name" >/dev/null 2>&1 ;;
    file) [ -e "$name" ] ;;
    *) return 1 ;;
    esac
}

# as_root COMMAND...: directly, or through sudo, which may ask on a terminal.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

# The environment passes through env, since sudo clears it.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# install_packages GROUP...: installs what is missing of the groups in tools/packages.txt. Costs some 10 ms when nothing is.
install_packages() {
    local -a names=() proofs=() reasons=() missing=() lines=()
    local group package proof reason wanted i
    while IFS='|' read -r group package proof reason; do
        group=$(trim "$group")
        for wanted in "$@"; do
            if [ "$group" = "$wanted" ]; then
                names+=("$(trim "$package")") proofs+=("$(trim "$proof")") reasons+=("$(trim "$reason")")
            fi
        done
    done < <(grep -v '^#' "$merx_root/tools/packages.txt")

    local installed=' '
    if command -v dpkg-query >/dev/null 2>&1; then
        # shellcheck disable=SC2016 # dpkg-query's own placeholders
        installed=" $({ dpkg-query -W -f '${db:Status-Status}:${Package}\n' "${names[@]}" 2>/dev/null || true; } |
            sed -n 's/^installed://p' | tr '\n' ' ') "
    fi
    for i in "${!names[@]}"; do
        case $installed in *" ${names[i]} "*) continue ;; esac
        present "${proofs[i]}" && continue
        missing+=("${names[i]}")
        lines+=("${names[i]}: ${reasons[i]}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    if ! command -v apt-get >/dev/null 2>&1; then
        fail 1 "this is not Debian (there is no apt-get), and these are missing:" "${lines[@]}" \
            "Install what your system calls them, then run this again."
    fi
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || fail 1 "packages are missing, and installing them needs root; there is no sudo. As root, run:" \
            "apt-get update && apt-get install --no-install-recommends ${missing[*]}"
        [ -t 0 ] || sudo -n true 2>/dev/null || fail 1 "packages are missing, and sudo wants a password but there is no terminal to ask on. Run:" \
            "sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
    fi
    step "installing ${#missing[@]} packages" "${missing[*]}"
    local log
    log=$(mktemp "${TMPDIR:-/tmp}/merx-install.XXXXXX")
    apt_get update >"$log" 2>&1 </dev/null || true # an old list may do; the installation decides
    if ! apt_get install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
        local cause='apt-get could not install the packages'
        if grep -qE 'Could not resolve|Temporary failure|Could not connect|Unable to connect|Connection (timed out|refused)|Network is unreachable' "$log"; then
            cause="the package servers can't be reached: is there a network?"
        elif grep -q 'No space left\|enough free space' "$log"; then
            cause='there is no space left for the packages'
        elif grep -q 'Unable to locate package\|has no installation candidate' "$log"; then
            cause='the package sources of this system lack some of the packages (merx is built for Debian 12 and newer)'
        fi
        fail 1 "$cause" "$(grep -E '^(E|W|Err)' "$log" | head -n 6 | paste -sd '\n' | sed '2,$s/^/    /')" "the whole log: $log"
    fi
    rm -f "$log"
}

# build PRESET WHY TARGET [CMAKE_OPTION...]: configures what is not configured so, then builds TARGET ("all" for everything).
build() {
    local preset=$1 why=$2 target=$3 folder=$merx_root/build/$1 option
    shift 3
    local -a options=("$@")
    if command -v ccache >/dev/null 2>&1; then
        options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    fi
    if ! mkdir -p "$folder" 2>/dev/null || [ ! -w "$folder" ] || { [ -e "$folder/build.log" ] && [ ! -w "$folder/build.log" ]; }; then
        fail 1 "no right to write to $folder, where merx is built" \
            "Run this as the owner of $merx_root, or in a clone of your own."
    fi
    local configured=yes
    [ -f "$folder/build.ninja" ] || configured=
    for option in "${options[@]}"; do
        option=${option#-D}
        grep -q "^${option%%=*}:[A-Z]*=${option#*=}\$" "$folder/CMakeCache.txt" 2>/dev/null || configured=
    done
    if [ -z "$configured" ]; then
        step "configuring build/$preset" "$why"
        quietly "$folder/configure.log" cmake -S "$merx_root" --preset "$preset" "${options[@]}" ||
            fail 1 "configuring build/$preset failed"
    fi
    local start
    start=$(now_ms)
    printf '%s==> building build/%s%s %s(%s)%s: ' "$bold" "$preset" "$reset" "$dim" "$why" "$reset"
    if ! quietly "$folder/build.log" cmake --build "$folder" --target "$target" -j "$(nproc)" 2>"$folder/build.tail"; then
        printf 'failed\n'
        cat "$folder/build.tail" >&2
        fail 1 "building build/$preset failed"
    fi
    if grep -q 'no work to do' "$folder/build.log"; then
        printf 'nothing changed\n'
    else
        printf '%s s\n' "$(seconds_since "$start")"
    fi
}
