# SPDX-License-Identifier: MIT
"""The log's levels, and its bound: a service that logs without end loses lines, which are counted; it neither fills the
memory nor keeps others waiting."""
import re
import sys

from harness import PATIENCE_S, SLOW, Box, Server, case, check, run_cases

LEVELS = '''
local skynet = require "skynet"
skynet.start(function()
	for _, level in ipairs { "debug", "info", "warn", "error" } do
		skynet.log(level, "said as", level)
	end
	skynet.error("said without")
	print("BAD", pcall(skynet.log, "loud", "x"))
	-- What is not wanted is not turned into text.
	local touched = setmetatable({}, { __tostring = function() print "TOUCHED" return "text" end })
	skynet.log("debug", touched)
	print "READY"
end)
'''


@case('debug', 'debug', 4)
@case('info, the default', 'info', 3)
@case('warn', 'warn', 2)
@case('error', 'error', 1)
def levels(level, count):
    with Box({'thread': 1, 'start': 'main', 'log_level': level}, {'main': LEVELS}) as box, Server(box) as server:
        server.wait_line('^READY$')
        if level in ('debug', 'info'):
            server.wait_line('KILL self')  # bootstrap's, which may be later
        check(server.stop() == 0, 'exit status')
        said = [m[1] for m in server.find(r'^\[:[0-9a-f]{8}\] (.*said as .*)')]
        all_texts = ['debug: said as debug', 'said as info', 'warn: said as warn', 'error: said as error']
        check(said == all_texts[-count:], f'{said}')
        check(server.find(r'^\[:[0-9a-f]{8}\] said without$'), 'skynet.error is always written')
        check(server.find(r'^BAD\tfalse\t.*"debug", "info", "warn" or "error" expected'), server.output())
        check(bool(server.find('TOUCHED')) == (level == 'debug'), 'touched')
        for line in ('LAUNCH snlua main', 'KILL self', 'signal 15: stopping'):
            check(bool(server.find(line)) == (level in ('debug', 'info')), f'"{line}" at level {level}')


FLOOD = '''
local skynet = require "skynet"
local core = require "skynet.core"
local lines, line = tonumber(skynet.getenv "lines"), string.rep("x", tonumber(skynet.getenv "length"))
skynet.start(function()
	skynet.dispatch("lua", function()
		for i = 1, lines do
			skynet.error("flood", i, line)
		end
		skynet.retpack()
	end)
end)
'''

# Bootstrap ends when main has started, and says so: that line must not be among those that are dropped.
MAIN = '''
local skynet = require "skynet"
local core = require "skynet.core"
local BOOTSTRAP = 2
skynet.start(function()
	local flood = skynet.newservice "flood"
	skynet.fork(function()
		local through = false
		while core.alive(BOOTSTRAP) do
			skynet.sleep(1)
		end
		skynet.fork(function()
			skynet.call(flood, "lua")
			through = true
		end)
		local before, most, naps = core.sched().allocated, 0, 0
		repeat
			skynet.sleep(1)
			naps = naps + 1
			most = math.max(most, core.sched().allocated - before)
		until through
		print("NAPS", naps, most)
		skynet.error("after the flood")
	end)
end)
'''


def account_for(text, lines):
    """Each line is written, in order, or counted as dropped."""
    numbers = [int(n) for n in re.findall(r'\] flood (\d+) x+$', text, re.M)]
    dropped = sum(int(n) for n in re.findall(r'\[:00000000\] warn: dropped (\d+) log lines?: ', text))
    check(numbers == sorted(set(numbers)), 'lines twice or not in order')
    check(len(numbers) + dropped == lines, f'{len(numbers)} written + {dropped} dropped of {lines} lines')
    return dropped


@case('one service logs 300,000 lines as fast as it can', 300000, 60)
@case('lines of 20 KB', 20000, 20000)
def flood(lines, length):
    lines = lines // 10 if SLOW else lines
    config = {'thread': 2, 'start': 'main', 'lines': lines, 'length': length, 'logger': 'x.log', 'log_queue': '512KB'}
    with Box(config, {'main': MAIN, 'flood': FLOOD}) as box, Server(box) as server:
        naps = server.wait_line(r'^NAPS\t(\d+)\t(\S+)', timeout_s=90)
        server.wait_until('the last line', lambda: 'after the flood' in box.read('x.log'))
        check(server.stop() == 0, 'exit status')
        dropped = account_for(box.read('x.log'), lines)
        print(f'# {lines} lines of {length} bytes: {dropped} dropped, {float(naps[2]) / 1e6:.1f} MB more memory', flush=True)
        check(SLOW or float(naps[2]) < 24e6, f'{float(naps[2]) / 1e6:.1f} MB more memory')


