# SPDX-License-Identifier: MIT
"""Crashes: the report names service, message, line and frames, and the process ends by the signal, so that cores are
kept. A service that uses up its C stack ends alone, unless foreign code is on that stack."""
import re
import signal
import sys

from harness import Box, Server, case, check, run_cases

# The line of the crash is marked, and found below.
CRASHER = '''
local skynet = require "skynet"
local ffi = require "ffi"
local chog = require "chog"
local kind = ...
local crash = {}

-- Machine code that follows a pointer which is good a thousand times.
function crash.ffi()
	local n = 1000
	local cells = ffi.new("int[1]")
	local list = ffi.new("int *[?]", n + 1)
	for i = 0, n - 1 do
		list[i] = cells
	end
	local sum = 0
	for i = 0, n do -- HERE ffi
		sum = sum + list[i][0]
	end
	return sum
end

skynet.start(function()
	skynet.dispatch("lua", function()
		if crash[kind] then
			crash[kind]()
		else
			chog[kind](1) -- HERE chog
		end
	end)
end)
'''

MAIN = '''
local skynet = require "skynet"
skynet.start(function()
	local handle = {}
	for i = 1, tonumber(skynet.getenv "crashers") do
		handle[i] = skynet.newservice("crasher", skynet.getenv "kind")
	end
	print("READY", skynet.self(), handle[1])
	skynet.fork(function()
		for _, h in ipairs(handle) do
			skynet.send(h, "lua", "go")
		end
	end)
end)
'''


def line_of(mark):
    return next(i for i, line in enumerate(CRASHER.split('\n'), 1) if f'HERE {mark}' in line)


def config_of(kind, crashers=1, **more):
    return {'thread': 2, 'start': 'main', 'kind': kind, 'crashers': crashers, **more}


def expect_end(server, number):
    status = server.wait_exit()
    check(status == -number, f'exit status {status}, not {-number}; the output was:\n{server.output(80)}')


def expect_report(server, number):
    """The lines of the one report."""
    expect_end(server, number)
    lines = [line for line in server.lines if 'crash: ' in line or line.startswith('\t')]
    text = '\n'.join(lines)
    check(text.count('error: crash: ') == 1 and text.count('crash: end of the report') == 1,
          f'not one whole report:\n{server.output(80)}')
    check('crash: registers rip=' in text, f'no registers:\n{text}')
    return text


@case('a null pointer', 'null', signal.SIGSEGV, r'SIGSEGV \(address 0x0 is not mapped\)')
@case('abort', 'abort', signal.SIGABRT, 'SIGABRT')
@case('an integer division by zero', 'divide', signal.SIGFPE, 'divides an integer by zero')
@case('an illegal instruction', 'illegal', signal.SIGILL, 'is no valid instruction')
@case('a call of nothing', 'jump', signal.SIGSEGV, 'SIGSEGV')
@case('foreign code that recurses over the stack', 'recurse', signal.SIGSEGV, 'SIGSEGV')
@case('the same with a small stack', 'recurse', signal.SIGSEGV, 'SIGSEGV', '128KB')
def in_c(kind, number, reason, stack='1MB'):
    config = config_of(kind, stack=stack)
    with Box(config, {'main': MAIN, 'crasher': CRASHER}) as box, Server(box) as server:
        text = expect_report(server, number)
        ready = server.find(r'^READY\t(\d+)\t(\d+)')[0]
        source, handle = int(ready[1]), int(ready[2])
        check(re.search(reason, text), f'no word of "{reason}":\n{text}')
        where = rf'in service crasher \[ :{handle:08x} \], message \d+ from \[ :{source:08x} \] type 10 session 0'
        check(re.search(where, text), f'no {where}:\n{text}')
        check(re.search(r'crash: #\d+ 0x[0-9a-f]+ \S*chog\.so\+0x', text) or kind == 'jump',
              f'no frame of the module:\n{text}')
        check(re.search(r'crash: #\d+ 0x[0-9a-f]+ \S*libluajit', text), f'no frame of LuaJIT:\n{text}')
        check(re.search(r'crash: #\d+ 0x[0-9a-f]+ equilune\+0x', text), f'no frame of ours:\n{text}')
        place = f'crasher.lua:{line_of("chog")}'
        check(f'crash: in Lua: ./{place} (' in text, f'not at {place}:\n{text}')


