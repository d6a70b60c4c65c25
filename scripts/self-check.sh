#!/bin/sh
# secpipe judges itself: what is committed, by .ci/policy.toml, pinned here. Usage: self-check.sh PYTHON
set -eu
cd "$(dirname "$0")/.."
# After a change of the policy: secpipe policy pin .ci/policy.toml
pin=sha256:cd16cd6ea98a8af53de0f764d126cb849572224e276cd53a1423b4a9786919f5
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/secpipe"
git archive HEAD | tar -x -C "$scratch/secpipe"
SECPIPE_CACHE="$scratch/cache" SECPIPE_HOME="$scratch/home" \
    "$1" -m secpipe check "$scratch/secpipe" --policy .ci/policy.toml --policy-ref "$pin" --quiet
