#!/bin/sh
# Install the checkout itself (editable) into a virtual environment, once. Usage: install-checkout.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
folder=$1
stamp=$folder/.project
cmp -s pyproject.toml "$stamp" && exit 0
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
cp pyproject.toml "$stamp"
