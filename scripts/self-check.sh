#!/bin/sh
# secpipe judges itself: what is committed, by .ci/policy.toml, pinned here. Usage: self-check.sh PYTHON
set -eu
cd "$(dirname "$0")/.."
# After a change of the policy: secpipe policy pin .ci/policy.toml
pin=sha256:82536ccfb77322d47a51a05834c625bcf95717e640fa9446a7cd28a174118e4b
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Not git archive: a committed .gitattributes (export-ignore, export-subst) could leave out or rewrite what is judged.
GIT_INDEX_FILE="$scratch/index" git read-tree HEAD
GIT_INDEX_FILE="$scratch/index" git checkout-index --all --prefix="$scratch/secpipe/"
SECPIPE_CACHE="$scratch/cache" SECPIPE_HOME="$scratch/home" \
    "$1" -m secpipe check "$scratch/secpipe" --policy .ci/policy.toml --policy-ref "$pin" --quiet
