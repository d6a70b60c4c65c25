#!/bin/sh
# Judge PATH of the checked-out change by the policy and the trust root of the protected branch, which is fetched here.
# Usage: ci-judge.sh PATH REMOTE BRANCH [OPTIONS OF secpipe check], at the top of the repository; FETCH_TOKEN may open it.
# Without a branch, or where it has no policy yet, builtin:baseline enforces. Exit codes are those of secpipe check.
set -eu
undecided() {
    printf 'secpipe: NOT DECIDED: %s\n' "$1" >&2
    exit 3
}
[ $# -ge 3 ] || undecided "usage: ci-judge.sh PATH REMOTE BRANCH [OPTION...]"
path=$1 remote=$2 branch=$3
shift 3
[ -n "$path" ] && [ -n "$remote" ] || undecided "the folder or the remote is empty"
command -v secpipe >/dev/null || undecided "secpipe is not installed"
said=" $* "
case $said in
*" --mode warn "* | *" --mode=warn "* | *" --exit-zero "*) undecided "a CI step warns only until a day: --warn-until DAY" ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# What earlier jobs left on this machine, perhaps for a fork, is not read; no variable of a run sets an option.
export SECPIPE_HOME="$scratch/home" SECPIPE_CACHE="$scratch/cache" SECPIPE_CONFIG=off GIT_TERMINAL_PROMPT=0
# A Python that looks for modules in this folder would run those of the change.
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PYTHONSAFEPATH=1
rules=refs/remotes/secpipe/protected

fetch() {
    depth=$(git rev-parse --is-shallow-repository) || return 1
    [ "$depth" = true ] && depth=--depth=1 || depth=--no-tags
    git fetch --quiet --no-tags --force "$depth" -- "$remote" "refs/heads/$branch:$rules"
}

# The token goes through the environment of this one command, never through its arguments.
fetch_with_token() (
    [ -n "${FETCH_TOKEN:-}" ] || exit 1
    header=$(printf 'x-access-token:%s' "$FETCH_TOKEN" | base64 | tr -d '\n')
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader GIT_CONFIG_VALUE_0="Authorization: basic $header"
    fetch
)

if [ -n "$branch" ]; then
    fetch || fetch_with_token || undecided "$branch of $remote could not be fetched, so there are no rules to judge by"
fi
unset FETCH_TOKEN

case $said in
*" --policy "* | *" --policy-ref "*) ;;
*)
    if [ -n "$branch" ]; then
        set -- "$@" --policy-ref "git:$rules"
    else
        echo "secpipe: the protected branch is not known here: builtin:baseline enforces"
        set -- "$@" --policy builtin:baseline --mode enforce
    fi
    ;;
esac
case $said in
*" --trust "*) ;;
*)
    # The trust root of the protected branch counts, not the one in the change.
    if [ -n "$branch" ] && git cat-file -e "$rules:./$path/keys/root" 2>/dev/null; then
        git archive --output "$scratch/keys.tar" "$rules:./$path" keys && tar -x -f "$scratch/keys.tar" -C "$scratch" ||
            undecided "the keys of $branch cannot be read"
        pin=$(secpipe trust pin "$scratch/keys") || undecided "the trust root of $branch does not hold"
        set -- "$@" --trust "$scratch/keys" --trust-pin "$pin"
    fi
    ;;
esac
code=0
secpipe check "$@" --no-cache -- "$path" || code=$?
exit "$code"
