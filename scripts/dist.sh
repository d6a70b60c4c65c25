#!/bin/sh
# Build the release of the commit that is checked out: wheel, sdist, one-file secpipe, AI-BOM, provenance, digests.
# The same commit gives the same bytes on every machine of one kind. Usage: dist.sh PYTHON FOLDER
set -eu
cd "$(dirname "$0")/.."
fail() {
    echo "dist: $1" >&2
    exit 2
}
umask 022
export LC_ALL=C TZ=UTC PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
commit=$(git rev-parse --verify --quiet HEAD) || fail "a release is made from a commit: git clone the repository"
[ -z "$(git status --porcelain --untracked-files=no)" ] || fail "some changes are in no commit: git stash"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
case $1 in */*) python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") ;; *) python=$1 ;; esac
mkdir -p "$2"
out=$(cd "$2" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/source" "$scratch/home" "$scratch/made"

# Only what the commit holds, whatever lies around in the checkout.
git -c core.autocrlf=false -c core.attributesFile=/dev/null archive "$commit" | tar -x -C "$scratch/source"
(cd "$scratch/source" && "$python" -m hatchling build -d "$scratch/made") >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }

# The locked wheels; on Linux those for the oldest glibc that the lock's wheels know, not the newest that fits here.
platform=$("$python" -c 'import sysconfig; print(sysconfig.get_platform().replace("-", "_").replace(".", "_"))')
tags=
case $platform in
linux_*)
    machine=${platform#linux_}
    platform=manylinux_2_28_$machine
    for tag in 2_28 2_27 2_26 2_24 2_17 2014 2_12 2010 2_5 1; do
        case $tag in 2_*) tag=_$tag ;; esac
        tags="$tags --platform manylinux${tag}_$machine"
    done
    ;;
esac
# shellcheck disable=SC2086  # a list of options
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: $tags \
    -r requirements/release.txt -d "$scratch/wheels"

short=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
pyz=$scratch/made/secpipe-$platform-$short.pyz
"$python" scripts/release/pyz.py "$pyz" "$platform" "$scratch"/wheels/*.whl "$scratch"/made/*.whl

# What is in it, told by itself, dated by the commit.
version=$(basename "$scratch"/made/secpipe-*.tar.gz .tar.gz)
"$python" -m zipfile -e "$pyz" "$scratch/unpacked" 2>/dev/null
when=$("$python" -c 'import sys, datetime as d; print(d.datetime.fromtimestamp(int(sys.argv[1]), d.UTC).isoformat())' "$SOURCE_DATE_EPOCH")
HOME=$scratch/home SECPIPE_CACHE=$scratch/home/cache "$python" -I -S "$pyz" sbom generate "$scratch/unpacked/site" \
    --name secpipe --no-services --at "$when" -o "$scratch/made/$version.cdx.json" 2>"$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
"$python" scripts/release/provenance.py "$scratch/made/$version.provenance.json" "$commit" "$platform" "$scratch"/wheels/*.whl

rm -rf "$out"/secpipe-* "$out/SHA256SUMS"
(cd "$scratch/made" && sha256sum secpipe-* >SHA256SUMS && cp -f secpipe-* SHA256SUMS "$out/")
(cd "$out" && cat SHA256SUMS)
