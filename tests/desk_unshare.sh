#!/bin/sh
# Stands in for unshare(1) where the installer is tried on a desk: what it would run inside a root folder is
# acted out (apt, users, pip) or done by the clone's own program (api-face). $DESK_PYTHON runs that.
set -eu

case "$*" in # else what is done inside would be done to this machine
    *--mount*--pid*--uts*sh\ -euc*) ;;
    *) exit 99 ;;
esac
while [ "$1" != -euc ]; do shift; done
root=$4
shift 4
line=$*
echo "$line" >>"$root.log"

if [ "$1" = env ]; then
    shift
    while case $1 in *=*) true ;; *) false ;; esac do shift; done
fi
others=
if [ "$1" = setpriv ]; then
    others=yes
    while case $1 in setpriv | --*) true ;; *) false ;; esac do shift; done
fi
name=$1
shift
case $name in
    dpkg)
        case $1 in
            --print-architecture) echo "${DESK_ARCHITECTURE:-amd64}" ;;
            --audit) echo "${DESK_HALF_DONE:-}" ;;
            *) exit 1 ;;
        esac
        ;;
    dpkg-query) [ -z "${DESK_MISSING:-}" ] || [ "$3" != "$DESK_MISSING" ] || exit 1; printf installed ;;
    apt-get)
        [ -z "${DESK_OFFLINE:-}" ]
        if [ -s "$root.locked" ]; then # a line for each time that apt finds its lists locked
            sed -i 1d "$root.locked"
            echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)" >&2
            exit 100
        fi
        ;;
    apt-cache) [ -z "${DESK_CANDIDATE:-}" ] || printf '%s:\n  Candidate: 1\n' "$2" ;;
    python3)
        if [ "$1" = -VV ]; then
            echo "Python 3.11.2"
        elif [ "$1" = -Ic ]; then
            exec "$DESK_PYTHON" "$@"
        else
            mkdir -p "$root$4/bin" "$root$4/lib/python3.11/site-packages"
            : >"$root$4/bin/python"
        fi
        ;;
    getent) [ -n "${DESK_USER:-}" ] ;;
    id) exit 1 ;;
    install)
        mkdir -p "$root$8"
        chmod "$3" "$root$8"
        ;;
    */venv/bin/python)
        [ -e "$root$name" ] # a virtual environment that was made
        [ -z "$others" ] || [ -n "$(find "$root${name%/bin/python}" -maxdepth 0 -perm -o=rx)" ]
        case $* in
            *"pip install"*) [ -z "${DESK_FULL:-}" ] ;;
        esac
        case $* in
            *time_models.py*)
                [ ! -e "$root/damaged" ]
                case $line in *PYTHONPATH=*try-litert*) echo "${DESK_LITERT:-20.5} litert" ;; *) echo "9.5 tflite" ;; esac
                ;;
            *--target*)
                while [ "$1" != --target ]; do shift; done
                mkdir -p "$root$2/$(basename "$2" | tr - _)"
                ;;
        esac
        ;;
    */venv/bin/api-face) exec "$DESK_PYTHON" -m edge settings ;;
    /usr/local/bin/api-face)
        [ -x "$root$name" ] && [ -x "$root/opt/api-face/current/venv/bin/api-face" ]
        case $1 in provision) set -- provision --keep "$root$3" --root "$root" ;; esac
        exec "$DESK_PYTHON" -m edge "$@" --state "$root/var/lib/api-face" --settings "$root/etc/api-face/settings.toml"
        ;;
esac
