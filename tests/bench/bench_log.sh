#!/bin/sh
# SPDX-License-Identifier: MIT
#
# One service that logs without end: bench_log.sh EQUILUNE [SECONDS]
#
# For each rate (lines a second that the service aims at; 0: as many as it can) one process with two workers and a log
# file. Printed: lines said, written and dropped a second, how much the process's memory grew (KB), and how late a light
# service beside it ran after a 2 ms sleep (us).

set -u
equilune=${1:-${EQUILUNE:?give the path of the executable}}
SECONDS_EACH=${2:-3}
ROOT=${EQUILUNE_SOURCE:-$(dirname "$0")/../..}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
export ROOT SECONDS_EACH RATE LOG

failed=0
echo "  aimed at    said/s  written/s  dropped/s  memory KB   late p50    p99     max"
for RATE in 0 10000 100000; do
	LOG=$folder/$RATE.log
	figures=$(timeout $((SECONDS_EACH + 60)) "$equilune" "$ROOT/tests/bench/log/log.conf" </dev/null 2>&1 |
		sed -n 's/^= //p')
	written=$(grep -c 'line number' "$LOG")
	dropped=$(sed -n 's/.*dropped \([0-9]*\) log line.*/\1/p' "$LOG" | awk '{ n += $1 } END { print n + 0 }')
	if [ -n "$figures" ]; then
		echo "$RATE $written $dropped $figures" | awk '{
			printf "%10d %9d %10d %10d %10d %10d %6d %7d\n", $1, $4 / $5, $2 / $5, $3 / $5, $6, $7, $8, $9
			if ($2 + $3 != $4) print "  " $4 " lines were said: some are neither written nor counted" }'
	else
		echo "  $RATE: no result"
		failed=1
	fi
done
exit $failed
