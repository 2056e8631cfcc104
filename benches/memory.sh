#!/usr/bin/env bash
# Does the memory of reading grow with the log? Reads a log of 1 GiB in every way
# and by every lane, and fails if that takes over 16 MiB more than a log of one
# chunk takes the same program. Linux only.
#
# Usage: benches/memory.sh [MB of the large log, default 1074]
set -eu -o pipefail
cd "$(dirname "$0")/.."
size=${1:-1074}
limit=$((16 * 1024)) # KiB
failed=0

cargo build -q --release -p hybrid-benches --bin workload
workload=${CARGO_TARGET_DIR:-target}/release/workload
# Made first: making a log takes memory, too.
"$workload" make ordinary mb=0 >/dev/null
large=$("$workload" make ordinary mb="$size")
trap 'rm -f "$large"' EXIT
printf 'log of %s bytes; KiB above the same program on a log of one chunk, at most %s\n' \
    "$(stat -c %s "$large")" "$limit"

peak() { # WAY LANE MB
    "$workload" "$1" ordinary mb="$3" ${2:+lane="$2"} memory | sed -n 's/ KiB at most//p'
}

more() { # WAY [LANE]
    local small
    small=$(peak "$1" "${2:-}" 0)
    echo $(($(peak "$1" "${2:-}" "$size") - small))
}

check() { # WAY [LANE]
    local more verdict=ok
    more=$(more "$@")
    [ "$more" -le "$limit" ] || { verdict=FAILED && failed=1; }
    printf '%-12s lane %-8s %6s KiB  %s\n' "$1" "${2:-default}" "$more" "$verdict"
}

for lane in "" own evtx; do
    for way in pick whole request; do
        check "$way" "$lane"
    done
done
check reject
check whole_by_two
printf 'activities: %s KiB, which is what they are told apart and linked by; not reading, no limit here\n' "$(more activities)"
exit $failed
