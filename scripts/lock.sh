#!/bin/sh
# Refresh the hash-locked requirements from pyproject.toml; `UPGRADE=1 make lock` also takes newer versions.
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-uv}
# No index address, no local path and no machine name may enter a lock (tests/house/test_locks.py).
compile() {
    out=requirements/$1.txt
    shift
    "$uv" pip compile "${source:-pyproject.toml}" --quiet --universal --python-version 3.11 --generate-hashes --no-config \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links ${UPGRADE:+--upgrade} "$@" --output-file "$out"
    printf '%s: %s packages\n' "$out" "$(grep -c '==' "$out")"
}
mkdir -p requirements
compile dev --extra full --group dev --group lock
# The smaller ones are cut from the same resolution, so that all of them name the same versions.
compile full --extra full --group build --constraint requirements/dev.txt
compile core --group build --constraint requirements/dev.txt
compile release --constraint requirements/dev.txt
compile mutants requirements/mutants.in --extra full --group dev --group lock --constraint requirements/dev.txt
source=requirements/workflows.in compile workflows
source=requirements/tools.in compile tools
source=requirements/honest/libraries.in compile honest/libraries
source=requirements/site.in compile site
for rival in requirements/rivals/*.in; do source=$rival compile "rivals/$(basename "$rival" .in)"; done