@case('machine code that follows a bad pointer')
def compiled():
    with Box(config_of('ffi'), {'main': MAIN, 'crasher': CRASHER}) as box, Server(box) as server:
        text = expect_report(server, signal.SIGSEGV)
        place = f'crasher.lua:{line_of("ffi")}'
        check(f'in Lua: ./{place} (compiled loop)' in text, f'not at {place}:\n{text}')
        check('at machine code made at run time' in text, text)


@case('a thread that is none of ours')
def other_thread():
    with Box(config_of('thread_null'), {'main': MAIN, 'crasher': CRASHER}) as box, Server(box) as server:
        text = expect_report(server, signal.SIGSEGV)
        check('crash: outside of all services' in text and 'chog.so+0x' in text, text)


@case('with the VM in ruins: the report itself crashes, and comes to its end')
def ruins():
    with Box(config_of('smash'), {'main': MAIN, 'crasher': CRASHER}) as box, Server(box) as server:
        expect_report(server, signal.SIGSEGV)


@case('two at a time make one report')
def two():
    with Box(config_of('null', 2), {'main': MAIN, 'crasher': CRASHER}) as box, Server(box) as server:
        expect_report(server, signal.SIGSEGV)


@case('a signal from outside', signal.SIGABRT)
@case('a SIGSEGV from outside', signal.SIGSEGV)
def from_outside(number):
    main = 'local skynet = require "skynet" skynet.start(function() print "READY" end)'
    with Box({'thread': 1, 'start': 'main'}, {'main': main}) as box, Server(box) as server:
        server.wait_line('^READY$')
        server.signal(number)
        text = expect_report(server, number)
        check('sent by a process or by abort), sender ' in text, text)


@case('the report is in the log file')
def in_file():
    config = config_of('null', logger='x.log')
    with Box(config, {'main': MAIN, 'crasher': CRASHER}) as box, Server(box) as server:
        expect_end(server, signal.SIGSEGV)
        check('crash: end of the report' in box.read('x.log'), box.read('x.log'))


# ---- the end of the C stack ----

DEEP = '''
local skynet = require "skynet"
local chog = require "chog"
local deep = {}

function deep.gsub()
	local function f(s)
		return (s:gsub(".", f))
	end
	f("x")
end

-- They are there beforehand, so that nothing is allocated on the way down.
local list = {}
function deep.prepare()
	for i = 1, tonumber(skynet.getenv "coroutines") do
		list[i] = coroutine.create(function()
			if list[i + 1] then
				coroutine.resume(list[i + 1])
			end
		end)
	end
end
function deep.coroutines()
	coroutine.resume(list[1])
end

-- These allocate, so they end as an error, which a pcall catches.
function deep.wrapped()
	local function f()
		coroutine.wrap(f)()
	end
	local ok, err = pcall(f)
	error(ok and "no error" or tostring(err), 0)
end

function deep.foreign()
	chog.call(deep.gsub)
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, kind)
		skynet.retpack(pcall(deep[kind]))
	end)
	if skynet.getenv "kind" == "start" then
		deep.gsub()
	end
end)
'''

# Calls one after the other into the deep, while two hogs keep the preemption signal coming.
DIVER = '''
local skynet = require "skynet"
local core = require "skynet.core"
local kind, rounds = skynet.getenv "kind", tonumber(skynet.getenv "rounds")

local function dive()
	local ok, deep = pcall(skynet.newservice, "deep")
	if not ok then
		return "start", deep
	end
	if kind == "coroutines" then
		skynet.call(deep, "lua", "prepare")
	end
	local ended, _, err = pcall(skynet.call, deep, "lua", kind)
	return ended and "answer" or "ended", err
end

skynet.start(function()
	for _ = 1, tonumber(skynet.getenv "hogs") do
		skynet.send(skynet.newservice("hog", "count"), "lua", "go")
	end
	skynet.fork(function()
		dive() -- what is allocated once
		skynet.sleep(20)
		local before = core.sched().allocated
		local counts, last = {}, nil
		for _ = 1, rounds do
			local how, err = dive()
			counts[how] = (counts[how] or 0) + 1
			last = err
		end
		skynet.sleep(20)
		print("MEMORY", before, core.sched().allocated)
		print("DIVED", counts.ended or 0, counts.answer or 0, counts.start or 0, last)
	end)
end)
'''


