judge=$work/secpipe/scripts/ci-judge.sh
if [ -z "$work" ] || [ ! -f "$judge" ]; then
  echo "secpipe: NOT DECIDED: secpipe was not installed" >&2
  exit 3
fi
# To only warn at first: --warn-until 2027-01-31 (the last such day) in place of --mode enforce.
PATH="$work/secpipe-venv/bin:$PATH" sh "$judge" . "$remote" "$branch" --env prod --mode enforce
