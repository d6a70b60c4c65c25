#!/bin/sh
# Name what this machine lacks, in one line, before anything is installed. Usage: [UV=uv] preflight.sh [PYTHON]
# The oldest supported: Python 3.11, and pip 22.3, which CPython 3.11.0 brings.
python=${1:-python3}
fail() {
    printf 'preflight: %s\n' "$1" >&2
    exit 2
}
command -v "$python" >/dev/null 2>&1 ||
    fail "no $python on this machine: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11 ..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "$python is $("$python" --version 2>&1), too old: secpipe needs 3.11 or newer: make PYTHON=python3.12 ..."
if [ -n "${UV:-}" ]; then
    command -v "$UV" >/dev/null 2>&1 || fail "no $UV on this machine: install uv, or leave UV empty to use pip"
    exit 0
fi
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv) and run make again"
pip=$("$python" -c 'import ensurepip; print(ensurepip.version())' 2>/dev/null) ||
    fail "$python has no pip to put into an environment: reinstall Python (Debian, Ubuntu: apt-get install python3-venv)"
"$python" -c 'import re, sys; sys.exit([*map(int, re.findall(r"\d+", sys.argv[1])[:2])] < [22, 3])' "$pip" ||
    fail "$python brings pip $pip, too old: secpipe needs 22.3 or newer: update Python, or use uv: make UV=uv ..."
