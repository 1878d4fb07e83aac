# SPDX-License-Identifier: MIT
"""`thread = 0` and `affinity`: how many workers, and on which CPUs."""
import os
import sys

from harness import Box, Server, case, check, run_cases

MINE = sorted(os.sched_getaffinity(0))
IDLE = 'require("skynet").start(function() print "READY" end)\n'
STUCK = '''
local skynet = require "skynet"
skynet.start(function()
	skynet.timeout(0, function() require "chog".sleep_forever() end)
	print "READY"
end)
'''


def workers(server):
    return int(server.wait_line(r'thread = 0: (\d+) workers \(affinity \d+, cgroup quota ')[1])


@case('thread = 0 on all CPUs', MINE)
@case('thread = 0 on one CPU', MINE[-1:])
def usable(cpus):
    os.sched_setaffinity(0, cpus)  # the server inherits it
    try:
        with Box({'thread': 0, 'start': 'main'}, {'main': IDLE}) as box, Server(box) as server:
            count = workers(server)
            affinity = int(server.wait_line(r'\(affinity (\d+), cgroup')[1])
            quota = server.wait_line(r'cgroup quota (\S+)\)')[1]
            check(affinity == len(cpus), f'affinity {affinity}, we have {len(cpus)}')
            if quota == 'none':
                check(count == len(cpus), f'{count} workers for {len(cpus)} CPUs')
            check(1 <= count <= len(cpus), f'{count} workers for {len(cpus)} CPUs, quota {quota}')
            server.wait_line('^READY$')
    finally:
        os.sched_setaffinity(0, MINE)


@case('thread = 0 with affinity: the CPUs of the list')
def usable_list():
    config = {'thread': 0, 'affinity': str(MINE[0]), 'start': 'main'}
    with Box(config, {'main': IDLE}) as box, Server(box) as server:
        check(workers(server) == 1, server.output())
        server.wait_line('^READY$')


@case('no word about it otherwise')
def silent():
    with Box({'thread': 1, 'start': 'main'}, {'main': IDLE}) as box, Server(box) as server:
        server.wait_line('^READY$')
        check(not server.find('affinity'), server.output())


def allowed(server):
    """Thread name -> its CPUs, as the kernel says."""
    result = {}
    folder = f'/proc/{server.pid}/task'
    for tid in os.listdir(folder):
        try:
            with open(f'{folder}/{tid}/comm', encoding='ascii') as f:
                name = f.read().strip()
            with open(f'{folder}/{tid}/status', encoding='ascii') as f:
                status = dict(line.split(':', 1) for line in f if ':' in line)
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
        result[name] = cpus_of(status['Cpus_allowed_list'].strip())
    return result


def cpus_of(text):
    cpus = []
    for part in text.split(','):
        first, _, last = part.partition('-')
        cpus += range(int(first), int(last or first) + 1)
    return cpus


@case('affinity: worker i on the i-th CPU of the list')
def pinned():
    order = MINE[::-1]
    count = 2 * len(order) if len(order) <= 8 else 4
    config = {'thread': count, 'affinity': ','.join(map(str, order)), 'start': 'main'}
    with Box(config, {'main': IDLE}) as box, Server(box) as server:
        server.wait_line('^READY$')
        wanted = {f'eq-{i}': [order[i % len(order)]] for i in range(count)}
        # The last is a spare. Threads name and pin themselves, so that they may be late.
        wanted.update({name: MINE for name in ('eq-monitor', 'eq-loop', f'eq-{count}')})
        server.wait_until('the threads are not on their CPUs',
                          lambda: wanted.items() <= allowed(server).items())


@case('affinity: a spare takes the CPU over, the stuck thread loses it')
def handed_off():
    config = {'thread': 1, 'affinity': str(MINE[-1]), 'start': 'main'}
    with Box(config, {'main': STUCK}) as box, Server(box) as server:
        server.wait_line('^READY$')

        def moved():
            now = {name: cpus for name, cpus in allowed(server).items()
                   if name[3:].isdigit()}  # eq-0, eq-1, ...
            holders = [name for name, cpus in now.items() if cpus == MINE[-1:]]
            return holders and (len(MINE) == 1 or (holders != ['eq-0'] and len(holders) == 1 and
                                                   now['eq-0'] == MINE))
        server.wait_until('the slot did not move with its CPU', moved)


@case('no affinity: the kernel decides')
def unpinned():
    with Box({'thread': 2, 'start': 'main'}, {'main': IDLE}) as box, Server(box) as server:
        server.wait_line('^READY$')
        for name, cpus in allowed(server).items():
            check(cpus == MINE, f'{name} may run on {cpus}')


if __name__ == '__main__':
    sys.exit(run_cases())
