# SPDX-License-Identifier: MIT
"""Runs benchmarks one after the other and says around each what the machine gave meanwhile. Figures, no verdict:
only a benchmark that gives no figures at all fails.

Usage: run.py [--build FOLDER] [--quick] [--seconds S] [--rounds N] [NAME...]

Which there are stands in the build folder, written by meson from the list in tests/meson.build.
"""
import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time


class Machine:
    """Where the time of all cores went since the object was made."""

    def __init__(self):
        self.wall = time.monotonic()
        self.ours = self.used_by_us()
        self.all = self.ticks()

    @staticmethod
    def used_by_us():
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(u.ru_utime + u.ru_stime for u in used)

    @staticmethod
    def ticks():
        """user, nice, system, idle, iowait, irq, softirq, steal of all cores, in seconds"""
        with open('/proc/stat', encoding='ascii') as f:
            return [int(n) / os.sysconf('SC_CLK_TCK') for n in f.readline().split()[1:9]]

    def report(self):
        spent = [now - then for now, then in zip(self.ticks(), self.all)]
        total = sum(spent) or 1
        ours = self.used_by_us() - self.ours
        stolen, idle = spent[7], spent[3] + spent[4]
        others = max(0, total - stolen - idle - ours)
        parts = ((ours, 'this benchmark'), (others, 'others'), (stolen, 'stolen by the host'), (idle, 'idle'))
        return (f'the machine, {time.monotonic() - self.wall:.0f} s: '
                + ', '.join(f'{100 * part / total:.1f} % {what}' for part, what in parts)
                + f'; load {os.getloadavg()[0]:.2f}')


def describe():
    usable, present = len(os.sched_getaffinity(0)), os.cpu_count()
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        names = [line.split(':', 1)[1].strip() for line in f if line.startswith('model name')]
    return (f'the machine: {usable} of {present} cores, {names[0] if names else "unknown"}; '
            f'Linux {os.uname().release}; load {os.getloadavg()[0]:.2f}')


def end(child):
    """By SIGINT first: the scripts then end the servers they have started."""
    child.send_signal(signal.SIGINT)
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def status_of(one):
    """Runs it; its exit status, or why there is none. Who asks for longer measurements gets more patience."""
    longer = any(f'EQUILUNE_BENCH_{key}' in os.environ for key in ('SECONDS', 'ROUNDS'))
    patience_s = one['timeout'] * (10 if longer else 1)
    with subprocess.Popen(one['cmd'], env={**os.environ, **one['env']}, cwd=one['workdir'],
                          stdin=subprocess.DEVNULL) as child:
        try:
            return child.wait(patience_s)
        except subprocess.TimeoutExpired:
            end(child)
            return f'not done after {patience_s} s'
        except KeyboardInterrupt:
            end(child)
            raise


def run(one):
    machine = Machine()
    print(f'== {one["name"]}', flush=True)
    status = status_of(one)
    print(machine.report() + '\n', flush=True)
    if status != 0:
        print(f'{one["name"]}: failed ({status})\n', flush=True)
    return status == 0


def main():
    parser = argparse.ArgumentParser(prog='./dev bench')
    parser.add_argument('--build', default='build', help='folder')
    parser.add_argument('--quick', action='store_true', help='a look: shorter, and less sure')
    parser.add_argument('--seconds', type=float, help='length of one measurement')
    parser.add_argument('--rounds', type=int, help='measurements of which the median is taken')
    parser.add_argument('name', nargs='*')
    options = parser.parse_intermixed_args()
    with open(os.path.join(options.build, 'meson-info', 'intro-benchmarks.json'), encoding='utf-8') as f:
        known = {one['name']: one for one in json.load(f)}
    strange = [name for name in options.name if name not in known]
    if strange:
        parser.error(f'there is no {" ".join(strange)}; there are: {" ".join(sorted(known))}')
    for key, value in (('QUICK', options.quick and '1'), ('SECONDS', options.seconds), ('ROUNDS', options.rounds)):
        if value:
            os.environ[f'EQUILUNE_BENCH_{key}'] = str(value)
    print(describe() + '\n', flush=True)
    good = [run(known[name]) for name in options.name or sorted(known)]
    return 0 if all(good) else 1


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