def dive(kind, rounds, stack, coroutines=0, hogs=1):
    config = {'thread': 2, 'start': 'diver', 'kind': kind, 'rounds': rounds, 'stack': stack, 'slice': '50us',
              'coroutines': coroutines, 'hogs': hogs}
    return Box(config, {'diver': DIVER, 'deep': DEEP})


@case('gsub callbacks in each other', 'gsub', '1MB', 10, 0)
@case('the same with a small stack', 'gsub', '128KB', 40, 0)
@case('coroutines in each other', 'coroutines', '1MB', 2, 20000)
@case('the same with a small stack', 'coroutines', '128KB', 10, 2000)
def overflow(kind, stack, rounds, coroutines):
    with dive(kind, rounds, stack, coroutines) as box, Server(box) as server:
        found = server.wait_line(r'^DIVED\t(\d+)\t(\d+)\t(\d+)\t(.*)', timeout_s=90)
        counts = [int(found[i]) for i in (1, 2, 3)]
        check(counts == [rounds, 0, 0], f'ended, answered, failed to start: {counts}, the last said {found[4]}')
        said = server.find(r'^\[:([0-9a-f]{8})\] error: C stack overflow: the service deep has used up its C stack .*'
                           r' from \[ :0000[0-9a-f]{4} \] type 10 session \d+')
        check(len(said) == rounds + 1, f'{len(said)} lines of {rounds + 1}:\n{server.output()}')
        check(len({m[1] for m in said}) == rounds + 1, 'a service ended twice')
        memory = server.find(r'^MEMORY\t(\S+)\t(\S+)')[0]
        grown = float(memory[2]) - float(memory[1])
        check(grown < 4e6, f'{grown / 1e3:.0f} KB more after {rounds} ends')
        check(not server.find('crash: '), server.output())
        status = server.stop()
        check(status == 0, f'exit status {status}')


@case('coroutines that allocate end as an error', '512KB')
@case('the same with a small stack', '128KB')
def allocating(stack):
    with dive('wrapped', 3, stack, hogs=0) as box, Server(box) as server:
        found = server.wait_line(r'^DIVED\t(\d+)\t(\d+)\t(\d+)\t(.*)', timeout_s=60)
        check(found[2] == '3' and 'not enough memory' in found[4], found[0])
        check(server.stop() == 0, 'exit status')


@case('in the start function: newservice fails')
def in_start():
    with dive('start', 2, '256KB') as box, Server(box) as server:
        found = server.wait_line(r'^DIVED\t(\d+)\t(\d+)\t(\d+)\t(.*)', timeout_s=60)
        check(found[3] == '2', found[0])
        check(server.stop() == 0, 'exit status')


@case('foreign code on the stack: a crash')
def foreign():
    with dive('foreign', 1, '256KB') as box, Server(box) as server:
        text = expect_report(server, signal.SIGSEGV)
        check('in service deep' in text and 'chog.so+0x' in text, text)


@case('others go on while services end so')
def others():
    main = '''
local skynet = require "skynet"
skynet.start(function()
	local echo = skynet.newservice "echo"
	skynet.fork(function()
		while true do
			local deep = skynet.newservice "deep"
			pcall(skynet.call, deep, "lua", "gsub")
			print "ENDED"
		end
	end)
	for i = 1, 1e9 do
		assert(skynet.call(echo, "lua", i) == i)
		if i % 100 == 0 then
			print("ECHO " .. i)
		end
		skynet.sleep(0.1)
	end
end)
'''
    config = {'thread': 1, 'start': 'main', 'stack': '256KB', 'coroutines': 0, 'kind': ''}
    with Box(config, {'main': main, 'deep': DEEP}) as box, Server(box) as server:
        server.wait_line('^ENDED$', count=20, timeout_s=60)
        before = len(server.find('^ECHO'))
        server.wait_line('^ECHO', count=before + 3)
        check(server.stop() == 0, f'exit status; the output was:\n{server.output()}')


if __name__ == '__main__':
    sys.exit(run_cases())
