# SPDX-License-Identifier: MIT
"""Hostile programs (tests/e2e/hostile), each with and without the compiler, on one and on two workers. The table says of
each what the watchdog must find, and what must become of it where the config says `interrupt` and where it says `kill`.

Usage: e2e_hostile.py EXECUTABLE [PART...]: `compiled`, `interpreted` (the matrix), `leaks` (what is left after many kills),
`all_leaks` (without the compiler too, and after more kills of those that take a second each: some minutes). Without a part
the first three.

A process runs some cells, one after the other (services/hostile_main.lua): not all, since of more than 20 alerts of one kind the
watchdog writes only some. Each cell prints a line. Where a program is, is told by the comments `here` in its file: an alert must name one of these lines.
"""
import os
import re
import statistics
import sys

from harness import HERE, SERVICES, Box, Server, case, check, run_cases

PARTS = sys.argv[2:] or ['compiled', 'interpreted', 'leaks']
ALL = 'all_leaks' in PARTS
PROGRAMS = os.path.join(HERE, 'hostile')
WARN_MS, INTERRUPT_MS, KILL_MS = 80, 100, 120
CELLS_A_PROCESS = 7
STAYS_S, PATIENCE_S = 1.5, 20  # how long it is waited for the end of what stays, and of others
# How late a light service may be woken beside one of them, and until a caller knows: a host may take the cores away from
# everybody for a second. Beside half of them it must be woken sooner than any of them takes to be noticed.
LATE_MS, USUALLY_LATE_MS = 3000, 60
TOLD_MS = 4000
# The CPU at which one is noticed. The clock of a thread whose core the host has taken goes on until the host says what it took:
# one of them may be noticed late by such a stall, half of them may not.
USUALLY_NOTICED_MS = WARN_MS * 2

# What the alert says of where it is.
LINE = 'line'        # one of the lines with `here`
LIBRARY = 'library'  # in a finalizer: no line to be had
NOTHING = 'nothing'  # no alert: it ends by itself before, or uses no CPU

# What becomes of it.
INTERRUPTED = 'interrupted'  # its caller gets an error with the place; it lives on and handles its next message
CLOSED = 'closed'            # ended, with its finalizers
ABANDONED = 'abandoned'      # ended without: neither in Lua nor in machine code for a second of CPU
STAYS = 'stays'              # names, handle and callers are free of it, but C code is never taken away
FAILS = 'fails'              # it ends its message by an error of its own and lives on
# Megabytes of copying in libc and the kernel: whether it is met in machine code, in the interpreter, or neither for a
# second, is chance.
ENDS = f'{CLOSED} or {ABANDONED}'

# Who uses no CPU is killed by hand.
BY_HAND = {'c_naps', 'c_sleep'}
WHEN = {'require': 'load', 'start': 'start'}
# Their own error; its place is in the table's terms a line with `here`, where it has one.
OWN_ERROR = {'rep_limited': 'not enough memory', 'recursion': 'stack overflow',
             'nested_coroutines': 'not enough memory'}
LIMITED = {'rep_limited'}
# Where the loop is, if not in the file of the program.
MODULE = {'require': 'endless_module'}

# program: where it is,     then if interrupted,         and if killed
#          jit, no jit      jit, no jit                  jit, no jit
TABLE = {
    'empty': (LINE, LINE, CLOSED, INTERRUPTED, CLOSED, CLOSED),
    'count': (LINE, LINE, CLOSED, INTERRUPTED, CLOSED, CLOSED),
    'branches': (LINE, LINE, CLOSED, INTERRUPTED, CLOSED, CLOSED),
    'tables': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'strings': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'sort': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'comparator': (LINE, LINE, CLOSED, INTERRUPTED, CLOSED, CLOSED),
    'gsub': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'callback': (LINE, LINE, CLOSED, INTERRUPTED, CLOSED, CLOSED),
    'pcall': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'pcall_error': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'coroutines': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'index': (LINE, LINE, CLOSED, INTERRUPTED, CLOSED, CLOSED),
    'ffi': (LINE, LINE, CLOSED, INTERRUPTED, CLOSED, CLOSED),
    'pack': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'compile': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'find': (LINE, LINE, ABANDONED, ABANDONED, ABANDONED, ABANDONED),
    'handler': (LINE, LINE, CLOSED, INTERRUPTED, CLOSED, CLOSED),
    'finalizer': (LIBRARY, LIBRARY, ABANDONED, ABANDONED, ABANDONED, ABANDONED),
    'require': (LINE, LINE, CLOSED, CLOSED, CLOSED, CLOSED),
    'start': (LINE, LINE, CLOSED, CLOSED, CLOSED, CLOSED),
    'rep': (LINE, LINE, f'{INTERRUPTED} or {ENDS}', INTERRUPTED, ENDS, CLOSED),
    'rep_limited': (NOTHING, NOTHING, FAILS, FAILS, FAILS, FAILS),
    'recursion': (NOTHING, NOTHING, FAILS, FAILS, FAILS, FAILS),
    'recursion_again': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'nested_gsub': (NOTHING, NOTHING, ABANDONED, ABANDONED, ABANDONED, ABANDONED),
    'nested_coroutines': (NOTHING, NOTHING, FAILS, FAILS, FAILS, FAILS),
    'c_turns': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'c_lock': (LINE, LINE, INTERRUPTED, INTERRUPTED, CLOSED, CLOSED),
    'c_naps': (NOTHING, NOTHING, CLOSED, CLOSED, CLOSED, CLOSED),
    'c_sleep': (NOTHING, NOTHING, STAYS, STAYS, STAYS, STAYS),
    'c_spin': (LINE, LINE, STAYS, STAYS, STAYS, STAYS),
}


