# SPDX-License-Identifier: MIT
"""Output: at once, also through a pipe and from a service that never comes back; and in whole lines."""
import re
import sys

from harness import PATIENCE_S, SLOW, Box, Server, case, check, run_cases

WRITERS, LINES = 20, 50 if SLOW else 300


@case('print is seen while the service loops', 'print("seen")', '^seen$')
@case('io.write of a line is seen while the service loops', r'io.write("seen\n")', '^seen$')
@case('skynet.error is seen while the service loops', 'skynet.error("seen")', r'^\[:[0-9a-f]{8}\] seen$')
def at_once(statement, pattern):
    text = f'''
local skynet = require "skynet"
skynet.start(function()
	{statement}
	while true do end
end)
'''
    with Box({'thread': 1, 'start': 'main'}, {'main': text}) as box, Server(box) as server:
        server.wait_line(pattern)
        check(server.process.poll() is None, 'the process has ended')


@case('io.write and print keep their order')
def in_order():
    text = '''
local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	io.write("a", 1, " ")
	print "b"
	io.write "c "
	print "d"
	skynet.abort()
end)
'''
    with Box({'thread': 1, 'start': 'main'}, {'main': text}) as box, Server(box) as server:
        check(server.wait_exit() == 0, 'exit status')
        lines = [line for line in server.lines if not line.startswith('[')]
        check(lines == ['a1 b', 'c d'], f'{lines}')


@case('print comes line by line')
def line_by_line():
    """Of an endless stream of lines the first is not held back until a buffer is full."""
    text = '''
local skynet = require "skynet"
skynet.start(function()
	local i = 0
	while true do
		i = i + 1
		if i % 5000000 == 0 then
			print(i / 5000000)
		end
	end
end)
'''
    with Box({'thread': 1, 'start': 'main'}, {'main': text}) as box, Server(box) as server:
        server.wait_line('^5$')
        numbers = [m[0] for m in server.find('^[0-9]+$')]
        check(numbers[:5] == ['1', '2', '3', '4', '5'], f'{numbers}')


WRITER = '''
local skynet = require "skynet"
local id, lines, length = ...
skynet.start(function()
	skynet.fork(function()
		skynet.sleep(5)
		for i = 1, tonumber(lines) do
			%s(string.format("writer %%s line %%d %%s.", id, i, string.rep(id, tonumber(length))))
		end
		skynet.send(".main", "lua")
	end)
end)
'''

# Both in turn, each by its own number.
BOTH = '''
(function(text)
	print("p" .. text)
	skynet.error("e" .. text)
end)'''

MAIN = '''
local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	skynet.register ".main"
	local left = tonumber(skynet.getenv "writers")
	skynet.dispatch("lua", function()
		left = left - 1
		if left == 0 then
			skynet.sleep(10)
			print "DONE"
		end
	end)
	for i = 1, left do
		skynet.newservice("writer", i <= 26 and string.char(64 + i) or i, skynet.getenv "lines", skynet.getenv "length")
	end
end)
'''


def write_all(writers, lines, length, function):
    """Lets them write, and returns the lines of stdout that hold what they wrote."""
    config = {'thread': 4, 'start': 'main', 'writers': writers, 'lines': lines, 'length': length,
              'log_queue': '1GB', 'watchdog': {'warn': '1h'}}  # the reader may be slow
    with Box(config, {'main': MAIN, 'writer': WRITER % function}) as box, Server(box) as server:
        server.wait_line('^DONE$', timeout_s=PATIENCE_S * 2)
        count = writers * lines * (2 if function == BOTH else 1)

        def written():
            return len(server.find(r'writer \w+ line')) >= count
        server.wait_until(f'{count} lines', written)
        # Alerts name the writers too: all of them wait for a slow reader.
        return [line for line in server.lines if re.search(r'writer \w+ line', line)]


def expect_in_order(lines, prefix, length, writers, count):
    """Whole lines, and those of each writer in the order in which it wrote them."""
    good = re.compile(prefix + r'writer (\w+) line (\d+) (.+)\.$')
    last = {}
    for line in lines:
        m = good.fullmatch(line)
        check(m and m[3] == m[1] * length, f'not a whole line: {line[:200]} ... {line[-60:]}')
        check(int(m[2]) == last.get(m[1], 0) + 1, f'line {m[2]} of {m[1]} after {last.get(m[1])}')
        last[m[1]] = int(m[2])
    check(len(last) == writers and sum(last.values()) == count,
          f'{sum(last.values())} lines of {len(last)} writers')


@case('print of 20 services', 'print', '', 60)
@case('print of 20 services, long lines', 'print', '', 3000)
@case('print of 20 services, longer than a pipe takes at once', 'print', '', 20000)
@case('skynet.error of 20 services', 'skynet.error', r'\[:[0-9a-f]{8}\] ', 60)
@case('skynet.error of 20 services, long lines', 'skynet.error', r'\[:[0-9a-f]{8}\] ', 3000)
def whole_lines(function, prefix, length):
    lines = LINES if length < 10000 else LINES // 5
    found = write_all(WRITERS, lines, length, function)
    expect_in_order(found, prefix, length, WRITERS, WRITERS * lines)


@case('both of thousands of services')
def thousands():
    writers, lines, length = 100 if SLOW else 2000, 5, 10
    found = write_all(writers, lines, length, BOTH)
    prints = [line for line in found if line.startswith('pwriter')]
    errors = [line for line in found if not line.startswith('pwriter')]
    expect_in_order(prints, 'p', length, writers, writers * lines)
    expect_in_order(errors, r'\[:[0-9a-f]{8}\] e', length, writers, writers * lines)


if __name__ == '__main__':
    sys.exit(run_cases())
