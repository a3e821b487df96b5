# shellcheck shell=bash disable=SC2154 # root, dry_run, bundle: the caller's
# A bundle (scripts/bundle) has the tools of its own release. Uses change.sh and release.sh.

readonly bundle_mb=100 # unpacked

# from_bundle TOOL ARGUMENT...: the bundle's own, and its exit code. What a killed one unpacked lies in the same place.
from_bundle() {
    local folder=$root$app/bundle code=0
    if [ -n "$dry_run" ]; then
        folder=$(mktemp -d)
    else
        mkdir -p "$root$app"
        exec 6<"$root$app"
        flock -w 300 6 || die "another installation or update is under way"
        rm -rf "$folder"
        need_room "$bundle_mb" "$root$app"
        mkdir "$folder"
    fi
    unfinished+=("$folder")
    tar -C "$folder" --strip-components=1 --no-same-owner -xf "$bundle" || die "$bundle is no bundle, or not whole"
    "$folder/scripts/$1" "${@:2}" || code=$?
    exit "$code"
}
