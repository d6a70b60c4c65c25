#!/bin/sh
# The demo: plays the story of acme-chat in tests/e2e/transcripts, command by command, in a temporary folder.
#
# It is the story that the tests hold to its expected output, so the demo cannot drift from the truth. Nothing
# in the checkout is changed: models are made in a copy, keys and state live in the temporary folder, and there is no network.
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-$(command -v python3)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
export ROOT PYTHON SECPIPE_HOME="$scratch/home" SECPIPE_CACHE="$scratch/cache"
unset PYTHONPATH
command -v secpipe >/dev/null || { echo "demo: no secpipe on PATH; run: make demo" >&2; exit 2; }
mkdir "$scratch/work"
cd "$scratch/work"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi

fail() {
    printf '\ndemo: %s\n' "$1" >&2
    exit 1
}

# `# text` is told, `$ command` is shown and run; of the output that the tests expect, only the exit code (`[n]`, otherwise
# 0) is compared here: output holds keys and times of this run.
code=0 expected=0 told=''
while IFS= read -r line <&3; do
    case $line in
    '# '*)
        [ "$told" = '#' ] || echo
        printf '%s%s%s\n' "$bold" "${line#??}" "$plain"
        ;;
    '$ '*)
        [ "$code" = "$expected" ] || fail "exit $code instead of $expected"
        printf '\n%s%s%s\n' "$bold" "$line" "$plain"
        code=0 expected=0
        eval "${line#??}" || code=$?
        [ "$code" = 0 ] || printf 'exit %s\n' "$code"
        ;;
    '['[0-9]*']') expected=${line#[} expected=${expected%]} ;;
    esac
    told=${line%"${line#?}"}
done 3<"$ROOT/tests/e2e/transcripts/acme-chat.txt"
[ "$code" = "$expected" ] || fail "exit $code instead of $expected"
printf 'exit 0: it may go out\n\nNext: README.md, CONTRIBUTING.md, secpipe --help\n'
