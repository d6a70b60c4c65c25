#!/bin/sh
# Make an environment for each rival of the benches in .rivals, from requirements/rivals/NAME.txt. Usage: rivals.sh PYTHON
set -u
cd "$(dirname "$0")/.."
status=0
for lock in requirements/rivals/*.txt; do
    name=$(basename "$lock" .txt)
    sh scripts/venv.sh "$1" ".rivals/$name" "$lock" || { echo "rivals: $name could not be installed" >&2; status=1; }
done
exit $status
