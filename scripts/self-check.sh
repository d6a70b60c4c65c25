#!/bin/sh
# secpipe judges itself: what is committed, by its own policy, pinned in .ci/policy-ref. Usage: self-check.sh PYTHON
# After a change of the policy: secpipe policy pin secpipe-policy.toml > .ci/policy-ref
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/secpipe"
git archive HEAD | tar -x -C "$scratch/secpipe"
# The lock is judged beside the pyproject.toml that it answers.
mv "$scratch/secpipe/requirements/dev.txt" "$scratch/secpipe/requirements.txt"
SECPIPE_CACHE="$scratch/cache" SECPIPE_HOME="$scratch/home" "$1" -m secpipe check "$scratch/secpipe" \
    --policy secpipe-policy.toml --policy-ref "$(cat .ci/policy-ref)" --quiet
