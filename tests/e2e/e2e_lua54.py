# SPDX-License-Identifier: MIT
"""lua54: random expressions against an evaluator in Python (and against lua5.4, where there is one), the error
that names the option, what the option reaches, and the lines in errors and alerts.

The seed of the expressions is printed; it can be given as the second argument.
"""
import random
import re
import shutil
import subprocess
import sys
import time

from harness import SLOW, Box, Server, case, check, run_cases

EXPRESSIONS = 2000
EXACT = 2 ** 53
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1000000

# As in Lua's manual: how tightly each operator holds, and whether to the right.
PRIORITY = {'or': 1, 'and': 2, '<': 3, '==': 3, '|': 4, '~': 5, '&': 6, '<<': 7, '>>': 7,
            '+': 10, '-': 10, '*': 11, '//': 11, '%': 11, 'unary': 12, '^': 14}


class Unfit(Exception):
    """This expression is outside of what doubles and 64-bit integers have in common."""


def wrap(value):
    return (value + 2 ** 63) % 2 ** 64 - 2 ** 63


def shift(a, n):
    if n <= -64 or n >= 64:
        return 0
    return wrap(a << n if n >= 0 else (a % 2 ** 64) >> -n)


def number(value):
    """What arithmetic on numbers gives; exact up to 2^53."""
    if abs(value) > EXACT:
        raise Unfit
    return value


def divide(a, b):
    if b == 0:
        raise Unfit
    return a // b


