# shellcheck shell=bash
# How the installer changes a system: everything through `run` or `write`, which --dry-run cannot miss, and
# under $root (empty: the running system), so that it can be tested on a desk.

# A terminal that has gone away ends nothing.
say() {
    printf '%s\n' "$*" >&2 2>/dev/null || true
}

# run COMMAND...: do it; in a dry run, only say so.
run() {
    if [ -n "$dry_run" ]; then
        say "would run: $*"
    else
        "$@"
    fi
}

# inside COMMAND...: in the system that is installed into. A chroot gets namespaces of its own: nothing stays
# mounted in it, and nothing runs on. (`env -u`: folders of this machine that are not in that root.)
inside() {
    if [ -z "$root" ]; then
        env -u PYTHONPATH LC_ALL=C.UTF-8 "$@"
        return
    fi
    unshare --mount --pid --fork --kill-child=KILL --propagation private sh -euc '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        cd /
        exec chroot "$root" env -u PIP_FIND_LINKS -u PYTHONPATH HOME=/root LC_ALL=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$root" "$@"
}

# write PATH MODE OWNER <CONTENT: beside, then renamed into place; nothing when it is there already.
write() {
    local path=$1 mode=$2 owner=$3 fresh
    if [ -n "$dry_run" ]; then
        cat >/dev/null
        say "would write: $path"
        return
    fi
    fresh=$root$path.new
    mkdir -p "$(dirname "$fresh")"
    (umask 077 && cat >"$fresh")
    if cmp -s "$fresh" "$root$path"; then
        rm "$fresh"
        fresh=$root$path
    fi
    chmod "$mode" "$fresh"
    inside chown "$owner" "${fresh#"$root"}"
    [ "$fresh" = "$root$path" ] || mv -f "$fresh" "$root$path"
}

# link TARGET PATH: a symbolic link, replaced in one step.
link() {
    [ "$(readlink "$root$2" 2>/dev/null)" != "$1" ] || return 0
    if [ -n "$dry_run" ]; then
        say "would link: $2 -> $1"
        return
    fi
    rm -rf "$root$2.new"
    ln -s "$1" "$root$2.new"
    mv -fT "$root$2.new" "$root$2"
}
