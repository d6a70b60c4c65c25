#!/bin/sh
# Name what this machine lacks, in one line, before anything is installed. Usage: preflight.sh [PYTHON]
python=${1:-python3}
fail() {
    printf 'preflight: %s\n' "$1" >&2
    exit 2
}
command -v "$python" >/dev/null 2>&1 ||
    fail "no $python on this machine: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11 ..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "$python is $("$python" --version 2>&1), too old: secpipe needs 3.11 or newer: make PYTHON=python3.12 ..."
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv) and run make again"
