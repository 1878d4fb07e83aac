#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Searches the state space of each model given (all of this folder without arguments). Two comment lines
# in a model say what is due:
#	/* verify: safety */ or /* verify: liveness */	the model as it is must have no errors
#	/* broken: NAME ... */				with -DNAME it must have some
# A search that was cut short (depth, memory) counts as failed: it proves nothing. A broken variant must
# fall over a claim (an assertion, or for liveness a cycle), not over a slip of the model such as a deadlock.
# Status: 0 all as it should be, 1 something is not, 77 spin is not installed.

set -u

command -v spin >/dev/null || { echo "spin is not installed"; exit 77; }

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM
failed=0

# search MODEL KIND OPTIMISATION [-DNAME]: writes spin's report. The whole search is worth an optimised program; a
# broken variant falls over in a fraction of the time that optimising takes.
search() {
	model=$1 kind=$2 level=$3
	shift 3
	rm -f "$work"/pan*
	if [ "$kind" = liveness ]; then
		build="" run="-a -f"
	else
		build="-DSAFETY" run=""
	fi
	(
		cd "$work" || exit 1
		spin -a "$@" "$model" &&
			gcc "$level" -w $build -DMEMLIM=2048 -DVECTORSZ=4096 -DNFAIR=5 -o pan pan.c &&
			timeout 300 ./pan -m100000 $run
	) >"$work/report" 2>&1
	echo "status $?" >>"$work/report"
}

# errors: how many the last search found; nothing when it came to no verdict
errors() {
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$work/report"
}

complete() {
	grep -q '^status 0$' "$work/report" &&
		! grep -qi 'depth too small\|search not completed\|out of memory\|DMEMLIM' "$work/report"
}

complain() {
	echo "$1"
	cat "$work/report"
	failed=1
}

words() {
	sed -n "s:^/\* $2\: *\(.*[^ ]\) *\*/.*:\1:p" "$1"
}

[ $# -gt 0 ] || set -- "$(dirname "$0")"/*.pml
for model; do
	model=$(cd "$(dirname "$model")" && pwd)/$(basename "$model")
	name=$(basename "$model" .pml)
	kind=$(words "$model" verify)
	case $kind in
	safety | liveness) ;;
	*) echo "$name: no line /* verify: safety|liveness */"; failed=1; continue ;;
	esac
	search "$model" "$kind" -O2
	if complete && [ "$(errors)" = 0 ]; then
		echo "$name: verified, $(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$work/report") states"
	else
		complain "$name: not verified"
	fi
	for variant in $(words "$model" broken); do
		search "$model" "$kind" -O0 "-D$variant"
		found=$(errors)
		claim=$(sed -n 's/^pan:[0-9]*: //p' "$work/report" | grep 'assertion\|cycle' | head -1)
		if [ "${found:-0}" -gt 0 ] && [ -n "$claim" ]; then
			echo "$name: $variant is caught: $claim"
		else
			complain "$name: $variant is not caught"
		fi
	done
done
exit $failed
