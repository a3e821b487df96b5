# shellcheck shell=bash disable=SC2154 # app, user, state, settings, source, healthy_seconds: the caller's and place.sh's
# From one release to another, and back. What is under way stands in $work/pending, as "OLD NEW on|back", so that an
# update which is cut off at any moment is ended by the next start of the device, or by the next update.

readonly work=$state.update
readonly tools=$source/scripts/lib

in_force() {
    basename "$(readlink "$app/current")"
}

# Root's, for root acts on what stands in there; the copies of the state are the service's, in a folder of their own.
make_work() {
    rm -rf "$work" || return
    install -d -m 0750 -o root -g "$user" "$work" || return
    install -d -m 0700 -o "$user" -g "$user" "$work/state" || return
    place_tools
}

# The clone that this runs from may be closed to the service's user.
place_tools() {
    install -m 0644 -t "$work" "$tools/stores.py" "$tools/trial.py" && sync -f "$work"
}

# as_user PYTHON TOOL ARGUMENT...: a tool of scripts/lib as the service's user, for whatever root wrote into the state
# would lock the service out. When memory is short it goes first, and not the service.
as_user() {
    (cd / && choom -n 1000 -- setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all \
        "$1" -sB "$work/$2.py" "${@:3}")
}

# stores VERB ARGUMENT...: a file that a power cut has emptied does nothing, and says nothing.
stores() {
    [ "$(as_user python3 stores "$1" "$state" "$work/state/before" "${@:2}")" = "done" ]
}

# note WAY: for sure, before anything follows.
note() {
    printf '%s %s %s\n' "$old" "$new" "$1" >"$work/pending.part" && sync "$work/pending.part" &&
        mv "$work/pending.part" "$work/pending" && sync "$work"
}

# The next start of the device ends what is begun now: with the new release's script, for the old one may not know how.
arm() {
    local unit=api-face-update.service
    sed "s|^ExecStart=$app/current/|ExecStart=$app/releases/$new/|" "$source/systemd/$unit" |
        write "/etc/systemd/system/$unit" 0644 root:root || return
    systemctl daemon-reload && systemctl --quiet enable "$unit" && sync -f /etc/systemd/system
}

# put_in_force NAME OTHER: with its units, in place of OTHER.
put_in_force() {
    switch_to "$1" || return
    source=$app/releases/$1
    { make_user && make_wrapper && make_units && drop_units "$app/releases/$2"; } || return
    sync -f "$app" && sync -f /etc
    rm -f /run/api-face/starts # a new beginning for the back-off
    timeout "$healthy_seconds" systemctl start api-face.service
}

healthy() {
    (cd / && python3 -sB "$tools/trial.py" healthy "$settings" "$healthy_seconds")
}

# A terminal or a pipe that goes away, and Ctrl-C, end nothing.
undisturbed() {
    trap '' HUP INT TERM PIPE
}

# From old to new: two minutes at most.
switch_over() {
    local begun=$SECONDS
    undisturbed
    { arm && note on; } || {
        rm -rf "$work"
        die "nothing has changed: $old serves"
    }
    systemctl stop api-face.service
    # shellcheck disable=SC2086 # names without spaces
    stores keep $migrates || {
        rm -rf "$work"
        systemctl start api-face.service || true
        die "nothing has changed: $old serves again"
    }
    if put_in_force "$new" "$old" && healthy; then
        rm -rf "$work"
        say "$new answers, after $((SECONDS - begun)) s; $old is kept beside it"
        return
    fi
    say "$new is not healthy"
    roll_back || exit 1
    die "nothing has changed: $old answers again"
}

# The old release answers again. Databases whose form the new release has changed come back as they were. With the
# system's Python, for neither release may work. Nothing here keeps the old one from being tried.
roll_back() {
    local back=yes
    say "going back to $old"
    journalctl -u api-face.service -n 10 --no-pager -o cat >&2 || true
    systemctl stop api-face.service || true
    note back || true
    [ ! -d "$work/state/before" ] || stores put-back "$new" || back=
    if put_in_force "$old" "$new" && healthy; then
        rm -rf "$work"
        return
    fi
    say "$old does not answer either: see journalctl -u api-face"
    if [ -n "$back" ]; then
        rm -rf "$work"
    else
        say "the stores stay as $new has left them; those of before are in $work/state/before"
    fi
    return 1
}

# An update that was cut off is ended: the new release stays when it is in force and answers, unless it has been found
# wanting already. Fails when it cannot be.
settle() {
    local old new way now
    [ -e "$work/pending" ] || return 0
    read -r old new way <"$work/pending" || true
    now=$(in_force)
    undisturbed
    say "The update from $old to $new was cut off"
    if [ ! -d "$app/releases/$old" ] || { [ "$now" != "$old" ] && [ "$now" != "$new" ]; }; then
        say "another installation has taken its place: $now is in force"
        rm -rf "$work"
    elif [ "$now $way" = "$new on" ] && put_in_force "$new" "$old" && healthy; then
        say "$new answers"
        rm -rf "$work"
    else
        place_tools || return
        roll_back || [ ! -e "$work/pending" ] || return
        say "$old is in force"
    fi
    trap - HUP INT TERM PIPE
}
