# SPDX-License-Identifier: MIT
"""Messages a second between pairs of services, and how much the locks show, with 1, 2, 4, 8 workers.

call: each of a pair calls the other and waits for the answer: two messages a round, each wakes a service.
send: batches of a hundred sends, of which the last is answered: one wake-up in a hundred messages.

More workers than the machine has cores are oversubscribed: wall-clock throughput cannot grow then, and the figure
to look at is messages per second of CPU. The locks are counted in a run of its own, in which a library of ours
stands between the program and pthread_mutex_lock (lockcount.c): how many locks per message, how many of a
thousand found their mutex taken, and for how long threads waited, in percent of the CPU time that the
process used. Several can wait at once, so that may exceed 100 %, and does when the kernel displaces a thread that
holds the lock and has no core for it. `our` locks are taken by the executable (run queue and the like), `other`
ones by the allocator and the C library. The kernel's part: how often per thousand messages a thread went to sleep (an
idle worker, a taken lock, a timer), and how often it was displaced while it wanted to run.

`vs 1` is within one round: all numbers of workers are measured in turn, and the ratio is the median of the
rounds' ratios.
"""
import os
import subprocess
import sys

from benchkit import CORES, Server, bench_box, median, print_row, rounds, seconds

SECONDS = seconds(1, 0.5)
ROUNDS = rounds(3)
WORKERS = (1, 2, 4, 8)
PAIRS = 16
MODULES = os.environ.get('EQUILUNE_MODULES') or os.path.join(os.path.dirname(os.environ['EQUILUNE']), 'tests')
LOCKCOUNT = os.path.join(MODULES, 'lockcount.so')
WIDTHS = (9, 12, 12, 8, 9, 11, 11, 11, 10, 13, 10)
HEAD = ('workers', 'msg/CPU s', 'msg/wall s', 'vs 1', 'sleeps', 'displaced', 'our locks', 'taken', 'waited',
        'other locks', 'taken')
UNITS = ('', '', '', '(CPU)', '/1000', '/1000', '/message', '/1000', 'of CPU', '/message', '/1000')


def window(workers, mode, count_locks=False):
    """What happened in one window, by name."""
    config = {'thread': workers, 'start': 'throughput_main', 'pairs': PAIRS, 'mode': mode, 'windows': 1,
              'seconds': SECONDS, 'logger': 'log', 'count_locks': '1' if count_locks else '0'}
    if count_locks:
        os.environ['LD_PRELOAD'] = LOCKCOUNT
    try:
        with bench_box(config) as box, Server(box) as server:
            os.environ.pop('LD_PRELOAD', None)
            words = server.wait_line('^WINDOW (.*)', timeout_s=SECONDS * 3 + 30)[1].split()
    finally:
        os.environ.pop('LD_PRELOAD', None)
    return {name: float(value) for name, value in (word.split('=') for word in words)}


def per_cpu_s(w):
    return w['messages'] / w['cpu_us'] * 1e6


def lock_cells(w):
    for who in ('our', 'other'):
        yield f'{w[who + "_locks"] / w["messages"]:.2f}'
        yield f'{1000 * w[who + "_contended"] / max(1, w[who + "_locks"]):.2f}'
        if who == 'our':
            yield f'{w[who + "_waited_ns"] / w["cpu_us"] / 10:.2f} %'


def table(mode):
    timed = {n: [] for n in WORKERS}
    counted = {n: [] for n in WORKERS}
    for _ in range(ROUNDS):
        for n in WORKERS:
            timed[n].append(window(n, mode))
            counted[n].append(window(n, mode, True))
    print(f'\n{mode}: {PAIRS} pairs, {CORES} cores')
    print_row(WIDTHS, HEAD)
    print_row(WIDTHS, UNITS)
    for n in WORKERS:
        ratio = median(per_cpu_s(w) / per_cpu_s(one) for w, one in zip(timed[n], timed[1]))
        locks = zip(*([float(c.split()[0]) for c in lock_cells(w)] for w in counted[n]))
        ours, taken, waited, others, others_taken = (median(column) for column in locks)
        print_row(WIDTHS, (
            str(n), f'{median(map(per_cpu_s, timed[n])):.0f}',
            f'{median(w["messages"] / w["wall_ns"] * 1e9 for w in timed[n]):.0f}', f'{ratio:.2f}',
            f'{median(1000 * w["sleeps"] / w["messages"] for w in timed[n]):.2f}',
            f'{median(1000 * w["displaced"] / w["messages"] for w in timed[n]):.2f}',
            f'{ours:.2f}', f'{taken:.2f}', f'{waited:.2f} %', f'{others:.2f}', f'{others_taken:.2f}'))


def perf_says():
    """Whether the processor's own counters could tell more; the tables do without."""
    try:
        done = subprocess.run(['perf', 'stat', '-e', 'cycles', 'true'], capture_output=True, timeout=30, check=False)
        missing = done.returncode != 0 or b'not supported' in done.stderr
        return 'no counters of the processor on this machine' if missing else 'perf c2c record -p PID can tell more'
    except (OSError, subprocess.TimeoutExpired):
        return 'perf is not here'


if __name__ == '__main__':
    print(f'medians over {ROUNDS} rounds of {SECONDS:g} s; {perf_says()}')
    for which in ('call', 'send'):
        table(which)
    sys.exit(0)
