#!/bin/sh
# Unpack openssl and cosign of a newer Debian beside this system, and write programs that start them.
# Usage: newer-debian.sh FOLDER BIN
set -eu
suite=forky
mkdir -p "$1" "$2"
folder=$(cd "$1" && pwd) bin=$(cd "$2" && pwd)
# The same mirror and keys as this system's own packages.
mirror=$(sed -n 's/^URIs: *\([^ ]*debian\)\/* *$/\1/p; s/^deb \(\[[^]]*\] \)*\([^ ]*debian\)\/* .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1)
[ -n "$mirror" ]
mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/none"
: >"$folder/status"
printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" >"$folder/sources.list"
cat >"$folder/apt.conf" <<END
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "$folder/none";
Dir::State::lists "$folder/lists";
Dir::State::status "$folder/status";
Dir::Cache::archives "$folder/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
END
export APT_CONFIG="$folder/apt.conf"
apt-get update -qq
(cd "$folder" && apt-get download -qq openssl libssl3t64 libc6 libzstd1 zlib1g cosign 2>/dev/null)
for package in "$folder"/*.deb; do dpkg -x "$package" "$folder/root"; done
rm -rf "$folder"/*.deb "$folder/lists" "$folder/archives"
libraries=$(dirname "$(find "$folder/root" -name libc.so.6 | head -n 1)")
start() {
    printf '#!/bin/sh\nexec "%s/%s" --library-path "%s" "%s" "$@"\n' \
        "$libraries" "$(basename "$(find "$libraries" -name 'ld-linux*.so.*' | head -n 1)")" "$libraries" "$2" >"$bin/$1"
    chmod +x "$bin/$1"
}
start openssl-3.5 "$folder/root/usr/bin/openssl"
start cosign "$folder/root/usr/bin/cosign"
"$bin/openssl-3.5" version