def marked_lines(program):
    """"FILE:LINE" of each line with `here`."""
    name = MODULE.get(program, program) + '.lua'
    with open(os.path.join(PROGRAMS, name), encoding='utf-8') as f:
        return {f'{name}:{number}' for number, line in enumerate(f, 1) if '-- here' in line}


def last_words(place):
    return place.rsplit('/', 1)[-1]


class Cell:
    """One program in one of the two ways; what is expected, and what was seen."""

    def __init__(self, program, jit, way):
        row = TABLE[program]
        plain = 0 if jit else 1
        self.program, self.way = program, way
        self.place = row[plain]
        self.outcome = row[(2 if way == 'interrupted' else 4) + plain]
        self.when = WHEN.get(program, 'message')
        self.by = 'hand' if program in BY_HAND else 'watchdog'
        # A first start that fails is its caller's to repeat; what fails by itself was not killed.
        if way == 'killed' and self.by == 'watchdog' and self.when == 'message' and \
                self.outcome != FAILS and program != 'nested_gsub':
            self.by = 'restart'
        self.service = 'by_hand' if self.by == 'hand' else way + ('_limited' if program in LIMITED else '')

    def word(self):
        patience_s = STAYS_S if self.outcome == STAYS else PATIENCE_S
        return f'{self.service}:{self.program}:{self.when}:{self.by}:{patience_s}'

    def read(self, line):
        self.values = dict(re.findall(r'(\w+)=\[(.*?)\](?= |$)', line))
        return self

    def became(self):
        word = self.values['became']
        if word != 'lives':
            return word
        return INTERRUPTED if 'interrupted: used' in self.values['go'] else FAILS

    def check_outcome(self):
        became = self.became()
        check(became in self.outcome.split(' or '), f'became {became}, expected {self.outcome}')
        for name in ('named', 'name_is_free'):
            check(self.values[name] == 'true', f'{name} is {self.values[name]}')
        if self.by == 'restart':
            check(self.values['restarted'] == 'true', 'not started again, or not well after it')
        if self.when == 'message':
            # Who asks only when it is dead already is told so.
            answer = 'answer' if became in (INTERRUPTED, FAILS) else 'call (failed|to invalid address)'
            check(re.match(answer, self.values['ping']), f'who waited got {self.values["ping"]}')

    def check_error(self):
        go = self.values['go']
        check(go.startswith('call failed'), f'its caller got {go}')
        if self.outcome == FAILS:
            check(OWN_ERROR[self.program] in go, f'its caller got {go}')
        if self.became() == INTERRUPTED and self.program != 'compile':
            place = re.match(r'call failed: (\S+): interrupted', go)
            check(place and last_words(place[1]) in marked_lines(self.program), f'interrupted elsewhere: {go}')

    def check_alert(self, server):
        """Returns the alert's CPU in ms, None: there is none, as expected."""
        alerts = server.find(rf'to \[ :{self.values["address"]} \] maybe in an endless loop \(version = \d+\): '
                             r'service \S+(?: at (?P<place>.*?))? \((?P<kind>[^)]*)\), (?P<cpu>[\d.]+) s of CPU')
        if self.place == NOTHING:
            return None  # a slow machine may have made it worth one
        check(alerts, 'no alert')
        first = alerts[0]
        kind, place = first['kind'], first['place']
        if self.place == LINE:
            check(place and last_words(place) in marked_lines(self.program) or self.program == 'compile' and place,
                  f'found at {place} ({kind})')
        else:
            check(place is None and kind.startswith('in a C function of the Lua library'), f'{place} ({kind})')
        return float(first['cpu']) * 1000

    def late_ms(self):
        return float(self.values['late_us']) / 1000

    def check_times(self, cpu_ms):
        late, told = self.late_ms(), float(self.values['go_ms'])
        check(late < LATE_MS, f'a light service was {late:.0f} ms late')
        check(int(self.values['rounds']) > 0, 'a light service did not run')
        check(told < TOLD_MS, f'its caller was told after {told:.0f} ms')
        # Its first figure may be too large by what the host took away, which the last look has put right.
        check(cpu_ms is None or WARN_MS / 2 <= cpu_ms <= LATE_MS, f'noticed at {cpu_ms} ms of CPU')

    def judge(self, server):
        """The faults, and a line about it."""
        faults, cpu_ms = [], None
        self.cpu_ms = None
        for what in (self.check_outcome, self.check_error):
            faults += fault_of(what)
        try:
            cpu_ms = self.cpu_ms = self.check_alert(server)
        except Exception as fault:
            faults.append(str(fault))
        faults += fault_of(self.check_times, cpu_ms)
        noticed = f'noticed at {cpu_ms:.0f} ms' if cpu_ms is not None else 'not noticed'
        return faults, (f'{self.service} {self.program}: {self.became()}, {noticed}, told after '
                        f'{float(self.values["go_ms"]):.0f} ms, over after {float(self.values["ended_ms"]):.0f} ms, '
                        f'a light service {self.late_ms():.1f} ms late')


