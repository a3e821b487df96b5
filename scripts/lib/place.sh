# shellcheck shell=bash
# What stands outside the release: user, settings, state, wrapper, units. Uses change.sh.

readonly user=api-face
readonly etc=/etc/api-face
readonly state=/var/lib/api-face
readonly settings=$etc/settings.toml

# api_face WORD...: the installed program, as its user where that matters (see wrapper).
api_face() {
    inside /usr/local/bin/api-face "$@"
}

make_user() {
    if ! inside getent passwd "$user" >/dev/null; then
        run inside useradd --system --user-group --home-dir "$state" --no-create-home --shell /usr/sbin/nologin "$user"
    fi
    # The camera's devices belong to video. (DMA heaps too, by Raspberry Pi OS's udev rules.)
    if ! inside id -nG "$user" 2>/dev/null | grep -qw video; then
        run inside usermod --append --groups video "$user"
    fi
}

# What root left in the state folder, with whatever tool, would lock the service out.
make_folders() {
    run inside install -d -m 0750 -o root -g "$user" "$etc"
    run inside install -d -m 0700 -o "$user" -g "$user" "$state"
    run inside chown -R -h "$user:$user" "$state"
}

# All settings at their defaults, with the two that an installation is for in force.
make_settings() {
    if [ -e "$root$settings" ]; then
        run inside chown "root:$user" "$settings"
        run inside chmod 0640 "$settings"
        return
    fi
    local text
    text=$([ -n "$dry_run" ] || inside "$app/releases/$release/venv/bin/api-face" settings)
    printf '%s\n' "$text" | sed -e 's/^# \(host = "::"\)$/\1/' -e 's/^# \(port = 443\)$/\1/' |
        write "$settings" 0640 "root:$user"
}

# The command line for this device's state.
make_wrapper() {
    write /usr/local/bin/api-face 0755 root:root <"$source/scripts/lib/api-face"
}

port_in_force() {
    local port
    port=$(sed -n 's/^port *= *\([0-9]*\).*/\1/p' "$root$settings" 2>/dev/null || true)
    printf '%s' "${port:-443}"
}

# Every unit and timer of the release, by its name; what the network is told, with the port of the settings.
# Fails when any step does (see write).
make_units() {
    local unit name enabled=()
    for unit in "$source"/systemd/*.service "$source"/systemd/*.timer; do
        name=${unit##*/}
        [ -e "$unit" ] || continue
        if [[ $name == avahi-* ]]; then
            sed "s|<port>443</port>|<port>$(port_in_force)</port>|" "$unit" |
                write "/etc/avahi/services/${name#avahi-}" 0644 root:root || return 1
            continue
        fi
        write "/etc/systemd/system/$name" 0644 root:root <"$unit" || return 1
        if grep -q '^\[Install\]' "$unit"; then
            enabled+=("$name")
        fi
    done
    if [ "${#enabled[@]}" -eq 0 ]; then
        say "there are no units in $source/systemd"
        return 1
    fi
    if booted; then
        run systemctl daemon-reload || return 1
    fi
    run inside systemctl --quiet enable "${enabled[@]}"
}

# drop_units FOLDER: units that the release in FOLDER had, and this one has not.
drop_units() {
    local unit name
    for unit in "$1"/systemd/api-face*; do
        name=${unit##*/}
        if [ -e "$unit" ] && [ ! -e "$source/systemd/$name" ] && [ -e "$root/etc/systemd/system/$name" ]; then
            run inside systemctl --quiet disable "$name" || true
            run rm -f "$root/etc/systemd/system/$name"
        fi
    done
    ! booted || run systemctl daemon-reload
}

# Whether systemd runs what is installed into.
booted() {
    [ -z "$root" ] && [ -d /run/systemd/system ]
}

start_service() {
    if [ -n "$image" ] || ! booted; then
        return
    fi
    run rm -f /run/api-face/starts # see ExecStartPre= of the unit: not counted as one of many restarts
    run systemctl restart api-face.service || {
        journalctl -u api-face.service -n 20 --no-pager >&2 || true
        die "the service does not start: its last words stand above"
    }
    run systemctl --no-block start timers.target
}
