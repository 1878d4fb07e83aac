# SPDX-License-Identifier: MIT
"""skynet.kill of services that never come back: callers are told at once, names and handle are free again,
everybody else goes on, and what can be ended is ended and leaves no memory behind. For builds with sanitizers;
e2e_hostile.py has more kinds."""
import sys
import time

from harness import SLOW, Box, Failure, Server, case, check, run_cases

AT_ONCE_MS = 500
QUIET_CPU = 0.1  # of a core: nothing runs any more


def wait_until_quiet(server, timeout_s=60):
    """The killed ones use no CPU any more."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        before, began = server.cpu_s(), time.monotonic()
        time.sleep(0.5)
        share = (server.cpu_s() - before) / (time.monotonic() - began)
        if share < QUIET_CPU:
            return
    raise Failure(f'still {share:.0%} of a core after {timeout_s} s:\n{server.output()}')


# Kinds that come to their end take one kill after the other; each of those that must be abandoned first
# runs for as long as the kill may take.
@case('C code that spins', 'hog', 'c_spin', 3, False)
@case('a loop in a finalizer', 'hog', 'finalizer', 3, True)
@case('a loop in the message handler of xpcall', 'hog', 'handler', 20, True)
@case('an endless string.find', 'hog', 'find', 3, True)
@case('gsub with a callback', 'hog', 'gsub', 20, True)
@case('a loop that builds strings', 'hog', 'strings', 20, True)
@case('a coroutine ping-pong', 'hog', 'coroutines', 20, True)
@case('a loop around pcall', 'hog', 'pcall', 20, True)
@case('FFI arithmetic', 'hog', 'ffi', 20, True)
@case('a compiled loop', 'hog', 'count', 20, True)
def kill(service, kind, kills, ends):
    config = {'thread': 1, 'start': 'kill_main', 'hog_service': service, 'hog_kind': kind,
              'kills': kills, 'ends': ends, 'stop': '1s', 'service': {'hog_plain': {'jit': False}}}
    with Box(config) as box, Server(box) as server:
        server.wait_line('^DONE$', timeout_s=300 if SLOW else 90)
        bad = [m.string for m in server.find('^bad')] + [m.string for m in server.find('is taken')]
        check(not bad, '; '.join(bad))
        for line in server.find('^(MEMORY|SLOWEST|ABANDONED) .*'):
            print(f'# {service} {kind}: {line[0]}', flush=True)
        slowest = float(server.wait_line('^SLOWEST (.*) ms')[1])
        check(SLOW or slowest < AT_ONCE_MS, f'a caller was told only after {slowest} ms')
        if ends:
            wait_until_quiet(server)
        status = server.stop()
        check(status == 0, f'exit status {status}; the output was:\n{server.output()}')
        if ends:
            check(not server.find('could not be ended'), f'not all ended:\n{server.output()}')


if __name__ == '__main__':
    sys.exit(run_cases())