def fault_of(function, *arguments):
    try:
        function(*arguments)
    except Exception as fault:  # all faults of a cell are told, not the first
        return [str(fault)]
    return []


def config_of(jit, workers, cells):
    interrupt = {'watchdog': {'warn': f'{WARN_MS}ms', 'interrupt': f'{INTERRUPT_MS}ms'}}
    kill = {'watchdog': {'warn': f'{WARN_MS}ms', 'kill': f'{KILL_MS}ms'},
            'restart': {'max': 3, 'within': '60s', 'backoff': '10ms'}}
    small = {'memlimit': '32MB'}
    return {
        'thread': workers, 'start': 'hostile_main', 'jit': jit, 'stop': '1s',
        'cells': ' '.join(cell.word() for cell in cells),
        'programs': PROGRAMS + '/', 'lua_path': PROGRAMS + '/?.lua',
        'service': {'interrupted': interrupt, 'killed': kill, 'interrupted_limited': {**interrupt, **small},
                    'killed_limited': {**kill, **small}},
    }


def victims():
    with open(os.path.join(SERVICES, 'victim.lua'), encoding='utf-8') as f:
        text = f.read()
    return {name: text for name in ('interrupted', 'killed', 'interrupted_limited', 'killed_limited', 'by_hand')}


def run(cells, jit, workers):
    """The cells in one process; the faults of all."""
    faults = []
    with Box(config_of(jit, workers, cells), victims()) as box, Server(box) as server:
        for number, cell in enumerate(cells, 1):
            cell.read(server.wait_line(rf'^CELL {number} .*', timeout_s=60).string)
            its_faults, line = cell.judge(server)
            print(f'# {line}' + ''.join(f'\n#    FAULT: {fault}' for fault in its_faults), flush=True)
            faults += [f'{cell.service} {cell.program}: {fault}' for fault in its_faults]
        server.wait_line('^DONE$')
        check(server.stop() == 0, server.output())
        left = server.find(r'(\d+) services could not be ended')
        left = int(left[0][1]) if left else 0
        stay = sum(cell.outcome == STAYS for cell in cells)
        if left != stay:
            faults.append(f'{left} services are left at the end, not {stay}')
    return faults


