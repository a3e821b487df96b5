# shellcheck shell=bash
# Which system this is, and its apt packages. Uses change.sh and venv.sh.

readonly lock_seconds=300

os_release() {
    sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$root/etc/os-release"
}

# Sets system, python (3.11, 3.13), machine (x86_64, aarch64, armv7l) and fits; dies where nothing can run.
look_at_system() {
    [ -e "$root/etc/debian_version" ] || die "this is for Raspberry Pi OS and Debian; there is no $root/etc/debian_version"
    system=$(os_release PRETTY_NAME)
    case $(inside dpkg --print-architecture) in
        amd64) machine=x86_64 ;;
        arm64) machine=aarch64 ;;
        armhf) machine=armv7l ;;
        *) die "$(inside dpkg --print-architecture): there is no TFLite runtime for this kind of processor" ;;
    esac
    case $(os_release VERSION_CODENAME) in
        bookworm) python=3.11 ;;
        trixie) python=3.13 ;;
        *) die "$system: this is for bookworm (Python 3.11) and trixie (Python 3.13)" ;;
    esac
    if [ "$machine" = armv7l ]; then
        [ "$python" = 3.11 ] ||
            die "32-bit trixie has no TFLite runtime: put the 64-bit system on the card (a Pi 3, 4, 5 and Zero 2 W run it)"
        say "32-bit: tflite-runtime, with NumPy and Pillow from apt and the rest from piwheels, whose files differ from"
        say "PyPI's: versions are pinned, hashes are not checked. This was never run on a 32-bit Pi; 64-bit is the better choice."
    fi
}

# The packages that a list names.
listed() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$source/scripts/packages/$1.list"
}

has_package() {
    [ "$(inside dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Whether an archive offers it. (`show` would also find what is only named by others.)
in_archive() {
    inside apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

apt_get() {
    # The time-out: of an installer that was killed, apt may still be at work.
    inside env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout="$lock_seconds" "$@" >&2
}

# apt waits for dpkg's lock by itself (see apt_get), for that of its lists it does not; on a fresh card the daily
# update holds it for minutes.
apt_update() {
    local said end=$((SECONDS + lock_seconds)) waiting=
    until said=$(apt_get update 2>&1); do
        if [[ $said != *"Could not get lock"* ]] || [ "$SECONDS" -ge "$end" ]; then
            say "$said"
            return 1
        fi
        [ -n "$waiting" ] || say "apt is at work already: waiting for it, for up to $((lock_seconds / 60)) minutes"
        waiting=yes
        sleep 5
    done
    say "$said"
}

# Sets numpy (apt or pip).
install_packages() {
    local wanted=() missing=() package
    numpy=apt
    mapfile -t wanted < <(
        listed common
        [ "$machine" != armv7l ] || listed 32-bit
        [ "$camera" != webcam ] || listed webcam
    )
    for package in "${wanted[@]}"; do
        has_package "$package" || missing+=("$package")
    done
    if [ -n "$(inside dpkg --audit 2>/dev/null)" ]; then
        run inside env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >&2 ||
            say "dpkg could not finish what was begun before: its words stand above; going on without"
    fi
    if [ "${#missing[@]}" -gt 0 ] || [ -z "$(find "$root/var/lib/apt/lists" -name '*_Packages*' -print -quit)" ]; then
        run apt_update || say "apt-get update failed: going on with what the lists have"
    fi
    if [ "${#missing[@]}" -gt 0 ]; then
        run apt_get install -y --no-install-recommends "${missing[@]}" || without "${missing[@]}"
    fi
    install_picamera2
}

# Without a network: what can be done without these packages, or which of them are needed.
without() {
    local package needed=()
    for package in "$@"; do
        has_package "$package" && continue
        case $package in
            python3-numpy) numpy=pip ;;
            libopenblas0-pthread | ca-certificates) ;;
            avahi-daemon) say "no avahi-daemon: the device is reached by its address or a DNS name, not as NAME.local" ;;
            *) needed+=("$package") ;;
        esac
    done
    [ "${#needed[@]}" -eq 0 ] || die "apt could not install ${needed[*]}: install them first, then run this again"
    if [ "$numpy" = pip ]; then
        say "no python3-numpy: pip's goes into the virtual environment instead"
    fi
}

install_picamera2() {
    local packages
    [ "$camera" = pi ] || return 0
    mapfile -t packages < <(listed camera)
    if has_package "${packages[0]}"; then
        return
    elif in_archive "${packages[0]}"; then
        run apt_get install -y --no-install-recommends "${packages[@]}" ||
            say "apt could not install ${packages[*]}: going on without the Pi camera; run this again when there is a network"
    else
        say "${packages[*]} is in no archive of this system (Raspberry Pi's own has it): going on without the Pi camera."
        say "Everything else works, USB webcams too (--camera webcam); camera = \"pi\" in the settings does not."
    fi
}
