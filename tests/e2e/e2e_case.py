# SPDX-License-Identifier: MIT
"""The case this project was made for: tests/e2e/case holds it byte for byte. One of two services takes the
CPU for ever; the other must be served all the same, and the log must name the line that loops."""
import os
import re
import shutil
import sys

from harness import HERE, SLOW, Box, Server, case, check, run_cases

CASE = os.path.join(HERE, 'case')
LOOP_LINES = range(8, 14)
ALERT = re.compile(r'A message from \[ :[0-9a-f]{8} \] to \[ :00000008 \] '
                   r'maybe in an endless loop \(version = \d+\)')


def boxed(change):
    box = Box()
    shutil.copytree(os.path.join(CASE, 'examples'), os.path.join(box.path, 'examples'))
    with open(os.path.join(CASE, 'config'), encoding='utf-8') as f:
        box.write('config', change(f.read()))
    return box


def in_order(lines, *wanted):
    """Each of the texts is a line of its own, after the one before it."""
    at = 0
    for text in wanted:
        check(text in lines[at:], f'no line "{text}" after the ones before it:\n' + '\n'.join(lines))
        at = lines.index(text, at) + 1


def check_alert(server):
    line = server.wait_line(ALERT.pattern).string
    check(' service main ' in line, f'the alert does not name the service: {line}')
    place = re.search(r'main\.lua:(\d+)', line)
    check(place and int(place[1]) in LOOP_LINES, f'the alert does not name a line of the loop: {line}')
    cpu = re.search(r'(\d+\.\d{3}) s of CPU', line)
    check(cpu, f'the alert has no CPU figure: {line}')
    if not SLOW:
        check(1.0 <= float(cpu[1]) <= 1.2, f'the first alert comes at {cpu[1]} s of CPU: {line}')


@case('the case, unchanged', lambda text: text)
@case('the case with thread = 2', lambda text: text.replace('thread = 1', 'thread = 2'))
@case('the case with thread = 4', lambda text: text.replace('thread = 1', 'thread = 4'))
@case('the case without the JIT', lambda text: text.replace('thread = 1', 'thread = 1\njit = false'))
def run_case(change):
    with boxed(change) as box, Server(box) as server:
        server.wait_line(r'^Simpledb test$')
        check_alert(server)
        server.wait_line(r"^I'm working$", count=3, timeout_s=300 if SLOW else 60)
        lines = list(server.lines)
        in_order(lines, 'Server start', 'Simpledb start', 'Simpledb test', "I'm working")
        in_order(lines, '[:00000002] LAUNCH snlua bootstrap', '[:00000003] LAUNCH snlua launcher',
                 '[:00000007] LAUNCH snlua service_mgr', '[:00000008] LAUNCH snlua main',
                 '[:00000009] LAUNCH snlua simpledb')
        harbor = [line for line in lines if 'harbor' in line]
        check(len(harbor) == 1 and harbor[0].startswith('[:00000002] harbor mode is not available'),
              f'not one line about harbor: {harbor}')
        status = server.stop()
        check(status == 0, f'exit status {status}')
        check(not server.errors, f'on stderr: {server.errors}')


if __name__ == '__main__':
    sys.exit(run_cases())
