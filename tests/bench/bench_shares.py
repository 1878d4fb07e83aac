# SPDX-License-Identifier: MIT
"""What share of the CPU services get that never stop computing, against what their weights promise them.

The error of a share is |got - due| / due, in percent of what is due. `got` is a service's part of what all of
them got in a window; `due` is its weight's part, where a weight that is worth more than one worker gives
one worker, and the others share the rest by weight. Windows begin each second and overlap. The worst
window is shown too: on a shared machine it is the machine's.
"""
import sys

from benchkit import SERVICES, Raw, Server, bench_box, median, print_row, seconds

WINDOW_S = max(2, round(seconds(10, 3)))
SAMPLES = WINDOW_S + max(4, WINDOW_S // 2)
VISITORS = 200

FEASIBLE = [50, 50, 100, 100, 200, 200, 300]
INFEASIBLE = [10, 50, 100, 100, 200, 400, 1600]
CASES = [
    ('1:2:4:8, one worker', 1, [100, 200, 400, 800], 0, 1),
    ('seven mixed weights, two workers', 2, FEASIBLE, 0, 3),
    ('one weight worth more than a worker, two workers', 2, INFEASIBLE, 0, 3),
    (f'1:2:4:8, one worker, {VISITORS} light services come and go', 1, [100, 200, 400, 800], VISITORS, 1),
    (f'seven mixed weights, two workers, {VISITORS} come and go', 2, FEASIBLE, VISITORS, 3),
]


def due(weights, workers):
    """Parts of the whole, none above one worker's. The heaviest are clamped first; who is left shares what is
    left, and may be clamped in turn."""
    parts, left, sum_left = [0.0] * len(weights), 1.0, sum(weights)
    for i in sorted(range(len(weights)), key=lambda i: -weights[i]):
        parts[i] = min(1 / workers, left * weights[i] / sum_left)
        left -= parts[i]
        sum_left -= weights[i]
    return parts


def measure(workers, weights, visitors):
    """CPU seconds of each service at each sample, and how many visitors came."""
    names = [f'burn{i}' for i in range(len(weights))]
    rules = ', '.join(f'{name} = {{ weight = {weight} }}' for name, weight in zip(names, weights))
    config = {'thread': workers, 'start': 'share_main', 'burns': ' '.join(names), 'visitors': visitors,
              'samples': SAMPLES, 'logger': 'log', 'service': Raw('{ ' + rules + ' }')}
    burn = f'dofile("{SERVICES}/burn.lua")'
    with bench_box(config, {name: burn for name in names}) as box, Server(box) as server:
        server.wait_line('^END', timeout_s=SAMPLES * 3 + 30)
        found = [match[1].split() for match in server.find('^SAMPLE (.*)')]
    return [[float(cpu) for cpu in words[1:]] for words in found], int(found[-1][0])


def part(values):
    return [value / sum(values) for value in values]


def run_case(title, workers, weights, visitors, target):
    samples, came = measure(workers, weights, visitors)
    used = [[b - a for a, b in zip(before, after)] for before, after in zip(samples, samples[WINDOW_S:])]
    windows = [part(one) for one in used]
    print(f'\n{title}' + (f' ({came} came)' if visitors else '')
          + f'; together they got {median(map(sum, used)) / WINDOW_S:.2f} cores')
    widths = (10, 10, 10, 16, 14)
    print_row(widths, ('weight', 'due', 'got', 'error: median', 'worst window'))
    medians = []
    for i, (weight, wanted) in enumerate(zip(weights, due(weights, workers))):
        got = [window[i] for window in windows]
        errors = [abs(share - wanted) / wanted * 100 for share in got]
        medians.append(median(errors))
        print_row(widths, (str(weight), f'{wanted * 100:.2f} %', f'{median(got) * 100:.2f} %',
                           f'{median(errors):.2f} %', f'{max(errors):.2f} %'))
    print(f'  largest median error {max(medians):.2f} % (target: below {target} %)', flush=True)


if __name__ == '__main__':
    print(f'windows of {WINDOW_S} s, {SAMPLES - WINDOW_S + 1} of them in each case')
    for case in CASES:
        run_case(*case)
    sys.exit(0)
