# shellcheck shell=bash
# The end of an installation: what the site file says, certificate and first token, and what to do next. Uses
# change.sh and place.sh.

# The file itself stays as it is: it is the installer's own, not the copy on a card.
apply_config() {
    [ -n "$config" ] || return 0
    if [ -n "$dry_run" ]; then
        say "would apply: $config"
        return
    fi
    unfinished+=("$root$etc/site.toml.part")
    (umask 077 && cat "$config" >"$root$etc/site.toml.part")
    api_face provision --keep "$etc/site.toml.part" >&2 || die "$config cannot be used"
    rm -f "$root$etc/site.toml.part"
}

# The certificate; not on a card that will be copied, for copies must not share it.
make_identity() {
    local own
    authority=
    if [ -n "$image" ]; then
        run rm -rf "$root$state/tls" "$root$state/device-id"
        forget_machine
    elif [ -n "$dry_run" ]; then
        say "would make: the certificates and, where there is no token yet, the first"
    else
        own=$(setting tls_certificate)
        [ -n "$own" ] || authority=$(api_face ca --qr) ||
            die "the certificates could not be made: why stands above"
    fi
}

# systemd makes a new machine id when it starts. The file is emptied, not removed: without it all units would be
# enabled or disabled anew (machine-id(5)). From a D-Bus id of its own it would take the old one again.
forget_machine() {
    if grep -qsE '^[0-9a-f]{32}$' "$root/etc/machine-id"; then
        run truncate -s 0 "$root/etc/machine-id"
    fi
    [ -L "$root/var/lib/dbus/machine-id" ] || run rm -f "$root/var/lib/dbus/machine-id"
}

# Sets token, where there is none yet. A store may be there without any: of an installer that was killed. A token
# that was revoked is one. The last step, for who is not shown it now never is.
make_token() {
    local tokens
    token=
    if [ -e "$root$state/people.sqlite" ]; then
        tokens=$(api_face token list)
        [ "$(wc -l <<<"$tokens")" -le 1 ] || return 0
    fi
    token=$(api_face token add first)
}

# with_port NAME: with the port, where it is another than that of https.
with_port() {
    local port
    port=$(port_in_force)
    printf '%s%s' "$1" "$([ "$port" = 443 ] || printf ':%s' "$port")"
}

# Under which name others reach it.
device_name() {
    local name
    name=$(if [ -n "$root" ]; then cat "$root/etc/hostname" 2>/dev/null; else hostname; fi)
    with_port "${name%%.*}.local"
}

greet() {
    local host
    [ -z "$dry_run" ] || return 0
    if [ -n "$image" ]; then
        say "Installed. Shut down, copy the card; each copy makes its own certificate at its first start."
        return
    fi
    host=$(device_name)
    printf '\napi-face edge %s is installed%s.\n' "$release" "$(booted && printf ' and answers at https://%s' "$host")"
    if [ -n "$authority" ]; then
        printf '\nClients must trust the CA of this device, once: https://%s/ca.crt\nCompare its fingerprint with this one:\n' "$host"
        printf '%s\n' "$authority"
    fi
    make_token
    if [ -n "$token" ]; then
        printf '\nYour token, shown only this once:\n    %s\n' "$token"
    else
        printf '\nTo make a token ($TOKEN below stands for it):\n    sudo api-face token add NAME\n'
    fi
    printf '\nOn this device, the faces in a photograph (put the name of yours in place of photo.jpg):\n    '
    curl_line
}

# As pasted into bash, for photographs of any size: an argument holds about 100 kB, and other users can read it, so
# the token is in none. The state is closed to other users.
curl_line() {
    local trust=
    [ -z "$authority" ] || trust="--cacert <(${SUDO_USER:+sudo }cat $state/tls/ca.crt) "
    printf "(printf '{\"key\":\"data:image/jpeg;base64,'; base64 < photo.jpg | tr -d '\\\\n'; printf '\"}') | "
    printf 'curl %s-H @<(printf "Authorization: Bearer %s") -d @- https://%s/v1.0/detect; echo\n' \
        "$trust" "${token:-\$TOKEN}" "$(with_port localhost)"
}