def matrix(jit, workers):
    cells = [Cell(program, jit, way) for way in ('interrupted', 'killed') for program in TABLE]
    # What stays has its share of the CPU for as long as the process lives: it comes last.
    cells.sort(key=lambda cell: cell.outcome == STAYS)
    faults = []
    for first in range(0, len(cells), CELLS_A_PROCESS):
        faults += run(cells[first:first + CELLS_A_PROCESS], jit, workers)
    usually = statistics.median(cell.late_ms() for cell in cells)
    print(f'# beside half of them a light service was at most {usually:.1f} ms late')
    if usually > USUALLY_LATE_MS:
        faults.append('lights are late')
    noticed = statistics.median(cell.cpu_ms for cell in cells if cell.cpu_ms is not None)
    print(f'# half of them were noticed at {noticed:.0f} ms of CPU or before')
    if noticed > USUALLY_NOTICED_MS:
        faults.append(f'noticed late: half of them at {noticed:.0f} ms or more')
    check(not faults, '\n'.join(faults))


# ---- leaks ----

# As many threads and descriptors more as spares come and go; two descriptors and some maps belong to each thread.
THREADS, FDS_A_THREAD, MAPS_A_THREAD = 6, 2, 6
MAPS, BYTES = 16, 512 << 10
# The allocator counts what its threads keep for the next time as allocated.
EXACT = {'MALLOC_CONF': 'tcache:false'}

# After FEW kills and after MANY: what is left of each is seen in what they differ by. Those that must be abandoned take a
# second of CPU each, so there are fewer of them: but `nested_gsub`, which is abandoned at once. FIRST is there for the threads
# that the process gets used to.
FEW, MANY, FEW_ABANDONED, MANY_ABANDONED = (20, 200, 10, 60) if ALL else (20, 200, 1, 5)
FIRST, STAYING = 'pcall_error', {'c_spin', 'c_sleep'}
# It is waited for the kills of one program, and another second for each.
KILLS_S = 200


def numbers_of(line):
    return {name: (int(few), int(many)) for name, few, many in re.findall(r'(\w+)=(\d+),(\d+)', line)}


def check_left(line, many):
    """What the process has after `many` kills against what it had after few."""
    left = numbers_of(line)
    more = {name: after - before for name, (before, after) in left.items()}
    threads = max(more['threads'], 0)
    check(more['living'] == 0, f'services are left: {line}')
    check(more['allocated'] <= BYTES, f'memory is left: {line}')
    check(threads <= THREADS, f'threads are left: {line}')
    check(more['fds'] <= FDS_A_THREAD * threads, f'descriptors are left: {line}')
    # An abandoned one leaves its machine code, which is counted: an area, and the hole beside it.
    check(more['maps'] <= MAPS + MAPS_A_THREAD * threads + 2 * max(more['areas'], 0), f'maps are left: {line}')
    check(more['areas'] <= more['abandoned'] + 8, f'machine code is left: {line}')
    check(more['abandoned'] <= many, f'more were abandoned than killed: {line}')


def leaks(jit, workers):
    plain = 0 if jit else 1
    words, many = [f'{FIRST}:message:20:100'], {}
    for program, row in TABLE.items():
        outcome = row[4 + plain]
        if outcome == FAILS or program in STAYING:
            continue
        slow = outcome == ABANDONED and program != 'nested_gsub'
        few, many[program] = (FEW_ABANDONED, MANY_ABANDONED) if slow else (FEW, MANY)
        words.append(f'{program}:{WHEN.get(program, "message")}:{few}:{many[program]}')
    config = {'thread': workers, 'start': 'hostile_leaks', 'jit': jit, 'stop': '1s', 'log_level': 'warn',
              'programs_killed': ' '.join(words), 'programs': PROGRAMS + '/', 'lua_path': PROGRAMS + '/?.lua',
              'watchdog': {'warn': '1h'}}
    with Box(config, victims()) as box, Server(box, environment=EXACT) as server:
        for program, kills in many.items():
            # The first one was there before, with fewer kills.
            line = server.wait_line(rf'^LEFT {program} .*', 2 if program == FIRST else 1, KILLS_S + kills).string
            print(f'# after {kills} kills: {line}', flush=True)
            check_left(line, kills)
        server.wait_line('^DONE$')
        bad = [m.string for m in server.find('^bad')]
        check(not bad, '; '.join(bad))
        check(server.stop() == 0, server.output())


for part, with_jit in (('compiled', True), ('interpreted', False)):
    if part in PARTS:
        case(f'{part}, one worker', with_jit, 1)(matrix)
        case(f'{part}, two workers', with_jit, 2)(matrix)
if ALL or 'leaks' in PARTS:
    case('leaks, compiled, two workers', True, 2)(leaks)
if ALL:
    case('leaks, interpreted, one worker', False, 1)(leaks)

if __name__ == '__main__':
    sys.exit(run_cases())
