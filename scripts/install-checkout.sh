#!/bin/sh
# Install the checkout itself (editable) into a virtual environment, once. Usage: install-checkout.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
folder=$1
stamp=$folder/.project
cmp -s pyproject.toml "$stamp" && exit 0
# No index: the build uses the locked backend, and nothing can be fetched by mistake.
"$folder/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
"$folder/bin/python" -I scripts/whole.py requirements/dev.txt 'secpipe[full]'
cp pyproject.toml "$stamp"