def modulo(a, b):
    """LuaJIT computes it in doubles, by way of the product."""
    if b == 0 or abs(a // b * b) > EXACT:
        raise Unfit
    return a % b


def power(a, b):
    if not (-9 <= a <= 9 and 0 <= b <= 9):
        raise Unfit
    return a ** b


# Only values within 2^53 go into arithmetic: beyond it a result of a bit operator is an int64_t, tested elsewhere.
APPLY = {
    '|': lambda a, b: wrap(a | b), '~': lambda a, b: wrap(a ^ b), '&': lambda a, b: wrap(a & b),
    '<<': shift, '>>': lambda a, n: shift(a, -n),
    '+': lambda a, b: a + b, '-': lambda a, b: a - b, '*': lambda a, b: a * b,
    '//': divide, '%': modulo, '^': power,
}


def make(rng, depth):
    """(text, value, priority of the outermost operator)."""
    kind = rng.random()
    if depth == 0 or kind < 0.1:
        value = rng.choice([rng.randrange(10), rng.randrange(256), rng.randrange(2 ** 32), rng.randrange(2 ** 53)])
        return rng.choice([str(value), hex(value)]), value, 99
    if kind < 0.25:
        op = rng.choice(['-', '~', '~'])
        text, value, priority = make(rng, depth - 1)
        if priority < PRIORITY['unary'] or (priority == PRIORITY['unary'] and rng.random() < 0.5):
            text = f'({text})'
        return f'{op} {text}', number(-value if op == '-' else ~value), PRIORITY['unary']
    op = rng.choice(list(APPLY))
    left, right = make(rng, depth - 1), make(rng, depth - 1)
    if op in ('<<', '>>') and rng.random() < 0.8:
        amount = rng.randrange(-3, 60)
        right = (str(amount), amount, 99 if amount >= 0 else PRIORITY['unary'])
    value = number(APPLY[op](left[1], right[1]))
    mine = PRIORITY[op]
    a, b = left[0], right[0]
    if left[2] < mine or (op == '^' and left[2] <= mine):
        a = f'({a})'
    # A unary operator holds its operand from the left; on the right of ^ it needs no parentheses.
    if right[2] <= mine and not (op == '^' and right[2] == PRIORITY['unary']):
        b = f'({b})'
    return f'{a}{rng.choice([" ", ""])}{op} {b}', value, mine


def expressions():
    rng, found = random.Random(SEED), []
    while len(found) < EXPRESSIONS:
        try:
            text, value, _ = make(rng, rng.randrange(1, 6))
        except Unfit:
            continue
        found.append((text, value))
    return found


def program(pairs):
    """Prints the expressions that are wrong; in functions, since a chunk has room for so many constants only."""
    lines = ['local bad = 0',
             'local function is(n, got, wanted)',
             '  if got ~= wanted then bad = bad + 1 print("wrong", n, got, wanted) end',
             'end']
    for start in range(0, len(pairs), 20):
        lines.append('do local function part()')
        lines += [f'  is({start + i}, {text}, {value})' for i, (text, value) in enumerate(pairs[start:start + 20])]
        lines.append('end part() end')
    return '\n'.join(lines + ['print("done", bad)', ''])


END = '\nlocal skynet = require "skynet"\nskynet.start(function() require "skynet.manager" skynet.abort() end)\n'


def served(services, config=None, wait=None):
    """Output of a run whose start service is main."""
    full = {'thread': 1, 'start': 'main', 'harbor': 0, 'lua54': True, 'lua_path': './?.lua', **(config or {})}
    with Box(full, services) as box, Server(box) as server:
        if wait:
            return server.wait_line(wait).string
        server.wait_exit(120 if SLOW else 40)
        return server.output()


@case('random expressions have the value that they have in Lua')
def random_expressions():
    print(f'# seed {SEED}', flush=True)
    pairs = expressions()
    text = program(pairs)
    output = served({'main': text + END})
    wrong = re.findall(r'wrong\t(\d+)\t(\S+)\t(\S+)', output)
    check('done\t0' in output, '\n'.join(f'{pairs[int(n)][0]} gave {got}, wanted {wanted}' for n, got, wanted in wrong)
          or output[-2000:])


@case('the evaluator here agrees with lua5.4')
def oracle():
    lua = shutil.which('lua5.4')
    if lua is None:
        print('# there is no lua5.4 here: skipped', flush=True)
        return
    done = subprocess.run([lua, '-'], input=program(expressions()), text=True, capture_output=True, timeout=60)
    # A power is a float there, which bit operators take too.
    check('done\t0' in done.stdout, done.stdout + done.stderr)


NEW = 'local x = 1\nlocal y = 7 // 2\n'
WITHOUT = {'lua54': False}


@case('without the option the error names file, line and option', {'main': NEW},
      r"\./main\.lua:2: unexpected symbol near '//': Lua 5\.3 syntax; set lua54 = true in the config")
@case('so for a module', {'main': 'require "part"', 'part': '\n\nreturn 1 & 2\n'},
      r"error loading module 'part' from file '\./part\.lua':\s*\./part\.lua:3: unexpected symbol near '&': Lua 5\.3 syntax; "
      r'set lua54 = true in the config')
@case('so for an attribute', {'main': 'local x <const> = 1'}, r"main\.lua:1: .*near '<': Lua 5\.4 syntax; set lua54")
@case('so for a break', {'main': 'while true do break print(1) end'}, r"main\.lua:1: .*near 'break': Lua 5\.2 syntax")
@case('another syntax error is what LuaJIT says', {'main': 'x = = 1'}, r"main\.lua:1: unexpected symbol near '='$")
def hint(services, wanted):
    output = served(services, {**WITHOUT, 'start': 'main'})
    check(re.search(wanted, output, re.M), f'not found: {wanted}\n{output}')


@case('the option for one service only')
def rule():
    output = served({'main': 'print("main", 7 // 2)' + END, 'plain': NEW, 'start': 'local s = require "skynet"\n'
                     's.start(function() print(pcall(s.newservice, "plain")) s.newservice("main") end)'},
                    {**WITHOUT, 'start': 'start', 'service': {'main': {'lua54': True}}})
    check('main\t3' in output, output)
    check("plain.lua:2: unexpected symbol near '//'" in output, output)


@case('modules, the preload file, load, loadfile and dofile are translated too')
def reach():
    output = served({
        'pre': 'preloaded = 9 // 2\n',
        'part': 'return { value = 1 << 4, args = { ... } }\n',
        'file': 'return 5 ~ 1, ...\n',
        'main': 'local part = require "part"\nprint("got", preloaded, part.value, part.args[1], part.args[2], '
                'load "return 6 & 3"(), loadfile "./file.lua"(1), dofile "./file.lua")' + END,
    }, {'preload': './pre.lua'})
    check('got\t4\t16\tpart\t./part.lua\t2\t4\t4' in output, output)


@case('an alert names the line of a loop in translated code', True)
@case('also without the JIT, although a helper runs', False)
def alert(jit):
    source = 'local skynet = require "skynet"\nskynet.start(function()\n\tlocal a <const>, n = 1, 0\n\tgoto go\n\t::go::\n' \
             '\twhile true do\n\t\tn = n + 1 & 0xff\n\tend\nend)\n'
    line = served({'main': source}, {'jit': jit, 'watchdog': {'warn': '200ms'}}, r'maybe in an endless loop')
    place = re.search(r'main\.lua:(\d+)', line)
    check(place and int(place[1]) in (6, 7), line)


CLOSING = """
local skynet = require "skynet"
local core = require "skynet.core"
local ran_on, hooked = 0, 0
local function some(seconds)
	local until_ns = core.hpc() + seconds * 1e9
	while core.hpc() < until_ns do
		local co = coroutine.create(function()
			pcall(coroutine.yield)
			ran_on = ran_on + 1
		end)
		coroutine.resume(co)
		coroutine.close(co)
		for i = 1, 20 do hooked = hooked + i % 2 end
	end
end
skynet.start(function()
	skynet.fork(function()
		for i = 1, 40 do
			local ok, err = pcall(some, 0.05)
			if not ok then print("failed", err) end
			skynet.yield()
		end
		print("closed", ran_on, debug.gethook())
		require "skynet.manager"
		skynet.abort()
	end)
end)
"""


@case('coroutine.close and the hook of an alert do not disturb each other', {'lua54': False})
@case('so with lua54', {'lua54': True})
def closing(config):
    """Each message is asked for its place, many times while a coroutine is being closed."""
    with Box({'thread': 1, 'start': 'main', 'harbor': 0, 'watchdog': {'warn': '10ms'}, **config},
             {'main': CLOSING}) as box, Server(box) as server:
        line = server.wait_line(r'^(closed|failed)').string
        check(line.startswith('closed\t0\tnil'), line)
        server.wait_exit()
        alerts = [one for one in server.lines if 'maybe in an endless loop' in one]
        print(f'# {len(alerts)} alerts', flush=True)
        check(alerts, 'no alert: nothing was tested')


if __name__ == '__main__':
    sys.exit(run_cases())
