# SPDX-License-Identifier: MIT
"""What users do wrong: each mistake gives one clear message and its exit status, soon, and a config with a
fault starts nothing. And the options of the command line."""
import os
import sys

from harness import HERE, SLOW, Box, Server, case, check, run_cases

OK, FAILED, USAGE, CONFIG = 0, 1, 2, 78
LIMIT_S = 60 if SLOW else 5  # for what takes milliseconds


def run(box, *arguments, config='config'):
    """Exit status, stdout, stderr."""
    with Server(box, *arguments, config=config) as server:
        status = server.wait_exit(LIMIT_S)
        return status, '\n'.join(server.lines), '\n'.join(server.errors)


def check_parts(text, parts):
    for part in parts:
        check(part in text, f'"{part}" is not in the output:\n{text}')


# --- faults of the config file: nothing starts ---------------------------------------------------------

def config_fault(text, *parts):
    with Box(text) as box:
        for arguments in ((), ('--check-config',)):
            status, out, err = run(box, *arguments)
            check(status == CONFIG, f'exit status {status} {arguments}\n{out}\n{err}')
            check_parts(err, parts)
            check(not out, f'something started: {out}')


for name, *fault in [
    ('syntax error', 'thread = 1\nslice = = 2', 'error: config:2:', "unexpected symbol near '='"),
    ('unfinished string', 'thread = 1\nstart = "main\n', 'error: config:2:', 'unfinished string'),
    ('unknown key in watchdog', 'thread = 1\nwatchdog = {\n\twran = "1s",\n}',
     'error: config:3: watchdog.wran: unknown key', 'did you mean "warn"'),
    ('unknown key, nothing like it', 'watchdog = { elephant = 1 }',
     'error: config:1: watchdog.elephant: unknown key', 'allowed: warn, '),
    ('unknown key of a service', '\nservice = { a = { wieght = 3 } }',
     'error: config:2: service.a.wieght: unknown key', 'did you mean "weight"'),
    ('wrong type', 'thread = 1\n\nslice = true', 'error: config:3: slice: true is not a time',
     '"500us"', '50us..1s'),
    ('a time without a unit', 'slice = 5', 'error: config:1: slice: ', 'is not a time', '"2ms"'),
    ('text for a number', 'thread = "many"', 'error: config:1: thread: "many" is not an integer',
     '0..1024'),
    ('thread out of range', 'thread = -1', 'error: config:1: thread: Invalid thread -1 ',
     'should be in [0,1024]'),
    ('slice out of range', 'slice = "5s"', 'error: config:1: slice: 5s is out of range', '50us..1s'),
    ('weight of a service out of range', 'service = { a = { weight = 0 } }',
     'error: config:1: service.a.weight: ', 'should be in [1,10000]'),
    ('unknown table', 'thread = 1\nfoo = { 1 }', 'error: config:2: foo: unknown table',
     'class, service, watchdog'),
    ('unknown class of a service', '\nservice = { a = { class = "fast" } }',
     'error: config:2: service.a.class: "fast" is not a class', '"interactive", "normal" or "batch"'),
    ('unknown class', 'class = {\n\tfast = { weight = 3 } }',
     'error: config:2: class.fast: unknown class', 'interactive, normal, batch'),
    ('credit out of range', 'service = { a = { credit = "101ms" } }',
     'error: config:1: service.a.credit: 101ms is out of range', '0..100ms'),
    ('a CPU that is not there', 'affinity = "8191"',
     'error: config:1: affinity: CPU 8191 is not there for this process (allowed '),
    ('no list of CPUs', 'affinity = "0,0"', 'error: config:1: affinity: "0,0" is not a CPU list', '"0-3,5"'),
    ('two errors at once', 'slice = true\nthread = -1', 'error: config:1: slice: ',
     'error: config:2: thread: '),
    ('an environment variable that is not set', 'x = "$NO_SUCH_VARIABLE_HERE"', 'config:1',
     'NO_SUCH_VARIABLE_HERE'),
    ('an include that is missing', 'include "nowhere"', 'config:1', 'nowhere'),
    ('an endless loop', 'while true do end', 'error: config'),
]:
    case(f'config: {name}', *fault)(config_fault)


@case('config: the log cannot be opened')
def log_fault():
    with Box({'logger': '/nonexistent/folder/x.log'}) as box:
        status, out, err = run(box)
        check(status == CONFIG, f'exit status {status}')
        check_parts(err, ['logger', '/nonexistent/folder/x.log', 'No such file or directory'])
        check(not out, f'something started: {out}')


@case('config: the file is missing')
def no_file():
    with Box() as box:
        status, out, err = run(box, config='nowhere.conf')
        check(status == CONFIG, f'exit status {status}')
        check_parts(err, ['nowhere.conf', 'No such file or directory'])
        check(not out, f'something started: {out}')


@case('config: a letter away is a warning')
def near_miss():
    with Box({'thraed': 2, 'start': 'main'}, {'main': END_AT_ONCE}) as box:
        status, out, err = run(box)
        check(status == OK, f'exit status {status}\n{out}\n{err}')
        check_parts(err, ['warning: config:', 'thraed', 'did you mean "thread"'])


# --- faults of services ----------------------------------------------------------------------------------

END_AT_ONCE = '''
local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	print "up"
	skynet.abort()
end)
'''


