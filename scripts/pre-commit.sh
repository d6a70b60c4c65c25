#!/bin/sh
# What pre-commit starts: secpipe out of pre-commit's own clone, installed once and pinned by that clone's lock.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ -x "$root/.venv-hook/bin/secpipe" ] || sh "$root/scripts/ci-install.sh" python3 "$root/.venv-hook" >&2
exec "$root/.venv-hook/bin/secpipe" hook run pre-commit "$@"
