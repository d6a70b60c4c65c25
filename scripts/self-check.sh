#!/bin/sh
# secpipe judges itself: what the wheel of this commit holds, by the secpipe of the base branch and .ci/policy.toml.
# Usage: self-check.sh PYTHON [BASE]
set -eu
cd "$(dirname "$0")/.."
python=$1 base=${2:-}
case $python in */*) python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") ;; esac
# After a change of the policy: secpipe policy pin .ci/policy.toml
pin=sha256:f81f352da69ea74290a015e0324bedc2132f8fa0cfb15a8fc1c322ad293459d4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The judge is that of where this change branched off: a change that breaks a check does not pass by that.
for name in origin/main main; do
    [ -n "$base" ] || base=$(git merge-base HEAD "$name" 2>/dev/null) || base=
done

# wheel COMMIT FOLDER: build the wheel of a commit and unpack it.
wheel() {
    # Not git archive: a committed .gitattributes (export-ignore, export-subst) could leave out or rewrite what is judged.
    GIT_INDEX_FILE="$scratch/index" git read-tree "$1"
    GIT_INDEX_FILE="$scratch/index" git checkout-index --all --prefix="$2/source/"
    (cd "$2/source" && "$python" -I -m hatchling build -t wheel -d "$2/made") >"$scratch/log" 2>&1 || {
        cat "$scratch/log" >&2
        exit 1
    }
    "$python" -I -m zipfile -e "$2"/made/*.whl "$2/wheel"
}
wheel "${base:-HEAD}" "$scratch/judge"
wheel HEAD "$scratch/judged"
# What the policy leaves out is not missing from an installation: the list of its files does without it, too.
"$python" -I - "$scratch"/judged/wheel/*.dist-info/RECORD <<'END'
import pathlib, sys, tomllib

left_out = tuple(tomllib.loads(pathlib.Path(".ci/policy.toml").read_text())["exclude"])
record = pathlib.Path(sys.argv[1])
record.write_text("".join(line for line in record.read_text().splitlines(True) if not line.startswith(left_out)))
END
cp -R "$scratch/judged/source/requirements" "$scratch/judged/wheel/" # the locks that its dependencies are installed by
SECPIPE_CACHE="$scratch/cache" SECPIPE_HOME="$scratch/home" "$python" -I -c \
    'import sys; sys.path.insert(0, sys.argv.pop(1)); from secpipe.cli.main import main; sys.exit(main())' \
    "$scratch/judge/wheel" check "$scratch/judged/wheel" --name secpipe --policy .ci/policy.toml --policy-ref "$pin" --quiet
