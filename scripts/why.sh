#!/bin/sh
# Say in one line why an installer (pip, uv) failed, from what it printed and pip's full log. Usage: why.sh PRINTED [FULL]
printed=$1 full=${2:-}
# Quiet, pip hides what kept it from reading a page, and which wheels it passed over.
refused=
wanted=$(sed -nE 's/.*(requirement|you require|found for|wheels? for) `?([A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+).*/\2/p' "$printed" | head -n 1)
if [ -s "$full" ]; then
    refused=$(grep 'Could not fetch URL' "$full")
    wheel=$(printf '%s' "$wanted" | sed -E 's/==/-/; s/[-_.]+/[-_.]+/g')
    refused="$refused $(grep "none of the wheel's tags" "$full" | grep -iE "/$wheel" | head -n 3)"
fi
says() {
    { cat "$printed" && printf '%s\n' "$refused"; } | grep -qiE "$1"
}
if says 'do not match the hashes|hash mismatch'; then
    echo "the registry serves other files than the lock names (their hashes differ): do not use it until you know why"
elif says 'versions pinned with ==|hashes are required|missing a hash'; then
    echo "the lock does not name all that it needs: make lock"
elif says 'no space left on device|disk quota'; then
    echo "the disk is full"
elif says 'permission denied|read-only file system'; then
    echo "a folder cannot be written"
elif says 'certificate.?verify|sslerror|invalid peer certificate|unknownissuer'; then
    echo "the registry's certificate is not trusted here: a proxy may need its own (PIP_CERT, SSL_CERT_FILE)"
elif says 'proxyerror|proxy authentication|cannot connect to proxy'; then
    echo "the proxy of this machine refuses the way to the registry"
elif says '(401|403) client error|error \(?(401|403)|(401 unauthorized|403 forbidden)'; then
    echo "the registry refuses us: it wants credentials, or forbids this package"
elif says '50[0-9] server error|server error \(?50'; then
    echo "the registry answers with an error of its own: try again later"
elif says 'connection (refused|reset|broken|error)|newconnectionerror|name resolution|dns error|unreachable|timed out|client error \(connect\)|failed to fetch'; then
    echo "the registry cannot be reached from here"
elif says "none of the wheel's tags|no wheels? with a matching|not a supported wheel|has no (usable )?wheels|no compatible"; then
    echo "the registry has no wheel of $wanted for this Python and machine"
elif says 'from versions: |not found in the package registry|there is no version of'; then
    echo "the registry does not have $wanted"
else
    echo "the reason stands above"
fi
