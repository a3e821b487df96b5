# shellcheck shell=bash disable=SC2154 # source, root, runtime: the caller's; python, machine, numpy: system.sh's
# A release: /opt/api-face/releases/NAME with the program, its models and its virtual environment. It is made
# under another name and renamed when it has passed its self-test, and never changed afterwards. Which one is
# in force says the link /opt/api-face/current. Uses change.sh, venv.sh and what system.sh found out.

readonly app=/opt/api-face
readonly release_parts=(CHANGELOG.md LICENSE README.md constraints docs edge models pyproject.toml scripts setup.cfg systemd)
readonly measure_seconds=2
readonly room_mb=400 # a release has 180 MB; while it is made, its wheels and both runtimes lie beside it

# Where the wheels come from: a bundle's own, or the registry.
pip_sources() {
    if [ -d "$source/wheels" ]; then
        printf '%s\n' --no-index "--find-links=$app/wheels.part"
    fi
}

release_version() {
    sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$source/edge/__init__.py"
}

release_files() {
    local part
    for part in "${release_parts[@]}"; do
        [ ! -e "$source/$part" ] || printf '%s\n' "$part"
    done
}

# Everything that a release is made from, as one hash.
made_from() {
    {
        (cd "$source" && release_files | tr '\n' '\0' |
            xargs -0 -I{} find {} -type f ! -path '*/__pycache__/*' -print0 | sort -z | xargs -0 sha256sum)
        printf '%s\n' "$python $machine $runtime $numpy"
        inside python3 -VV 2>/dev/null || true # in a dry run there may be none yet
    } | sha256sum | cut -d' ' -f1
}

models_whole() {
    (cd "$root$app/releases/$1/models" && sha256sum --quiet --check SHA256SUMS >&2)
}

# as_service COMMAND...: inside, as the service's user: what is closed to it works for root all the same. Before
# there is one, as root.
as_service() {
    if inside getent passwd "$user" >/dev/null; then
        set -- setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all "$@"
    fi
    (cd / && inside "$@")
}

# release_works NAME: its models are whole and run, with the libraries that it has, for whom it is made.
release_works() {
    models_whole "$1" 2>/dev/null &&
        as_service "$app/releases/$1/venv/bin/python" -sPB "$app/releases/$1/scripts/lib/time_models.py" 0 >/dev/null 2>&1 &&
        as_service "$app/releases/$1/venv/bin/api-face" settings >/dev/null 2>&1
}

# Sets release to the NAME of a whole release of this source. One that is there already is taken; where it is
# damaged, or was made from something else, the new one is VERSION-2, -3, ...
make_release() {
    local version wanted number=1
    version=$(release_version)
    wanted=$(made_from)
    release=$version
    while [ -e "$root$app/releases/$release" ]; do
        if [ "$(cat "$root$app/releases/$release/.made-from" 2>/dev/null)" = "$wanted" ] && release_works "$release"; then
            return
        fi
        number=$((number + 1))
        release=$version-$number
    done
    if [ -n "$dry_run" ]; then
        say "would make: $app/releases/$release (copy, virtual environment, pip with constraints/py$python-*.txt, self-test)"
        return
    fi
    need_room "$room_mb" "$root$app"
    say "Making $app/releases/$release with Python $python on $machine (a minute or two, longer on a small Pi)"
    build_release "$release.part" "$release"
    printf '%s\n' "$wanted" >"$root$app/releases/$release.part/.made-from"
    sync -f "$root$app/releases" # else a power cut could keep the new name and lose what is in it
    mv -T "$root$app/releases/$release.part" "$root$app/releases/$release"
    sync -f "$root$app/releases"
}

