# shellcheck shell=bash disable=SC2154 # app, user, state, settings, healthy_seconds: the caller's and place.sh's
# From one release to another, and back. What is under way stands in $work/pending, so that an update which is cut
# off at any moment is ended by the next start of the device, or by the next update.

readonly work=$state.update

in_force() {
    basename "$(readlink "$app/current")"
}

# as_user PYTHON TOOL ARGUMENT...: a tool of scripts/lib as the service's user, for whatever root wrote into the state
# would lock the service out. When memory is short it goes first, and not the service.
as_user() {
    (cd / && choom -n 1000 -- setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all \
        "$1" -sB "$work/$2.py" "${@:3}")
}

# Put NAME in force, with its units.
put_in_force() {
    switch_to "$1" || return
    source=$app/releases/$1
    { make_user && make_wrapper && make_units && drop_units; } || return
    rm -f /run/api-face/starts # a new beginning for the back-off
    timeout "$healthy_seconds" systemctl start api-face.service
}

healthy() {
    local tool=$work/trial.py
    [ -e "$tool" ] || tool=$source/scripts/lib/trial.py
    (cd / && python3 -sB "$tool" healthy "$settings" "$healthy_seconds")
}

# From old to new. A terminal that goes away, or Ctrl-C, does not end it: it takes two minutes at most.
switch_over() {
    local begun=$SECONDS
    trap '' HUP INT TERM
    printf '%s %s\n' "$old" "$new" >"$work/pending.part"
    sync "$work/pending.part"
    mv "$work/pending.part" "$work/pending"
    sync "$work"
    systemctl stop api-face.service
    # shellcheck disable=SC2086 # names without spaces
    as_user python3 stores keep "$state" "$work/before" $migrates || {
        rm -rf "$work"
        systemctl start api-face.service
        die "nothing has changed: $old serves again"
    }
    if put_in_force "$new" && healthy; then
        say "$new answers, after $((SECONDS - begun)) s; $old is kept beside it"
        rm -rf "$work"
        return
    fi
    roll_back
    die "nothing has changed: $old answers again"
}

# The old release answers again. Databases whose form the new release has changed come back as they were. With the
# system's Python, for neither release may work. Nothing here keeps the old one from being tried.
roll_back() {
    say "$new is not healthy: going back to $old"
    journalctl -u api-face.service -n 10 --no-pager -o cat >&2 || true
    systemctl stop api-face.service || true
    as_user python3 stores put-back "$state" "$work/before" "$new" || say "the stores stay as $new has left them"
    if ! put_in_force "$old" || ! healthy; then
        die "$old does not answer either: see journalctl -u api-face; the stores of before are in $work/before"
    fi
    rm -rf "$work"
}

# An update that was cut off is ended: the new release stays when it is in force and answers.
settle() {
    local old new
    [ -e "$work/pending" ] || return 0
    read -r old new <"$work/pending"
    trap '' HUP INT TERM
    say "The update from $old to $new was cut off"
    if [ "$(in_force)" = "$new" ] && put_in_force "$new" && healthy; then
        say "$new answers"
        rm -rf "$work"
    else
        roll_back
        say "$old answers again"
    fi
    trap - HUP INT TERM
}
