# shellcheck shell=bash
# Virtual environments for scripts/run and scripts/test: found, made and kept up to date.

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Whether $1 is a Python of at least version $2 (as in 3.11) and below $3 that can be started. A name alone
# says little: version managers put names on the PATH that start nothing.
python_fits() {
    "$1" -c 'import sys
low, high = (tuple(map(int, text.split("."))) for text in sys.argv[1:])
sys.exit(not low <= sys.version_info[:2] < high)' "$2" "$3" 2>/dev/null
}

# Print the first Python from version $1 to below $2; fails when there is none.
find_python() {
    local candidate
    for candidate in python3 python3.11 python3.13 python3.12 python3.14; do
        if python_fits "$candidate" "$1" "$2"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# pip_install PYTHON PIP_ARGUMENT...
#
# 32-bit Raspberry Pi OS on a Pi 4 or 5 runs under a 64-bit kernel, whose name (aarch64) Python reports as the
# machine: pip would ask for packages that there are for 64-bit Pythons only. linux32 makes that name armv8l;
# wheels for such a Python are called armv7l, which an old pip does not know to be the same.
pip_install() {
    local command=("$1" -m pip install --quiet --disable-pip-version-check "${@:2}")
    if [ "$(uname -m)" = aarch64 ] && "$1" -c 'import sys; sys.exit(sys.maxsize > 2**32)'; then
        command=(setarch linux32 env _PYTHON_HOST_PLATFORM=linux-armv7l "${command[@]}")
    fi
    "${command[@]}"
}

# make_venv ROOT VENV PYTHON PIP_ARGUMENT...: VENV holds what pip makes of the arguments. Nothing is done
# when it does already; when anything differs, or an earlier attempt was cut off, it is made anew.
make_venv() {
    local root=$1 venv=$2 python=$3 wanted
    shift 3
    wanted=$(
        cat "$root/setup.cfg" "$root/pyproject.toml"
        printf '%s\n' "$venv" "$("$python" -VV)" "$@"
    )
    if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.made-from" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    printf 'Making %s with %s (a minute or two)\n' "$venv" "$("$python" --version)" >&2
    rm -rf "$venv"
    if ! "$python" -m venv "$venv" >&2; then
        rm -rf "$venv"
        die "$python cannot make a virtual environment; on Debian and Raspberry Pi OS: sudo apt install python3-venv"
    fi
    (cd "$root" && pip_install "$venv/bin/python" "$@") >&2 ||
        die "pip could not install what setup.cfg asks for: its words stand above"
    printf '%s\n' "$wanted" >"$venv/.made-from"
}
