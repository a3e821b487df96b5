# shellcheck shell=bash disable=SC2154 # root, source, camera, runtime: the caller's
# Where another version of this is installed already. Uses change.sh, release.sh and place.sh.

# The version in force: 1.3.0 of releases/1.3.0-2. Nothing where there is none.
version_in_force() {
    local name
    name=$(basename "$(readlink "$root$app/current" 2>/dev/null || true)")
    printf '%s' "${name%%-*}"
}

# older VERSION THAN
older() {
    [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# A device that serves gets another version by scripts/update, which tries it first, and goes back if it must. What
# the rest of the installation does is done after that. Where nothing runs there is nothing to go back to, but a
# store is not opened by a release that is older than its form.
update_first() {
    local old new chosen options=()
    old=$(version_in_force)
    new=$(release_version)
    if [ -z "$old" ] || [ "$old" = "$new" ] || [ ! -e "$root$state/people.sqlite" ]; then
        return 0
    fi
    if ! booted || [ ! -e "$root$settings" ] || [ ! -e "$root/etc/systemd/system/api-face.service" ]; then
        ! older "$new" "$old" || die "$old is in force, and the older $new may not be able to read its people:" \
            "scripts/update on the running device tries that with a copy"
        return 0
    fi
    [ -z "$camera" ] || options+=(--camera "$camera")
    chosen=${runtime:-$(setting runtime)} # else the one that is tried would not be the one that is installed
    [ -z "$chosen" ] || options+=(--runtime "$chosen")
    say "$old is in force: first scripts/update, for it goes back when $new does not work with what is on this device"
    run "$source/scripts/update" "${options[@]}" || die "$new was not installed: why stands above"
}
