#!/bin/sh
# SPDX-License-Identifier: MIT
#
# How late a light service runs beside a hog on one worker: bench_latency.sh EQUILUNE [SECONDS]
#
# One process per kind of hog (those of conf/demo), one worker, the light service at weight and
# slice 100 and 1 ms like the hog. Lateness is the time between the end of a 2 ms sleep and the
# service running, in microseconds. The machine takes part: a sample during which the kernel kept
# our loop thread, monitor or worker waiting for a core, or the host stole one, for more than 20 us
# in all, counts as disturbed; the second group of figures is without those. What the worker costs
# stays in.

set -u
equilune=${1:-${EQUILUNE:?give the path of the executable}}
SECONDS_EACH=${2:-5}
ROOT=${EQUILUNE_SOURCE:-$(dirname "$0")/../..}
conf=$ROOT/tests/bench/latency/latency.conf
export ROOT SECONDS_EACH HOG

failed=0
echo "lateness in us             all samples            without the disturbed      the hog was"
echo "  beside       count    p50     p99     max   taken    p50     p99     max  parked handed"
for HOG in none hog_loop hog_tables hog_sort hog_find; do
	# Ending hog_find takes a while: it is in one call of string.find.
	line=$(timeout $((SECONDS_EACH + 60)) "$equilune" "$conf" </dev/null 2>&1 | grep '^= ')
	if [ -n "$line" ]; then
		echo " ${line#=}"
	else
		echo "  $HOG: no result"
		failed=1
	fi
done
exit $failed
