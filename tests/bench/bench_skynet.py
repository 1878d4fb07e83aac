# SPDX-License-Identifier: MIT
"""CPU time of one operation beside skynet's: calls and sends between services, packing and unpacking. The same service
files run on both.

Environment: SKYNET, the folder of a skynet that has been built (`make linux` there); nothing of it is here or needed
for anything else. Without it there is nothing to compare with, and the benchmark says so and ends well.

call: a round trip, two messages, each of which wakes a service. send: batches of a hundred sends, of which the last
is answered; the time is that of sending, taking and handling. 1 or 16 pairs do it at the same time, on 1 and 2 workers.
pack: into a block, which is freed; unpack: of that block; collecting the garbage is in both. The loops are in Lua.

The CPU time is that of the whole process: user and system time of all its threads, from the beginning of a window to
its end, so the start is not in it. Before each window the same is done for a quarter as long: code is compiled then.
Both have the settings that they come with, but for ours the alerts are off (benchkit.py). In each round both
processes are started anew, one after the other, and who comes first changes. `times` is the median of the rounds'
ratios, skynet's time by ours; beside it the smallest and the largest ratio of a round.
"""
import os
import sys

from benchkit import BENCH, Box, Failure, Server, bench_box, median, print_row, rounds, seconds

SECONDS = seconds(0.4, 0.1)      # of messages, by the clock
PACK_SECONDS = SECONDS / 4       # of packing, CPU time
ROUNDS = rounds(5, 2)
WORKERS = (1, 2)
SKYNET = os.path.abspath(os.environ.get('SKYNET') or '.')
NEEDED = ('skynet', 'cservice/snlua.so', 'luaclib/skynet.so', 'lualib/skynet.lua')
WIDTHS = (28, 8, 11, 11, 9, 20)


def skynets_box(config):
    """A folder with a config file of skynet's, which knows no tables."""
    return Box({
        'harbor': 0,
        'bootstrap': 'snlua bootstrap',
        'luaservice': f'{SKYNET}/service/?.lua;{BENCH}/services/?.lua',
        'lualoader': f'{SKYNET}/lualib/loader.lua',
        'lua_path': f'{SKYNET}/lualib/?.lua;{SKYNET}/lualib/?/init.lua',
        'lua_cpath': f'{SKYNET}/luaclib/?.so',
        'cpath': f'{SKYNET}/cservice/?.so',
        **config,
    })


def figures(service, workers, window_s, skynets):
    """{(what, of what): [ns per operation, bytes or none]} of one process."""
    config = {'thread': workers, 'start': service, 'seconds': window_s, 'logger': 'log'}
    program = {'program': os.path.join(SKYNET, 'skynet')} if skynets else {}
    with (skynets_box if skynets else bench_box)(config) as box, Server(box, **program) as server:
        server.wait_line('^END', timeout_s=window_s * 100 + 30)
        lines = [match[1].split() for match in server.find('^FIGURE (.*)')]
    return {(what, of): [float(cpu_us) * 1000 / float(operations), *size]
            for what, of, operations, cpu_us, *size in lines}


def compare(service, workers, window_s):
    """{key: [(skynet's, ours) of each round]}"""
    found = {}
    for number in range(ROUNDS):
        turns = (True, False) if number % 2 == 0 else (False, True)
        of = {skynets: figures(service, workers, window_s, skynets) for skynets in turns}
        for key, ours in of[False].items():
            found.setdefault(key, []).append((of[True][key], ours))
    return found


def row(title, both):
    if any(theirs[1:] != ours[1:] for theirs, ours in both):
        raise Failure(f'{title}: not the same number of bytes on both: {both}')
    ratios = [theirs[0] / ours[0] for theirs, ours in both]
    medians = [f'{median(figure[0] for figure in side):.0f}' for side in zip(*both)]
    print_row(WIDTHS, (title, *(both[0][1][1:] or ['']), *medians, f'{median(ratios):.2f}',
                       f'{min(ratios):.2f} - {max(ratios):.2f}'))


def table():
    print(f'{ROUNDS} rounds, windows of {SECONDS:g} s, for packing {PACK_SECONDS:g} s; ns of CPU per operation')
    print_row(WIDTHS, ('', 'bytes', 'skynet', 'equilune', 'times', 'smallest, largest'))
    for workers in WORKERS:
        for (way, pairs), both in compare('skynet_messages', workers, SECONDS).items():
            row(f'{way}, {pairs} pair{"s" * (pairs != "1")}, {workers} worker{"s" * (workers > 1)}', both)
    packing = compare('skynet_pack', 1, PACK_SECONDS)
    for wanted in ('pack', 'unpack'):
        for (what, of), both in packing.items():
            if what == wanted:
                row(f'{what} {of.replace("_", " ")}', both)


def main():
    if not os.environ.get('SKYNET'):
        print('nothing to compare with: SKYNET does not say where the folder of a built skynet is')
        return 0
    missing = [name for name in NEEDED if not os.path.exists(os.path.join(SKYNET, name))]
    if missing:
        print(f'SKYNET: no built skynet is in {SKYNET}: there is no {", no ".join(missing)}')
        return 1
    try:
        table()
    except Failure as failure:
        print(failure)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
