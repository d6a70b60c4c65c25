#!/bin/sh
# Fetch the other side's programs for the interop tests into .tools, from Debian, PyPI and npm. Usage: tools.sh PYTHON
# Each is skipped with a word where its registry cannot be reached; in CI (SECPIPE_CI) the tests then fail by name.
set -u
cd "$(dirname "$0")/.."
python=${1:-python3}
bin=$PWD/.tools/bin
mkdir -p "$bin"
lacks() { printf 'tools: %s: not to be had here\n' "$1" >&2; }

# Debian's packages: installed where we are root, as the tests look for them where packages put them.
packages="softhsm2 age openssl libfaketime docker-registry zsh fish groff-base chromium"
# shellcheck disable=SC2086 # one word a package
if ! dpkg -s $packages >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null ||
            lacks "$packages"
    else
        lacks "$packages (no root or no apt)"
    fi
fi

# Programs of PyPI, each beside what it needs, never beside secpipe.
sh scripts/venv.sh "$python" .tools/python requirements/tools.txt || lacks "requirements/tools.txt"
for program in model_signing pypi-attestations pre-commit go; do
    if [ -x ".tools/python/bin/$program" ]; then ln -sf "$PWD/.tools/python/bin/$program" "$bin/$program"; fi
done

# The generator of the documentation site (`make site`).
sh scripts/venv.sh "$python" .site/venv requirements/site.txt || lacks "requirements/site.txt"

# npm: a program inside a package for each system.
if [ ! -x "$bin/sarif-multitool" ]; then
    npm install --silent --no-save --no-audit --no-fund --ignore-scripts --prefix .tools/node @microsoft/sarif-multitool-linux@5.7.0 >/dev/null 2>&1 || true
    program=$(find .tools/node -name 'Sarif.Multitool' -type f 2>/dev/null | head -n 1)
    if [ -n "$program" ]; then
        chmod +x "$program"
        ln -sf "$PWD/$program" "$bin/sarif-multitool"
    else
        lacks sarif-multitool
    fi
fi

# What judges our pages as screen readers need them, in a folder of its own: npm takes out what it was not asked for.
if [ ! -f .tools/axe/node_modules/axe-core/axe.min.js ]; then
    npm install --silent --no-save --no-audit --no-fund --ignore-scripts --prefix .tools/axe axe-core@4.14.1 >/dev/null 2>&1 ||
        lacks axe-core
fi

# A newer Debian has OpenSSL with ML-DSA and cosign. Unpacked beside, run by their own loader, nothing is installed.
if [ ! -x "$bin/openssl-3.5" ]; then sh scripts/newer-debian.sh .tools/debian "$bin" || lacks "openssl 3.5, cosign"; fi
