# SPDX-License-Identifier: MIT
"""Machine code: its limit per service in the config, what is shown of it, and what happens when the room that all
services share is short."""
import contextlib
import re
import resource
import sys

from harness import PATIENCE_S, Box, Server, case, check, run_cases

# Services that compile as much as they are told to, and tell their figures.
WORKER = '''
local skynet = require "skynet"
local sched = require "skynet.sched"

local command = {}

function command.compile(count)
	local sum = 0
	for k = 1, count do
		local f = loadstring("local x = ... for i = 1, 200 do x = x + i * " .. k ..
			" if x % 7 == 3 then x = x - 1 end end return x")
		sum = sum + f(1)
	end
	return sum
end

function command.figures()
	local t = sched.get(skynet.self())
	assert((jit.status()) == (t.jit == "on"), "it says what is not so")
	return t.jit, t.mcode, t.mcode_flushes
end

skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		skynet.ret(skynet.pack(command[name](...)))
	end)
end)
'''

# Takes every gap within reach of the Lua library; gives all back.
FILL = '''
local ffi = require "ffi"
ffi.cdef [[
void *mmap(void *at, size_t bytes, int protection, int flags, int file, long offset);
int munmap(void *at, size_t bytes);
]]
local REACH, NONE, FLAGS = 2 ^ 30 + 2 ^ 24, 0, 0x2 + 0x20 + 0x4000 + 0x100000
local taken = {}

local function maps()
	local list, library = {}, nil
	for line in io.lines("/proc/self/maps") do
		local from, to, name = line:match("^(%x+)-(%x+) .-%s(%S*)$")
		from, to = tonumber(from, 16), tonumber(to, 16)
		list[#list + 1] = { from = from, to = to }
		if name:find("libluajit", 1, true) then
			library = library or from
		end
	end
	return list, library
end

local function take(from, to)
	local at = ffi.C.mmap(ffi.cast("void *", from), to - from, NONE, FLAGS, -1, 0)
	if tonumber(ffi.cast("intptr_t", at)) == from then
		taken[#taken + 1] = { from, to - from }
		return true
	end
end

-- Again until no gap is left: others map memory meanwhile.
local function fill()
	for _ = 1, 20 do
		local list, library = maps()
		local gaps, low, high = 0, library - REACH, library + REACH
		for i = 1, #list - 1 do
			local from, to = math.max(list[i].to, low), math.min(list[i + 1].from, high)
			if from < to and take(from, to) then
				gaps = gaps + 1
			end
		end
		if gaps == 0 then
			break
		end
	end
end

local function give_back()
	for _, t in ipairs(taken) do
		ffi.C.munmap(ffi.cast("void *", t[1]), t[2])
	end
end
'''


