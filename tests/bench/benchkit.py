# SPDX-License-Identifier: MIT
"""What the benchmarks that drive the executable share. The process in a box is that of the end-to-end tests
(tests/e2e/harness.py).

Environment: EQUILUNE_BENCH_QUICK=1, EQUILUNE_BENCH_SECONDS, EQUILUNE_BENCH_ROUNDS (see run.py).
"""
import os
import statistics
import sys

BENCH = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(BENCH, '..', 'e2e'))

# pylint: disable=wrong-import-position
from harness import SERVICES, Box, Failure, Raw, Server  # noqa: E402,F401 (handed on)

median = statistics.median
QUICK = os.environ.get('EQUILUNE_BENCH_QUICK') == '1'
CORES = len(os.sched_getaffinity(0))


def seconds(usual, quick):
    """Length of one measurement."""
    return float(os.environ.get('EQUILUNE_BENCH_SECONDS') or (quick if QUICK else usual))


def rounds(usual, quick=1):
    """Measurements of which the median is taken."""
    return int(os.environ.get('EQUILUNE_BENCH_ROUNDS') or (quick if QUICK else usual))


def quantile(sorted_values, share):
    """The value below which the share lies; NaN of nothing."""
    if not sorted_values:
        return float('nan')
    return sorted_values[max(0, min(len(sorted_values), round(share * len(sorted_values))) - 1)]


def bench_box(config, services=None):
    """A box whose services may be those of tests/bench/services too. Alerts would be evidence-taking in the
    middle of a measurement, so there are none; and a hog that is demoted measures something else."""
    full = {
        'luaservice': f'./?.lua;{BENCH}/services/?.lua;{SERVICES}/?.lua',
        'watchdog': Raw('{ warn = "1h", demote = 0, dump = 0 }'),
        **config,
    }
    return Box(full, services)


def print_row(widths, cells):
    """The first column to the left, the others to the right."""
    first, *rest = zip(widths, cells)
    print('  ' + first[1].ljust(first[0]) + ''.join(str(cell).rjust(width) for width, cell in rest), flush=True)
