#!/bin/sh
# What pre-commit starts: secpipe out of pre-commit's own clone, installed once and pinned by that clone's lock.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ -x "$root/.venv-hook/bin/secpipe" ] || sh "$root/scripts/ci-install.sh" python3 "$root/.venv-hook" >&2
# -I: what stands in the work tree, or where PYTHON* variables point, is not imported.
exec "$root/.venv-hook/bin/python" -I -m secpipe hook run pre-commit "$@"
