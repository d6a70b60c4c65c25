#!/bin/sh
# Sign the release in FOLDER by secpipe itself: twin signatures of every file, provenance of what is installed.
# The keys are the releaser's own. Usage: sign-release.sh PYTHON FOLDER [--trust KEYS] [--key NAME] [--passphrase-file REF]
set -eu
python=$1 out=$2
shift 2
(cd "$out" && sha256sum --check --quiet SHA256SUMS)
for pyz in "$out"/secpipe-*.pyz; do :; done
version=$(basename "$out"/secpipe-*.tar.gz .tar.gz)
secpipe() { "$python" -I "$pyz" "$@"; }
(
    for file in "$out"/SHA256SUMS "$out"/secpipe-*; do
        case $file in *.sig | *.att.json | *.cdx.json) ;; *) set -- "$@" "$file" ;; esac
    done
    secpipe sign --version "${version#secpipe-}" "$@"
)
secpipe sign --version "${version#secpipe-}" --kind sbom "$@" "$out/$version.cdx.json"
secpipe attest --type provenance --predicate "$out/$version.provenance.json" "$@" \
    "$out"/secpipe-*.whl "$out"/secpipe-*.tar.gz "$pyz"
