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

# What must not stay when this ends early, for its size or for a secret in it: paths, from when they are begun.
unfinished=()

forget_unfinished() {
    [ "${#unfinished[@]}" -eq 0 ] || rm -rf "${unfinished[@]}"
}

# need_room MB FOLDER: dies, in words, where the disk that FOLDER is on, or will be on, has less.
need_room() {
    local folder=$2 there
    until [ -e "$folder" ]; do
        folder=$(dirname "$folder")
    done
    there=$(df -P -B 1000000 "$folder" | awk 'NR == 2 {print $4}')
    [ "$there" -ge "$1" ] || die "this needs $1 MB in $2, and there are $there MB: make room first, then run it again"
}

# inside COMMAND...: in the system that is installed into. A chroot gets namespaces of its own: nothing stays
# mounted in it, nothing runs on, and it has the name of that system, not this machine's. (`env -u`: folders of
# this machine that are not in that root.)
inside() {
    if [ -z "$root" ]; then
        env -u PYTHONPATH LC_ALL=C.UTF-8 "$@"
        return
    fi
    unshare --mount --pid --uts --fork --kill-child=KILL --propagation private sh -euc '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        [ ! -s "$root/etc/hostname" ] || hostname -F "$root/etc/hostname" || true
        cd /
        exec chroot "$root" env -u PIP_FIND_LINKS -u PYTHONPATH HOME=/root LC_ALL=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$root" "$@"
}

# write PATH MODE OWNER <CONTENT: beside, then renamed into place; nothing when it is there already. Fails when any
# step does, and what was there stays: where a caller asks for that, `set -e` is off in here.
write() {
    local path=$1 mode=$2 owner=$3 fresh
    if [ -n "$dry_run" ]; then
        cat >/dev/null
        say "would write: $path"
        return
    fi
    fresh=$root$path.new
    mkdir -p "$(dirname "$fresh")" || return 1
    (umask 077 && cat >"$fresh") || {
        rm -f "$fresh"
        return 1
    }
    if cmp -s "$fresh" "$root$path"; then
        rm -f "$fresh"
        fresh=$root$path
    fi
    if ! chmod "$mode" "$fresh" || ! inside chown "$owner" "${fresh#"$root"}"; then
        rm -f "$root$path.new"
        return 1
    fi
    [ "$fresh" = "$root$path" ] || mv -f "$fresh" "$root$path"
}

# link TARGET PATH: a symbolic link, replaced in one step.
link() {
    [ "$(readlink "$root$2" 2>/dev/null)" != "$1" ] || return 0
    if [ -n "$dry_run" ]; then
        say "would link: $2 -> $1"
        return
    fi
    rm -rf "$root$2.new" || return 1
    ln -s "$1" "$root$2.new" || return 1
    mv -fT "$root$2.new" "$root$2"
}
