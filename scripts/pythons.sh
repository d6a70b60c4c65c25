#!/bin/sh
# Install, `--help` and the demo under every supported Python that this machine has, each in an environment of its own.
# Usage: [PYTHONS="python3.12 /path/to/python"] pythons.sh. Exit code 1: one of them failed, or none was found.
set -u
cd "$(dirname "$0")/.."
failed=0 ran=0 skipped=0

run() {
    folder=.demo/$("$1" -c 'import platform; print("python-" + platform.python_version())') &&
        sh scripts/venv.sh "$1" "$folder" requirements/full.txt &&
        sh scripts/install-wheel.sh "$folder" requirements/full.txt 'secpipe[full]' &&
        "$folder/bin/secpipe" --help >/dev/null &&
        PATH="$PWD/$folder/bin:$PATH" sh examples/demo.sh >"$folder/demo.log"
}

for python in ${PYTHONS:-python3.11 python3.12 python3.13 python3.14}; do
    if ! "$python" -c '' 2>/dev/null; then
        echo "skipped $python: not on this machine (or name it: PYTHONS=/path/to/python)"
        skipped=$((skipped + 1))
        continue
    fi
    about=$("$python" -c 'import ensurepip, platform; print(platform.python_version(), "pip", ensurepip.version())')
    if run "$python"; then
        echo "passed $python ($about): install, --help, demo"
        ran=$((ran + 1))
    else
        echo "FAILED $python ($about): what failed stands above, or in the demo.log of its folder below .demo"
        failed=$((failed + 1))
    fi
done
echo "pythons: $ran passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$ran" != 0 ]
