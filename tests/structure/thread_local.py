# SPDX-License-Identifier: MIT
"""Nobody but sched/thread_self.c computes the address of a thread-local variable of ours, and two calls
of thread_self stay two calls: a service may be on another thread after any call, so an address that was
kept would be the old thread's.

Read from the disassembly, since it is the compiler that would merge the calls. The object `twice` is
structure/twice.c, which has the body of thread_self in sight.

Usage: thread_local.py TWICE_OBJECT ARCHIVE...
"""
import re
import subprocess
import sys

from rooms import finish

FUNCTION = re.compile(r'^[0-9a-f]+ <([^>]+)>:$')
TLS = re.compile(r'R_X86_64_(TLS\w+|GOTTPOFF|TPOFF\d+|DTPOFF\d+|GOTPC32_TLSDESC)')
MAY = {'thread_self', 'thread_set_self'}


def lines_by_function(path):
    """(function, line) for each line of the disassembly, relocations included."""
    text = subprocess.run(['objdump', '-dr', path], text=True, capture_output=True, check=True, timeout=60).stdout
    name = ''
    for line in text.splitlines():
        match = FUNCTION.match(line)
        if match:
            name = match.group(1)
        yield name, line


def main(twice, *archives):
    faults, users = [], set()
    for path in archives:
        users |= {(name, path) for name, line in lines_by_function(path) if TLS.search(line)}
    for name, path in sorted(users):
        if name not in MAY:
            faults.append(f'{path}: {name} uses a thread-local variable; ask thread_self()')
    if not any(name == 'thread_self' for name, _ in users):
        faults.append('thread_self uses no thread-local variable: this check looks at the wrong thing')
    calls = [line for name, line in lines_by_function(twice)
             if name == 'call_twice' and re.search(r'\bcall\b', line)]
    if len(calls) != 3:
        faults.append(f'{twice}: {len(calls)} calls where thread_self, between, thread_self are due')
    return finish('thread_local', len(users) + 1, faults)


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
