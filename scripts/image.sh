#!/bin/sh
# Build an OCI image of the release in FOLDER, without an engine: pinned Debian packages, the parts of the one-file
# secpipe, one layer by tar, an image by umoci. The same inputs give the same bytes. Usage: image.sh PYTHON FOLDER
# SECPIPE_DEBS: a folder with the packages, where the mirror has moved on. UPGRADE=1: pin what apt offers today.
set -eu
cd "$(dirname "$0")/.."
fail() {
    echo "image: $1" >&2
    exit 2
}
umask 022
export LC_ALL=C TZ=UTC
lock=$PWD/scripts/release/debian.lock
case $1 in */*) python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") ;; *) python=$1 ;; esac
out=$(cd "$2" && pwd)
for file in "$out"/secpipe-manylinux_*_x86_64-cp311.pyz; do pyz=$file; done
[ -f "$pyz" ] || fail "the image holds CPython 3.11 on x86_64, and $2 has no such file: make dist PYTHON=python3.11"
command -v dpkg-deb >/dev/null || fail "dpkg-deb is not here: the image is made of Debian packages"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=$scratch/root debs=$scratch/debs tools=$scratch/tools
mkdir -p "$root" "$debs" "$tools"
download() { (cd "$debs" && apt-get download -q -o APT::Sandbox::User=root "$@" >/dev/null) || fail "apt cannot get: $* (apt-get update?)"; }

if [ -n "${UPGRADE:-}" ]; then
    # shellcheck disable=SC2046  # a list of packages
    download $(sed -n 's/^[0-9a-f]*  \([^=]*\)=.*/\1/p' "$lock")
    {
        grep '^#' "$lock"
        for deb in "$debs"/*.deb; do
            printf '%s  %s\n' "$(sha256sum <"$deb" | cut -d' ' -f1)" "$(dpkg-deb -W --showformat='${Package}=${Version}' "$deb")"
        done
    } >"$scratch/lock"
    cat "$scratch/lock" >"$lock"
elif [ -n "${SECPIPE_DEBS:-}" ]; then
    cp "$SECPIPE_DEBS"/*.deb "$debs"
else
    # shellcheck disable=SC2046
    download $(sed -n 's/^[0-9a-f]*  //p' "$lock")
fi
sha256sum "$debs"/*.deb | cut -d' ' -f1 | sort >"$scratch/have"
sed -n 's/^\([0-9a-f]*\)  .*/\1/p' "$lock" | sort | cmp -s - "$scratch/have" ||
    fail "the Debian packages are not the locked ones: SECPIPE_DEBS=FOLDER names them, UPGRADE=1 pins today's"

# Unpacked, never installed: no maintainer script runs.
for folder in bin sbin lib lib64; do
    mkdir -p "$root/usr/$folder"
    ln -s "usr/$folder" "$root/$folder"
done
for deb in "$debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -xp --keep-directory-symlink -C "$root"; done
mkdir -p "$root/work" "$root/tmp" "$root/proc" "$root/dev"
chmod 1777 "$root/tmp"
echo 'root:x:0:0:root:/root:/usr/sbin/nologin
secpipe:x:65532:65532:secpipe:/tmp:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'root:x:0:
secpipe:x:65532:' >"$root/etc/group"
"$python" -m zipfile -e "$pyz" "$scratch/pyz" 2>/dev/null
mv "$scratch/pyz/site" "$root/usr/lib/secpipe"
chmod -R u=rwX,go=rX "$root/usr/lib/secpipe"
cat >"$root/usr/bin/secpipe" <<'END'
#!/usr/bin/python3.11 -IS
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, "/usr/lib/secpipe")
from secpipe.cli.main import main
main()
END
chmod 755 "$root/usr/bin/secpipe"

epoch=$(git log -1 --format=%ct)
when=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
pack() { tar --sort=name --format=gnu --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -c -f "$1" -C "$2" .; }
pack "$scratch/layer.tar" "$root"
umoci=${SECPIPE_UMOCI:-$(command -v umoci || true)}
if [ -z "$umoci" ]; then
    rm -f "$debs"/*.deb
    download umoci
    dpkg-deb -x "$debs"/umoci_*.deb "$tools"
    umoci=$tools/usr/bin/umoci
fi
version=$(basename "$out"/secpipe-*.tar.gz .tar.gz)
version=${version#secpipe-}
image=$scratch/image:$version
"$umoci" init --layout "$scratch/image"
"$umoci" new --image "$image"
"$umoci" raw add-layer --image "$image" --history.created "$when" --history.created_by "make image" "$scratch/layer.tar"
"$umoci" config --image "$image" --no-history --created "$when" --os linux --architecture amd64 \
    --config.user 65532:65532 --config.workingdir /work --config.entrypoint /usr/bin/secpipe \
    --config.env PATH=/usr/bin --config.env HOME=/tmp --config.label "org.opencontainers.image.revision=$(git rev-parse HEAD)" \
    --config.label "org.opencontainers.image.version=$version" --config.label org.opencontainers.image.licenses=Apache-2.0
"$umoci" gc --layout "$scratch/image" >/dev/null
tarball=secpipe-$version-linux-amd64.oci.tar
pack "$out/$tarball" "$scratch/image"
sed -i "/  $tarball\$/d" "$out/SHA256SUMS"
(cd "$out" && sha256sum "$tarball" | tee -a SHA256SUMS)
