#!/bin/sh
# Build and test the verifiers in Go and JavaScript, as far as this machine has their toolchains; in CI a missing one fails.
# The programs: SECPIPE_GO, or go on PATH or in .tools; node and npm on PATH.
set -eu
cd "$(dirname "$0")/.."
missing=0
lacks() {
    printf 'verifiers: %s: not built, not tested\n' "$1"
    if [ -n "${SECPIPE_CI:-}" ]; then missing=1; fi
}

go=${SECPIPE_GO:-$(command -v go || command -v "$PWD/.tools/bin/go" || true)}
if [ -n "$go" ] && (cd verifiers/go && GOTOOLCHAIN=local "$go" list -e crypto/mldsa >/dev/null 2>&1); then
    (
        cd verifiers/go
        export GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
        test -z "$("$go" fmt ./...)"
        "$go" vet ./...
        "$go" test ./...
        CGO_ENABLED=0 "$go" build -trimpath -ldflags='-s -w' -o secpipe-verify ./cmd/secpipe-verify
    )
else
    lacks "go: there is no Go with crypto/mldsa (1.27)"
fi

if command -v node >/dev/null && command -v npm >/dev/null; then
    (cd verifiers/js && npm ci --silent --no-audit --no-fund --ignore-scripts && npm run --silent types && npm test --silent)
else
    lacks "js: there is no node with npm"
fi
exit $missing
