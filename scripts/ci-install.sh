#!/bin/sh
# Install secpipe from this source: its locked dependencies by hash, then itself; nothing is resolved or fetched by name.
# Usage: ci-install.sh PYTHON FOLDER. What stands in the caller's folder is not looked at: it may be under test.
set -eu
case $2 in
/*) folder=$2 ;;
*) folder=$PWD/$2 ;;
esac
cd "$(dirname "$0")/.."
unset PYTHONPATH PYTHONHOME
rm -rf "$folder" # what an earlier job left there is not believed
sh scripts/venv.sh "$1" "$folder" requirements/full.txt
sh scripts/install-wheel.sh "$folder" requirements/full.txt 'secpipe[full]'
"$folder/bin/python" -I -m secpipe --version