@contextlib.contextmanager
def without_reserve():
    """A process whose address space is limited does not take the room for itself at the start."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 46, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def config(**more):
    return {'thread': 2, 'start': 'main', 'harbor': 0, 'luaservice': './?.lua', **more}


def main_of(body, before=''):
    return f'''
local skynet = require "skynet"
require "skynet.manager"
local core = require "skynet.core"
{before}
local function show(what, addr)
	skynet.error(what, skynet.call(addr, "lua", "figures"))
end
skynet.start(function()
{body}
	skynet.abort()
end)
'''


def run(body, settings, names, before=''):
    """The log of a process whose main service does `body`; `names` are the other services."""
    services = {name: WORKER for name in names}
    services['main'] = main_of(body, before)
    with Box(config(**settings), services) as box, Server(box) as server:
        status = server.wait_exit(2 * PATIENCE_S)
        check(status == 0, f'exit status {status}; the output was:\n{server.output()}')
        return server.lines


def shown(lines, what):
    """jit, mcode, mcode_flushes as `show` has written them."""
    for line in lines:
        m = re.search(rf'\] {what} (\S+) (\d+) (\d+)$', line)
        if m:
            return m[1], int(m[2]), int(m[3])
    check(False, f'"{what}" was not shown:\n' + '\n'.join(lines))


def count(lines, text):
    return sum(text in line for line in lines)


@case('maxmcode: kept, and said once for each service')
def limit():
    body = '''
	for _, name in ipairs {"small", "plain", "off"} do
		local addr = skynet.newservice(name)
		show("new_" .. name, addr)
		skynet.call(addr, "lua", "compile", 5)
		show("few_" .. name, addr)
		skynet.call(addr, "lua", "compile", 400)
		skynet.call(addr, "lua", "compile", 400)
		show(name, addr)
	end
	local all = core.sched()
	skynet.error("totals", all.mcode, all.mcode_areas, all.mcode_failures)
'''
    rules = {'small': {'maxmcode': '48KB'}, 'off': {'jit': False}}
    lines = run(body, {'maxmcode': '1MB', 'service': rules}, ['small', 'plain', 'off'])
    for name in ('small', 'plain'):
        check(shown(lines, f'new_{name}') == ('on', 0, 0), f'{name} has code before it ran')
        state, used, flushes = shown(lines, f'few_{name}')
        check(state == 'on' and used == 16 << 10 and flushes == 0,
              f'{name} does not start small: {state} {used} {flushes}')
    state, used, flushes = shown(lines, 'small')
    check(state == 'on' and 0 < used <= 48 << 10 and flushes > 2, f'small: {state} {used} {flushes}')
    state, plain, flushes = shown(lines, 'plain')
    check(state == 'on' and 48 << 10 < plain <= 1 << 20 and flushes == 0,
          f'plain: {state} {plain} {flushes}')
    check(shown(lines, 'off') == ('off', 0, 0), 'a service with jit = false has compiled')
    check(count(lines, 'small has used up its maxmcode (48KB)') == 1, 'not said, or too often')
    check(count(lines, 'has used up its maxmcode') == 1, 'said of a service that has not')
    check(count(lines, 'the room for machine code is short') == 0, 'its own limit taken for the room')
    total, areas, failures = shown(lines, 'totals')
    check(int(total) >= used + plain and areas >= 3 and failures == 0, f'totals: {total} {areas}')


@case('a service that lowers its limit by itself is not taken for a shortage')
def own_limit():
    body = '''
	local addr = skynet.newservice("small")
	skynet.call(addr, "lua", "compile", 800)
	show("small", addr)
'''
    worker = WORKER.replace('local command = {}', 'jit.opt.start("maxmcode=64")\nlocal command = {}')
    with Box(config(), {'main': main_of(body), 'small': worker}) as box, Server(box) as server:
        check(server.wait_exit(2 * PATIENCE_S) == 0, server.output())
        state, used, flushes = shown(server.lines, 'small')
        check(state == 'on' and used <= 64 << 10 and flushes > 0, f'{state} {used} {flushes}')
        check(count(server.lines, 'machine code') == 0, server.output())


@case('maxmcode: checked')
def checked():
    for text, fault in [
            ('maxmcode = "4KB"', 'config:1: maxmcode: 4KB is out of range (allowed 16KB..64MB)'),
            ('maxmcode = true', 'config:1: maxmcode: true is not a size'),
            ('service = { a = { maxmcode = "1GB" } }',
             'config:1: service.a.maxmcode: 1GB is out of range (allowed 16KB..64MB)')]:
        with Box(text) as box, Server(box) as server:
            check(server.wait_exit(PATIENCE_S) == 78, f'{text} was taken')
            check(fault in '\n'.join(server.errors), '\n'.join(server.errors))


@case('whatever else is mapped near the library, the room that was taken at the start is there')
def reserve():
    body = '''
	fill()
	local addr = skynet.newservice("late")
	skynet.call(addr, "lua", "compile", 300)
	show("late", addr)
	skynet.error("totals", "x", core.sched().mcode_failures, 0)
'''
    lines = run(body, {}, ['late'], FILL)
    state, used, flushes = shown(lines, 'late')
    check(state == 'on' and used > 64 << 10 and flushes == 0, f'{state} {used} {flushes}')
    check(shown(lines, 'totals')[1] == 0, 'areas found no place')


@case('no room: said once, each service once, and back when there is room again')
def shortage():
    body = '''
	local early, late, later = skynet.newservice("early"), skynet.newservice("late"), nil
	skynet.call(early, "lua", "compile", 5)
	fill()
	local r = skynet.call(late, "lua", "compile", 300)
	show("late", late)
	later = skynet.newservice("later")
	assert(r == skynet.call(later, "lua", "compile", 300))
	show("later", later)
	skynet.call(early, "lua", "compile", 600)
	show("early", early)
	local failures = core.sched().mcode_failures
	for i = 1, 20 do
		skynet.call(late, "lua", "compile", 50)
		skynet.call(later, "lua", "compile", 50)
	end
	skynet.error("failures", "x", failures, core.sched().mcode_failures - failures)
	-- Errors go on being errors.
	for i = 1, 100 do
		assert(not pcall(error, "x"))
	end
	give_back()
	repeat
		skynet.sleep(10)
	until skynet.call(late, "lua", "figures") == "on"
	skynet.call(late, "lua", "compile", 5)
	show("again", late)
	local new = skynet.newservice("new")
	skynet.call(new, "lua", "compile", 5)
	show("new", new)
	-- And short again.
	failures = core.sched().mcode_failures
	fill()
	for i = 1, 4 do
		skynet.call(skynet.newservice("late"), "lua", "compile", 20)
	end
	skynet.error("second", "x", core.sched().mcode_failures - failures, 0)
'''
    with without_reserve():
        lines = run(body, {}, ['early', 'late', 'later', 'new'], FILL)
    check(count(lines, 'the room for machine code is short: ') == 1, '\n'.join(lines))
    line = next(x for x in lines if 'the room for machine code is short: ' in x)
    check('services started from now on may run interpreted; lower maxmcode or set jit = false' in line, line)
    check(shown(lines, 'late') == ('short', 0, 0), f"late: {shown(lines, 'late')}")
    check(shown(lines, 'later') == ('short', 0, 0), f"later: {shown(lines, 'later')}")
    check(1 <= count(lines, 'late runs interpreted: there is no room') <= 3, '\n'.join(lines))
    # It has the area from before; what no longer fits there is dropped, and it ends like the others.
    state, used, flushes = shown(lines, 'early')
    check(used <= 16 << 10, f'early: {state} {used} {flushes}')
    before, more = shown(lines, 'failures')[1:]
    check(1 <= before <= 6 and more == 0, f'{before} failures, and {more} more after that')
    check(shown(lines, 'second')[1] >= 1, 'the room was not short a second time')
    for name in ('again', 'new'):
        state, used, _ = shown(lines, name)
        check(state == 'on' and used > 0, f'{name}: {state} {used}')


if __name__ == '__main__':
    sys.exit(run_cases())
