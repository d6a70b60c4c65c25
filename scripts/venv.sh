#!/bin/sh
# Make a virtual environment from a hash-locked file, or leave it alone if it already holds exactly that.
# Usage: venv.sh PYTHON FOLDER LOCK
set -eu
python=$1 folder=$2 lock=$3
here=$(dirname "$0")
"$here/preflight.sh" "$python"
stamp=$folder/.installed
if [ -f "$stamp" ] && cmp -s "$lock" "$stamp" && "$folder/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
echo "installing $(basename "$lock") into $folder (hash-checked; about a minute the first time)" >&2
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r "$lock" ||
    { echo "venv: pip could not install $lock: is a package registry reachable?" >&2; exit 1; }
cp "$lock" "$stamp"
