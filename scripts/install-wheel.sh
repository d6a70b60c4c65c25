#!/bin/sh
# Build the wheel and install it, not editable, so that package data missing from it shows. Usage: install-wheel.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
folder=$1
rm -rf "$folder/wheel"
"$folder/bin/python" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --wheel-dir "$folder/wheel" .
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "$folder"/wheel/secpipe-*.whl