@case('at a rate that the disk takes nothing is dropped')
def moderate():
    main = '''
local skynet = require "skynet"
skynet.start(function()
	for i = 1, 2000 do
		skynet.error("flood", i, "x")
		if i % 20 == 0 then
			skynet.sleep(0.1)
		end
	end
	print "READY"
end)
'''
    with Box({'thread': 1, 'start': 'main', 'logger': 'x.log'}, {'main': main}) as box, Server(box) as server:
        server.wait_line('^READY$')
        check(server.stop() == 0, 'exit status')
        check(account_for(box.read('x.log'), 2000) == 0, 'lines were dropped')


@case('a log service of the user\'s own is bounded by its mailbox')
def own_logger():
    logger = '''
local skynet = require "skynet"
local seen, sum, most = 0, 0, 0
skynet.register_protocol {
	name = "text",
	id = skynet.PTYPE_TEXT,
	unpack = skynet.tostring,
	dispatch = function(_, _, text)
		local dropped = text:match "dropped (%d+) log line"
		most = math.max(most, skynet.stat "mqlen")
		sum = sum + (dropped or (text:match "^flood" and 1) or 0)
		if text:match "^after" then
			print("COUNTED", sum, most)
		end
		for i = 1, 2000 do end
	end,
}
skynet.start(function() end)
'''
    # The count may lack what was dropped in the last second: the sender says it with its next line.
    lines = 20000
    config = {'thread': 2, 'start': 'main', 'lines': lines, 'length': 10, 'logservice': 'snlua', 'logger': 'mine',
              'log_queue': '64KB'}
    main = MAIN.replace('skynet.error("after', 'skynet.sleep(300) skynet.error("before") skynet.error("after')
    with Box(config, {'main': main, 'flood': FLOOD, 'mine': logger}) as box, Server(box) as server:
        counted = server.wait_line(r'^COUNTED\t(\d+)\t(\d+)', timeout_s=60)
        check(int(counted[1]) == lines, f'{counted[1]} of {lines} lines are written or counted')
        check(int(counted[2]) <= 64 * 1024 / 128 + 8, f'{counted[2]} lines waited')
        check(server.stop() == 0, 'exit status')


OWN = '''
local skynet = require "skynet"
require "skynet.manager"
skynet.register_protocol {
	name = "text",
	id = skynet.PTYPE_TEXT,
	unpack = skynet.tostring,
	dispatch = function(_, source, text)
		print(string.format("OWN :%08x %s", source, text))
		if text == "trouble" then
			error "the logger is in trouble"
		end
	end,
}
skynet.start(function() end)
'''
FAILING = '''
local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	for i = 1, 20 do
		skynet.fork(function()
			skynet.error("said", i)
			error(string.format("failed %d %s", i, ("x"):rep(5000)))
		end)
		skynet.sleep(0)
	end
	pcall(skynet.newservice, "missing")
	skynet.error "trouble"
	skynet.sleep(1)
	skynet.error "last"
	skynet.abort()
end)
'''


@case('what is said under the name of a service is behind what it said itself', {}, '')
@case('and reaches a logger of the user\'s', {'logservice': 'snlua', 'logger': 'own'}, 'OWN ')
def in_order(options, mark):
    config = {'thread': 2, 'start': 'main', **options}
    with Box(config, {'main': FAILING, 'own': OWN}) as box, Server(box) as server:
        check(server.wait_exit(PATIENCE_S) == 0, server.output())
        own = mark.strip() + ' :' if mark else r'\[:'
        found = server.find(rf'^{own}[0-9a-f]{{8}}\]? .*?(said \d+|failed \d+ x{{5000}}\b|LAUNCH snlua main|lua loader error|last)')
        texts = [match[1].rstrip('x') for match in found]
        wanted = ['LAUNCH snlua main']
        for i in range(1, 21):
            wanted += [f'said {i}', f'failed {i} ']
        check(texts == wanted + ['lua loader error', 'last'], f'{texts}')
        trouble = server.find('the logger is in trouble')
        check(len(trouble) == (1 if mark else 0), 'what the logger does wrong is written once, past the logger')


if __name__ == '__main__':
    sys.exit(run_cases())
