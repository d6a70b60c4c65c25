#!/bin/sh
# Run the suite N times, each in another order, home, umask, zone and locale, under load: all must end the same way.
# Usage: steady.sh PYTHON [RUNS] [pytest arguments...]
set -u
cd "$(dirname "$0")/.."
python=$1 runs=${2:-10}
shift
[ $# -gt 0 ] && shift
scratch=$(mktemp -d)
loads=
trap 'kill $loads 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
pick() { # the Nth of the rest, round and round
    index=$1
    shift
    shift $((index % $#))
    printf '%s' "$1"
}
echo "run  seed        workers  load  umask  zone               locale       took   result"
number=0 bad=0 results=
while [ "$number" -lt "$runs" ]; do
    number=$((number + 1))
    seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
    workers=$(pick "$number" 2 4 3 1)
    load=$(pick "$number" 0 2 4)
    mask=$(pick "$number" 022 077 027 002)
    zone=$(pick "$number" UTC Pacific/Kiritimati America/St_Johns Asia/Kathmandu Pacific/Marquesas)
    locale=$(pick "$number" C C.UTF-8 POSIX)
    mkdir -p "$scratch/home $number"
    loads=
    while [ "$load" -gt 0 ]; do
        "$python" -c 'while True: pass' &
        loads="$loads $!" load=$((load - 1))
    done
    began=$(date +%s)
    (
        umask "$mask"
        HOME="$scratch/home $number" TZ=$zone LC_ALL=$locale SECPIPE_EXAMPLES=explore exec "$python" -m pytest \
            -m "not slow" -n "$workers" --dist loadgroup -p randomly -p "no:cacheprovider" -p no:logging \
            -o addopts="-q --strict-markers --strict-config --import-mode=importlib" \
            --randomly-seed="$seed" --basetemp="$scratch/t$number" --durations=10 "$@"
    ) >"$scratch/log" 2>&1 </dev/null
    [ -z "$loads" ] || kill $loads 2>/dev/null
    wait 2>/dev/null
    took=$(($(date +%s) - began))
    result=$(grep -E '^[0-9]+ (passed|failed|error|skipped).* in [0-9.]+s' "$scratch/log" | tail -n 1 | sed 's/, [0-9]* warnings*//; s/ in [0-9.].*//')
    printf '%3d  %-10s  %7s  %4s  %5s  %-17s  %-11s  %4ss  %s\n' "$number" "$seed" "$workers" "$(echo $loads | wc -w)" \
        "$mask" "$zone" "$locale" "$took" "${result:-no result}"
    results="$results${result:-no result}
"
    case ${result:-no result} in
    *failed* | *error* | "no result")
        bad=$((bad + 1))
        grep -E '^(FAILED|ERROR|E  )' "$scratch/log" | head -n 40
        [ -n "$result" ] || tail -n 20 "$scratch/log"
        ;;
    esac
    rm -rf "$scratch/t$number"
done
echo "slowest in the last run:"
grep -E '^[0-9.]+s (call|setup|teardown)' "$scratch/log" | head -n 10
different=$(printf '%s' "$results" | sort -u | wc -l)
echo "$runs runs, $bad with failures, $different different results"
[ "$bad" = 0 ] && [ "$different" = 1 ]