# What a killed installer has left: a release that is not whole, and the site's file with its secrets.
remove_leftovers() {
    [ -z "$dry_run" ] || return 0
    rm -rf "$root$app"/releases/*.part "$root$app"/*.part "$root$etc/site.toml.part"
}

# build_release DRAFT NAME: in DRAFT, everything that will be NAME.
build_release() {
    local draft=$app/releases/$1 site said
    unfinished+=("$root$draft" "$root$app/wheels.part")
    mkdir -p "$root$draft"
    chmod 755 "$root$app" "$root$app/releases" "$root$draft"
    release_files | tar -C "$source" --exclude=__pycache__ --owner=0 --group=0 -T - -c | tar -C "$root$draft" -x
    chmod -R u=rwX,go=rX "$root$draft"
    models_whole "$1" || die "the models of this source are damaged: see above"
    if [ -d "$source/wheels" ]; then
        cp -r "$source/wheels" "$root$app/wheels.part"
    fi
    inside python3 -m venv --system-site-packages "$draft/venv" ||
        die "python3 cannot make a virtual environment: apt install python3-venv"
    install_wheels "$draft"
    # A path relative to its own folder, so that it holds after the renaming.
    site=$(cd "$root$draft/venv" && echo lib/python3.*/site-packages)
    printf '../../../..\n' >"$root$draft/venv/$site/api_face_edge.pth"
    printf '#!%s/venv/bin/python -sP\nimport sys\n\nfrom edge.cli import main\n\nsys.exit(main())\n' \
        "$app/releases/$2" >"$root$draft/venv/bin/api-face"
    chmod 755 "$root$draft/venv/bin/api-face"
    inside "$draft/venv/bin/python" -m compileall -q "$draft/edge"
    said=$(as_service "$draft/venv/bin/python" -sPB "$draft/scripts/lib/time_models.py" 0 2>&1) ||
        die "the new release failed its self-test, and nothing was switched: $said"
    rm -rf "$root$app/wheels.part"
}

# pip_into DRAFT PIP_ARGUMENT...
pip_into() {
    local draft=$1 sources command
    shift
    mapfile -t sources < <(pip_sources)
    command=("$draft/venv/bin/python" -s -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps)
    if [ "$machine" = armv7l ]; then # see pip_install in venv.sh
        command=(setarch linux32 env _PYTHON_HOST_PLATFORM=linux-armv7l "${command[@]}")
    else
        command+=(--require-hashes --only-binary=:all:)
    fi
    inside "${command[@]}" "${sources[@]}" "$@" >&2 ||
        die "pip could not install what constraints/ names: its words stand above"
}

install_wheels() {
    local draft=$1 pins=$1/constraints/py$python
    if [ "$machine" = armv7l ]; then
        pip_into "$draft" -r "$pins-armv7l.txt"
        return
    fi
    [ "$numpy" = apt ] || pip_into "$draft" -r "$pins-numpy.txt"
    pip_into "$draft" -r "$pins-common.txt"
    if [ "$runtime" != auto ]; then
        [ -e "$root$pins-$runtime.txt" ] || die "--runtime $runtime: it has no wheels for Python $python"
        pip_into "$draft" -r "$pins-$runtime.txt"
    elif [ -e "$root$pins-tflite.txt" ]; then
        keep_faster "$draft" "$pins"
    else
        pip_into "$draft" -r "$pins-litert.txt"
    fi
}

# Both runtimes beside each other; each is measured twice, in turn, and the faster one moves in.
keep_faster() {
    local draft=$1 name said best=
    local -A found=()
    for name in litert tflite; do
        pip_into "$draft" --target "$draft/try-$name" -r "$2-$name.txt"
    done
    for name in litert tflite litert tflite; do
        said=$(inside env PYTHONPATH="$draft/try-$name" "$draft/venv/bin/python" -s \
            "$draft/scripts/lib/time_models.py" "$measure_seconds" 2>/dev/null) || said="inf $name does not run here"
        found[$name]=$(printf '%s\n' "${found[$name]:-}" "$said" | grep . | sort -g | head -n 1)
    done
    for name in litert tflite; do
        say "  a picture with one face: ${found[$name]%% *} ms with ${found[$name]#* }"
        printf '%s\n' "${found[$name]}" >>"$root$draft/runtimes-measured"
    done
    best=$(printf '%s\n' "${found[litert]} litert" "${found[tflite]} tflite" | sort -g -s | head -n 1)
    [[ $best != inf* ]] || die "neither TFLite runtime works here"
    best=${best##* }
    rm -rf "$root$draft/try-$best/bin"
    cp -a "$root$draft/try-$best/." "$(echo "$root$draft"/venv/lib/python3.*/site-packages)/"
    rm -rf "$root$draft"/try-*
}

# switch_to NAME: from now on it is in force. The one before stays, for going back; older ones go. Where NAME is in
# force already nothing goes: what lies beside it is what was before. Fails when NAME is not in force (see write).
switch_to() {
    local before path name
    before=$(basename "$(readlink "$root$app/current" 2>/dev/null || true)")
    [ -n "$dry_run" ] || [ -d "$root$app/releases/$1" ] || {
        say "there is no release $1"
        return 1
    }
    [ "$before" != "$1" ] || return 0
    link "releases/$1" "$app/current" || return 1
    [ -z "$dry_run" ] || return 0
    for path in "$root$app"/releases/*; do
        name=${path##*/}
        [ "$name" = "$1" ] || [ "$name" = "$before" ] || rm -rf "$path" || say "$path could not be removed"
    done
}
