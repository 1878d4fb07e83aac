# SPDX-License-Identifier: MIT
"""Do services that nobody wants anything of cost the others something? 100 busy services beside 100 idle ones,
and beside 10,000.

Two processes live at the same time and take turns: a window of the one, a window of the other, and so on, so
that both get the same machine. The busy services are 50 pairs: one asks, computes some microseconds, and asks
again; they hold all workers. A light service is woken by a timer every 1 to 5 ms meanwhile, and its lateness is
what is called wake-to-run here. `ratio` is the median of the ratios of neighbouring windows.

What the idle ones cost themselves: time from the first newservice to the last answer, one after the other;
resident memory of the process; what the allocator of each VM gave out (garbage of the start included); and
which part of the library has how much of it, from a service that counts while it loads.
"""
import sys
import time

from benchkit import CORES, Server, bench_box, median, print_row, quantile, rounds, seconds

SECONDS = seconds(1, 0.5)
ROUNDS = rounds(7, 3)
PAIRS = 50
IDLE = (100, 10000)
WORKERS = min(2, CORES)
PAUSE_S = 0.25  # for what is still on its way at the end of a window
START_S = 300   # patience
WIDTHS = (44, 14, 14, 10)


def config(idle):
    return {'thread': WORKERS, 'start': 'idle_main', 'idle': idle, 'pairs': PAIRS, 'windows': ROUNDS,
            'logger': 'log'}


def take_turns(boxes, servers):
    """[windows of the one, windows of the other], each a list of the words of its line."""
    turn_s = SECONDS + PAUSE_S
    begin_ns = time.monotonic_ns() + 10**9
    for i, box in enumerate(boxes):
        numbers = (begin_ns + i * turn_s * 1e9, SECONDS * 1e9, 2 * turn_s * 1e9)
        box.write('turns', ' '.join(f'{n:.0f}' for n in numbers) + '\n')
    for server in servers:
        server.wait_line('^END', timeout_s=ROUNDS * 2 * turn_s * 2 + 60)
    return [[[float(w) for w in m[1].split()] for m in server.find('^WINDOW (.*)')] for server in servers]


def row(what, figure, both, decimals=0):
    """Medians of a figure of the windows of both, and the median of the ratios."""
    few, many = ([figure(w) for w in windows] for windows in both)
    ratio = median(b / a for a, b in zip(few, many))
    print_row(WIDTHS, (what, f'{median(few):.{decimals}f}', f'{median(many):.{decimals}f}', f'{ratio:.3f}'))


def late(share):
    return lambda w: quantile(sorted(w[3:]), share)


def print_costs(started):
    for what, text in (('start, s', lambda n, s: f'{s[0] / 1e9:.2f}'),
                       ('start of each, ms', lambda n, s: f'{s[0] / 1e6 / n:.3f}'),
                       ('CPU for the start of each, ms', lambda n, s: f'{s[3] * 1e3 / n:.3f}'),
                       ('resident memory of each, KB', lambda n, s: f'{s[1] / n:.1f}'),
                       ('of that in the VM\'s own blocks, KB', lambda n, s: f'{s[2] / 1024 / n:.1f}')):
        print_row(WIDTHS, (what, *(text(n, s) for n, s in zip(IDLE, started)), ''))


def print_bytes(server):
    print('where the bytes of an idle service are, garbage collected (counting takes 1 KB itself):')
    for match in server.find(r'^BYTES (\S+) (\d+)'):
        print_row(WIDTHS, ('  ' + match[1], f'{int(match[2]) / 1024:.1f} KB', '', ''))


def main():
    print(f'{WORKERS} workers on {CORES} cores, {2 * PAIRS} busy services, {ROUNDS} windows of {SECONDS:g} s each')
    print_row(WIDTHS, ('', *(f'{n} idle' for n in IDLE), 'ratio'))
    with bench_box(config(IDLE[0])) as few, bench_box(config(IDLE[1])) as many:
        with Server(few) as a:
            a.wait_line('^READY', timeout_s=START_S)
            with Server(many) as b:
                b.wait_line('^READY', timeout_s=START_S)
                print_costs([[float(n) for n in s.find('^STARTED (.*)')[0][1].split()] for s in (a, b)])
                print_bytes(b)
                both = take_turns((few, many), (a, b))
    row('rounds of the pairs per CPU second', lambda w: w[0] / w[1], both)
    row('rounds of the pairs per second', lambda w: w[0] / w[2], both)
    row('lateness of the light service: p50, us', late(0.5), both, 1)
    row('lateness of the light service: p99, us', late(0.99), both)
    row('lateness of the light service: max, us', late(1), both)
    return 0


if __name__ == '__main__':
    sys.exit(main())
