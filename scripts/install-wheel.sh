#!/bin/sh
# Build the wheel and install it, not editable, so that package data missing from it shows.
# Usage: install-wheel.sh FOLDER LOCK NAME[EXTRA]
set -eu
cd "$(dirname "$0")/.."
folder=$1 lock=$2 project=$3
# No index: the build uses the locked backend, and nothing can be fetched by mistake.
offline() {
    "$folder/bin/python" -I -m pip "$@"
}
rm -rf "$folder/wheel"
offline wheel --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --wheel-dir "$folder/wheel" .
offline install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall "$folder"/wheel/secpipe-*.whl
"$folder/bin/python" -I scripts/whole.py "$lock" "$project"
