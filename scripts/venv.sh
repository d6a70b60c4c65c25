#!/bin/sh
# Make a virtual environment that holds exactly a lock, and prove it whole. Usage: [UV=uv] venv.sh PYTHON FOLDER LOCK
# Nothing is resolved: what was released after the lock was made cannot change the outcome.
set -eu
python=$1 folder=$2 lock=$3
here=$(dirname "$0")
UV=${UV:-} sh "$here/preflight.sh" "$python"
stamp=$folder/.installed
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Another Python, or another lock, is another environment.
{ printf '# ' && "$python" -c 'import sys; print(sys.base_prefix, *sys.version.split())' && cat "$lock"; } >"$scratch/want"
if [ -f "$stamp" ] && cmp -s "$scratch/want" "$stamp" && "$folder/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
echo "installing $(basename "$lock") into $folder (hash-checked; about a minute the first time)" >&2
locked() {
    "$@" --quiet --no-deps --require-hashes --only-binary :all: -r "$lock" || echo $? >"$scratch/failed"
}
if [ -n "${UV:-}" ]; then
    rm -rf "$folder"
    "$UV" venv --quiet --no-project --python "$python" "$folder"
    locked "$UV" pip install --python "$folder/bin/python" 2>&1 | tee "$scratch/log" >&2
else
    "$python" -m venv --clear "$folder"
    locked "$folder/bin/python" -I -m pip install --disable-pip-version-check --progress-bar off --log "$scratch/full" 2>&1 | tee "$scratch/log" >&2
fi
if [ -f "$scratch/failed" ]; then
    printf 'venv: %s is not installed: ' "$lock" >&2
    sh "$here/why.sh" "$scratch/log" "$scratch/full" >&2
    exit 1
fi
"$folder/bin/python" -I "$here/whole.py" "$lock"
cp "$scratch/want" "$stamp"