def start_fault(config, service, *parts):
    with Box({'thread': 2, **config}, {'broken': service} if service else {}) as box:
        status, out, err = run(box)
        check(status == FAILED, f'exit status {status}\n{out}\n{err}')
        check_parts(out + err, parts)


START = 'local skynet = require "skynet"\nskynet.start(function()\n\t%s\nend)\n'

for name, *fault in [
    ('there is no such service', {'start': 'nowhere'}, None,
     'start service "nowhere" failed: service nowhere not found: cannot open ./nowhere.lua'),
    ('a syntax error', {'start': 'broken'}, 'local x = 1\nx = = 2\n',
     'start service "broken" failed: ./broken.lua:2: unexpected symbol near'),
    ('an error in the main chunk', {'start': 'broken'}, '\n\nerror "no bread"\n',
     'start service "broken" failed: ./broken.lua:3: no bread'),
    ('an error in the start function', {'start': 'broken'}, START % 'error "no bread"',
     'start service "broken" failed: ./broken.lua:3: no bread', 'stack traceback'),
    ('an error after a sleep', {'start': 'broken'}, START % 'skynet.sleep(1) error "no bread"',
     'start service "broken" failed: ./broken.lua:3: no bread'),
    ('an error that is a table', {'start': 'broken'}, START % 'error {}',
     'start service "broken" failed: '),
    ('no such module', {'start': 'broken'}, 'require "nothing.there"\n',
     'start service "broken" failed: ', "module 'nothing.there' not found"),
    ('no such bootstrap', {'bootstrap': 'snlua nowhere'}, None,
     'lua loader error : service nowhere not found: cannot open ./nowhere.lua'),
    ('a bootstrap with an error', {'bootstrap': 'snlua broken'}, '\nerror "no bread"\n',
     'lua loader error : ./broken.lua:2: no bread'),
    ('a bootstrap written in C', {'bootstrap': 'logger'}, None, 'Bootstrap error : logger'),
]:
    case(f'start: {name}', *fault)(start_fault)


# --- the command line ------------------------------------------------------------------------------------

@case('--check-config of a good file')
def good():
    with Box('thread = 2\nslice = "2ms"\nservice = { ["a*"] = { weight = 300 } }\n') as box:
        status, out, err = run(box, '--check-config')
        check(status == OK and not err, f'exit status {status}, {err}')
        check_parts(out, ['config: ok', 'thread = 2', 'slice = "2ms"'])
        check('LAUNCH' not in out, f'something started: {out}')


def command(arguments, status, out_parts, err_parts=()):
    with Box() as box:
        got, out, err = run(box, *arguments, config=None)
        check(got == status, f'exit status {got}\n{out}\n{err}')
        check_parts(out, out_parts)
        check_parts(err, err_parts)
        check(bool(out) == bool(out_parts), f'on stdout: {out}')
        check(bool(err) == bool(err_parts), f'on stderr: {err}')


for name, *arguments in [
    ('--version', ['--version'], OK, ['equilune ', 'LuaJIT 2.', 'jemalloc ' if not SLOW else '', 'libev ']),
    ('--help', ['--help'], OK, ['usage: equilune', '--check-config', '--version', '--help-config']),
    ('-h', ['-h'], OK, ['usage: equilune']),
    ('--help-config', ['--help-config'], OK,
     ['thread ', 'default 8, 0..1024', 'service.*.weight', 'watchdog.warn', 'luaservice']),
    ('unknown option', ['--chek-config', 'x'], USAGE, [], ['--chek-config', 'did you mean --check-config']),
    ('no argument', [], USAGE, [], ['Need a config file', 'usage: equilune']),
    ('--types without a folder', ['--types'], USAGE, [], ['--types needs a folder']),
    ('two config files', ['a', 'b'], USAGE, [], ['one config file only']),
]:
    case(f'command line: {name}', *arguments)(command)


@case('--types writes the type stubs, as they lie in the sources')
def types():
    sources = os.path.join(os.path.dirname(HERE), '..', 'luabind', 'types')
    with Box() as box:
        for _ in range(2):
            status, out, err = run(box, '--types', 'a/b', config=None)
            check(status == OK and not err, f'exit status {status}, {err}')
        wanted = {os.path.relpath(os.path.join(d, n), sources) for d, _, names in os.walk(sources) for n in names}
        got = {os.path.relpath(os.path.join(d, n), os.path.join(box.path, 'a/b'))
               for d, _, names in os.walk(os.path.join(box.path, 'a/b')) for n in names}
        check(got == wanted, f'written, but not there: {got - wanted}; not written: {wanted - got}')
        check_parts(out, [f'{len(wanted)} files in a/b'])
        for name in wanted:
            with open(os.path.join(sources, name), encoding='utf-8') as f:
                check(f.read() == box.read(f'a/b/{name}'), f'{name} differs')
        box.write('file', '')
        status, out, err = run(box, '--types', 'file', config=None)
        check(status == 1 and 'file/' in err and not out, f'a file in the place of the folder: {status}, {err}')


@case('nothing is left behind')
def nothing_left():
    """A config with a fault creates no file."""
    with Box('logger = "made.log"\nthread = -1') as box:
        run(box)
        check(os.listdir(box.path) == ['config'], f'files: {os.listdir(box.path)}')


if __name__ == '__main__':
    sys.exit(run_cases())
