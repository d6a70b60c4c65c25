# Which secpipe: a git address and the digest of a commit. They stand here, where no variable of a run can change them.
source='@SOURCE@' commit='@COMMIT@'
# What an earlier run left here, perhaps for a fork, is not used.
if [ -n "$work" ]; then rm -rf "$work/secpipe" "$work/secpipe-venv"; fi
case $commit in *[!0-9a-f]*) commit= ;; esac
if [ -z "$work" ] || [ -z "$source" ] || [ "${#commit}" -lt 40 ]; then
  echo "secpipe: NOT DECIDED: this step must say which secpipe to run: write its git address and commit into it" >&2
  exit 3
fi
git init --quiet "$work/secpipe"
if ! git -C "$work/secpipe" fetch --quiet --depth=1 "$source" "$commit"; then
  echo "secpipe: NOT DECIDED: there is no commit $commit at $source" >&2
  exit 3
fi
git -C "$work/secpipe" checkout --quiet --detach "$commit" || exit 3
# Its dependencies come with the hashes in the lock of that commit.
sh "$work/secpipe/scripts/ci-install.sh" python3 "$work/secpipe-venv" || exit 3
