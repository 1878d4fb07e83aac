# SPDX-License-Identifier: MIT
"""How late a light service runs that a timer wakes every 1 to 5 ms while every worker is held by a hog: one hog
a worker, everybody with the usual weight and slice. Beside it Go and Erlang doing the same, if they are here.

Lateness is the time between the end of the sleep that was asked for and the service running, in
microseconds: timer, scheduler, preemption and the kernel together. Each figure is the median over the rounds
of that figure in one round; the rounds of all rows alternate.

On equilune's rows the second group is without the disturbed samples: those during which the kernel kept our
loop thread, monitor or worker waiting for a core, or the host stole one, for more than 20 us in all. With as
many workers as cores there is no core for the monitor and the timers, and that shows.
"""
import math
import os
import shutil
import subprocess
import sys
import tempfile

from benchkit import BENCH, CORES, Failure, Raw, Server, bench_box, median, print_row, quantile, rounds, seconds

SECONDS = seconds(0.8, 0.8)
ROUNDS = rounds(3)
WIDTHS = (11, 24, 9, 9, 9, 9, 12, 9, 9, 9)
# Of tests/e2e/services/hog.lua. `plain` is the same service under a name for which the config says jit = false.
KINDS = [('nothing', None, None), ('compiled loop', 'hog', 'count'), ('interpreted loop', 'hog_plain', 'count'),
         ('making tables', 'hog', 'tables'), ('table.sort', 'hog', 'sort'), ('string.find', 'hog', 'find')]
PEER_KINDS = [('nothing', 'none'), ('loop', 'count'), ('making tables', 'tables')]


def equilune(workers, hog, kind):
    """(all samples, the undisturbed ones)"""
    config = {'thread': workers, 'start': 'wake_main', 'bench': BENCH, 'hog': hog or '', 'kind': kind or '',
              'hogs': workers if hog else 0, 'seconds': SECONDS, 'logger': 'log',
              'service': Raw('{ hog_plain = { jit = false } }')}
    with bench_box(config) as box, Server(box) as server:
        server.wait_line('^STOPPED', timeout_s=SECONDS * 3 + 30)
        words = [word for match in server.find('^LATE (.*)') for word in match[1].split()]
    return [float(w.rstrip('!')) for w in words], [float(w) for w in words if not w.endswith('!')]


def of_peer(words, env):
    done = subprocess.run(words, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=SECONDS * 3 + 30, check=True)
    return [float(word) for word in done.stdout.decode().split()[1:]], None


def build_go(folder):
    """The program, or None with the word to say."""
    if not shutil.which('go'):
        return None, 'Go: not here'
    program = os.path.join(folder, 'wake')
    built = subprocess.run(['go', 'build', '-o', program, os.path.join(BENCH, 'peers', 'wake.go')],
                           env={'HOME': folder, **os.environ, 'GOCACHE': os.path.join(folder, 'cache'),
                                'GOFLAGS': '', 'GO111MODULE': 'off'},
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    if built.returncode != 0:
        return None, f'Go: does not build: {built.stderr.decode(errors="replace").strip()}'
    return program, subprocess.check_output(['go', 'version']).decode().strip()


def erlang_here():
    script = os.path.join(BENCH, 'peers', 'wake.escript')
    if not shutil.which('escript'):
        return None, 'Erlang: not here'
    ask = 'io:format("~s",[erlang:system_info(otp_release)]),halt().'
    release = subprocess.check_output(['erl', '-noshell', '-eval', ask], stdin=subprocess.DEVNULL).decode()
    return script, f'Erlang/OTP {release} (its timers count whole milliseconds, rounded up)'


def rows(workers, go, erlang):
    """(who, beside what, function that gives the samples of a round)"""
    for title, hog, kind in KINDS:
        yield 'equilune', title, lambda hog=hog, kind=kind: equilune(workers, hog, kind)
    for title, kind in PEER_KINDS if go else []:
        yield 'Go', title, lambda kind=kind: of_peer([go, kind, str(SECONDS)], {'GOMAXPROCS': str(workers)})
    for title, kind in PEER_KINDS if erlang else []:
        yield 'Erlang', title, lambda kind=kind: of_peer(
            ['escript', erlang, kind, f'{SECONDS:.3f}', str(workers)], {'ERL_FLAGS': f'+S {workers}:{workers}'})


def figures(samples):
    ordered = sorted(samples)
    return [quantile(ordered, 0.5), quantile(ordered, 0.99), quantile(ordered, 1)]


def cells(found):
    """Of [(all, undisturbed)] by round."""
    for group in zip(*found):
        if group[0] is None:
            continue
        yield sum(map(len, group))
        for column in zip(*map(figures, group)):
            known = [value for value in column if not math.isnan(value)]
            yield f'{median(known):.0f}' if known else '-'


def table(workers, go, erlang):
    wanted = list(rows(workers, go, erlang))
    found = [[] for _ in wanted]
    for _ in range(ROUNDS):
        for i, (who, title, sample) in enumerate(wanted):
            try:
                found[i].append(sample())
            except (Failure, subprocess.SubprocessError) as why:
                print(f'  {who}, {title}: no result: {why}')
    print(f'\n{workers} worker{"s" if workers > 1 else ""} ({CORES} cores), lateness in us')
    print_row(WIDTHS, ('', 'beside on each worker', 'samples', 'p50', 'p99', 'max', 'undisturbed', 'p50', 'p99', 'max'))
    for (who, title, _), result in zip(wanted, found):
        if result:
            print_row(WIDTHS, (who, title, *cells(result)))
    return all(found)


def main():
    with tempfile.TemporaryDirectory(prefix='equilune-bench-') as folder:
        go, go_says = build_go(folder)
        erlang, erlang_says = erlang_here()
        print(f'medians over {ROUNDS} rounds of {SECONDS:g} s; peers: {go_says}; {erlang_says}')
        good = [table(workers, go, erlang) for workers in (1, 2)]
    return 0 if all(good) else 1


if __name__ == '__main__':
    sys.exit(main())
