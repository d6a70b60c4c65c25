#!/bin/sh
# The demo: plays the two acme-chat stories of tests/e2e/transcripts, command by command, in a temporary folder.
#
# The stories are the ones that the tests hold to their expected output, so this demo cannot drift from the truth. Nothing
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

# Play one story: `# text` is told, `$ command` is shown and run, the expected output in between is passed over.
# The last exit code must be the one named in the second argument.
play() {
    code=0
    while IFS= read -r line <&3; do
        case $line in
        '# '*) printf '\n%s%s%s\n' "$bold" "${line#??}" "$plain" ;;
        '$ '*)
            printf '\n%s%s%s\n' "$bold" "$line" "$plain"
            code=0
            eval "${line#??}" || code=$?
            [ "$code" = 0 ] || printf 'exit %s\n' "$code"
            ;;
        esac
    done 3<"$ROOT/tests/e2e/transcripts/$1"
    [ "$code" = "$2" ] || { printf '\ndemo: the story should have ended with exit %s, not %s\n' "$2" "$code" >&2; exit 1; }
}

play acme-1-blocked.txt 1
play acme-2-mended.txt 0
printf '\nexit 0: it may go out. What next: README.md, docs/, secpipe --help\n'
