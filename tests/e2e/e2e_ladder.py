# SPDX-License-Identifier: MIT
"""The watchdog's ladder on a real process, with short times: what is done about a service that uses too much CPU in one
message, what its callers see, and that it comes back."""
import json
import re
import sys

from harness import Box, Server, case, check, run_cases

# What the services of these tests do when they are asked to.
VICTIM = '''
local skynet = require "skynet"
local command = {}
local function spin()
	local x = 0
	while true do x = x + 1 end -- line 6
end
function command.hello() return "hello" end
function command.spin() spin() end
function command.burn(ms)
	local until_ns = skynet.hpc() + ms * 1e6
	while skynet.hpc() < until_ns do end
end
function command.swallow()
	while true do pcall(spin) end
end
function command.nested()
	local inner = coroutine.wrap(function()
		while true do
			pcall(coroutine.wrap(spin))
		end
	end)
	while true do pcall(inner) end
end
function command.handler() -- the handler of an xpcall must not run
	xpcall(spin, function() while true do end end)
end
function command.in_handler()
	xpcall(error, function() string.rep("x", 2) while true do end end)
end
function command.at_the_end() return pcall(spin) end
local lock = require "skynet.queue" ()
function command.blocked(f)
	return skynet.blocking(f and spin or tostring, "came back")
end
function command.locked(f) return lock(f and spin or tostring, "unlocked") end
function command.others() -- tasks of the same message go on
	skynet.fork(spin)
	skynet.fork(function() command.left = "others ran" end)
end
function command.left_behind() return command.left end
skynet.start(function()
	skynet.dispatch("lua", function(_, _, name, ...)
		if name == "tail" then
			return pcall(spin)
		end
		skynet.retpack(command[name](...))
	end)
end)
'''

MAIN = '''
local skynet = require "skynet"
local sched = require "skynet.sched"
require "skynet.manager"
local function ask(addr, ...)
	return pcall(skynet.call, addr, "lua", ...)
end
skynet.start(function()
%s
	print "DONE"
end)
'''

TIMES = {'warn': '100ms', 'demote': '150ms', 'restore': '300ms', 'dump': '0s'}


def run(box, server, timeout_s=60):
    server.wait_line('^DONE$', timeout_s=timeout_s)
    status = server.stop()
    check(status == 0, f'exit status {status}; the output was:\n{server.output()}')


def ladder(script, services=None, watchdog=None, extra=None, **config):
    files = {'main': MAIN % script, **{name: VICTIM for name in (services or {})}, **(extra or {})}
    return Box({'thread': 1, 'start': 'main', 'watchdog': {**TIMES, **(watchdog or {})},
                'service': services or {}, **config}, files)


def has(server, pattern, times=1):
    found = server.find(pattern)
    check(len(found) == times, f'{len(found)} lines like {pattern}, not {times}:\n{server.output(80)}')
    return found[0] if found else None


@case('demoted, told, restored')
def demoted():
    script = '''
	local a = skynet.newservice "victim"
	local function is(what)
		local s = sched.get(a)
		print(what, s.demoted, s.class, s.weight, s.group)
	end
	sched.set(a, { weight = 300 })
	skynet.fork(function()
		print("BURNT", ask(a, "burn", 400))
	end)
	repeat skynet.sleep(1) until sched.get(a).demoted
	is "DEMOTED"
	sched.set(a, { weight = 70 })
	is "SET"
	repeat skynet.sleep(1) until not sched.get(a).demoted
	is "RESTORED"
	'''
    with ladder(script, {'victim': {'jit': False}}) as box, Server(box) as server:
        run(box, server)
        has(server, r'^DEMOTED\ttrue\tnormal\t300\tfalse$')
        has(server, r'^SET\ttrue\tnormal\t70\tfalse$')
        has(server, r'^RESTORED\tfalse\tnormal\t70\tfalse$')
        has(server, r'error: demote: service victim \[ :[0-9a-f]{8} \] has used [\d.]+ m?s of CPU in one message at '
                    r'.*victim\.lua:1[12]: demoted to class batch until it has behaved for 300 ms')
        has(server, r'\] restore: service victim \[ :[0-9a-f]{8} \]: it has behaved')
        has(server, r'is through: service victim, .* demoted at [\d.]+ m?s')
        lines = [line for line in server.lines if 'restore:' in line or 'is through' in line]
        check('is through' in lines[0], f'restored before its message was through: {lines}')


@case('a demoted member leaves its group, and comes back to what the group has then')
def grouped():
    script = '''
	local a, b = skynet.newservice "victim", skynet.newservice "victim"
	skynet.fork(ask, a, "burn", 300)
	repeat skynet.sleep(1) until sched.get(a).demoted
	print("GROUP", sched.get(a).group, sched.get(b).group, sched.get(b).weight)
	sched.set(b, { weight = 80 })
	repeat skynet.sleep(1) until not sched.get(a).demoted
	print("BACK", sched.get(a).group, sched.get(a).weight)
	'''
    with ladder(script, {'victim': {'jit': False, 'group': True, 'weight': 50}}) as box, Server(box) as server:
        run(box, server)
        has(server, r'^GROUP\ttrue\ttrue\t50$')
        has(server, r'^BACK\ttrue\t80$')


# Interpreted: a hook fires. The line is that of the loop, wherever the error was caught.
@case('an interrupted loop', 'spin')
@case('one that swallows it with pcall', 'swallow')
@case('one in nested coroutines', 'nested')
@case('one with a handler that would loop', 'handler')
@case('one in a pcall at the end of a function', 'at_the_end')
@case('one in a pcall at the end of the handler', 'tail')
def interrupted(how):
    script = f'''
	local a = skynet.newservice "victim"
	print("CALL", ask(a, "{how}"))
	print("NEXT", ask(a, "hello"))
	print("COUNT", sched.get(a).interrupts)
	'''
    limits = {'jit': False, 'watchdog': {'interrupt': '200ms'}}
    with ladder(script, {'victim': limits}) as box, Server(box) as server:
        server.wait_line('is through')
        run(box, server)
        has(server, r'^CALL\tfalse\tcall failed: \./victim\.lua:6: interrupted: used \d\.\d\d\d s of CPU in one message$')
        has(server, r'^NEXT\ttrue\thello$')
        has(server, r'^COUNT\t1$')
        has(server, r'error: interrupt: service victim .* at \./victim\.lua:6: an error is raised in its handler')
        has(server, r'lua call \[.* error : .*victim\.lua:6: interrupted: used')
        if how == 'tail':  # the loop is not on the stack of what reports it
            return
        at = next(i for i, line in enumerate(server.lines) if 'lua call' in line)
        check(server.lines[at + 1] == 'stack traceback:' and 'victim.lua:6: in function' in server.lines[at + 2],
              f'no traceback of the loop: {server.lines[at:at + 4]}')
        has(server, r'is through: service victim, .*, interrupted at [\d.]+ m?s \(\./victim\.lua:6\)$')


@case('other tasks of the message, and a start, and a main chunk')
def interrupted_elsewhere():
    script = '''
	local a = skynet.newservice "victim"
	print("CALL", ask(a, "others"))
	print("LEFT", ask(a, "left_behind"))
	print("LOCKED", ask(a, "locked", true))
	print("FREE", ask(a, "locked"))
	print("BLOCKED", ask(a, "blocked", true))
	print("UNBLOCKED", ask(a, "blocked"))
	print("CHUNK", pcall(skynet.newservice, "chunk"))
	print("START", pcall(skynet.newservice, "startloop"))
	'''
    limits = {'jit': False, 'watchdog': {'interrupt': '200ms'}}
    extra = {'chunk': 'local x = 0\nwhile true do x = x + 1 end\n',
             'startloop': 'local skynet = require "skynet"\nskynet.start(function()\n\twhile true do end\nend)\n'}
    services = {'victim': limits, 'chunk': limits, 'startloop': limits}
    with ladder(script, services, extra=extra) as box, Server(box) as server:
        run(box, server)
        has(server, r'^CALL\ttrue')
        has(server, r'^LEFT\ttrue\tothers ran$')
        has(server, r'^LOCKED\tfalse\tcall failed: \./victim\.lua:6: interrupted: used')
        has(server, r'^FREE\ttrue\tunlocked$')
        has(server, r'^BLOCKED\tfalse\tcall failed: \./victim\.lua:6: interrupted: used')
        has(server, r'^UNBLOCKED\ttrue\tcame back$')
        has(server, r'^CHUNK\tfalse\tcall failed: \./chunk\.lua:2: interrupted: used')
        has(server, r'lua loader error : \./chunk\.lua:2: interrupted: used')
        has(server, r'^START\tfalse\tcall failed: \./startloop\.lua:3: interrupted: used')
        has(server, r'init service failed: \./startloop\.lua:3: interrupted: used')


@case('where no hook fires it is a kill')
def stuck():
    script = '''
	local a, b = skynet.newservice "compiled", skynet.newservice "victim"
	print("COMPILED", ask(a, "spin"))
	print("GONE", ask(a, "hello"))
	print("HANDLER", ask(b, "in_handler"))
	'''
    limits = {'watchdog': {'interrupt': '200ms'}}
    services = {'compiled': limits, 'victim': limits}
    with ladder(script, services) as box, Server(box) as server:
        server.wait_line('^DONE$')
        server.wait_line(r'was cut off: service victim')
        run(box, server)
        has(server, r'^COMPILED\tfalse\tcall failed: the service has ended$')
        has(server, r'^GONE\tfalse\tcall to invalid address :')
        has(server, r'error: kill: service compiled .* at \./compiled\.lua:6: killed, since the interrupt did not come '
                    r'out within 100 ms of CPU: it is in a compiled loop: no hook fires there')
        has(server, r'was cut off: service compiled, .*, interrupted at \d+ ms, killed at \d+ ms: '
                    r'closed with its finalizers, after [\d.]+ m?s; \d\.\d\d M of memory given back')
        has(server, r'error: kill: service victim .*: it is in a (C function of the Lua library|compiled loop).*: no hook fires there')


@case('a kill tells all who wait')
def killed():
    script = '''
	local a = skynet.newservice "victim"
	skynet.name(".victim", a)
	local told = 0
	for i = 1, 5 do
		skynet.fork(function()
			local ok = ask(".victim", i == 1 and "swallow" or "hello")
			told = told + (ok and 0 or 1)
		end)
	end
	repeat skynet.sleep(1) until told == 5
	print("NAME", skynet.localname ".victim", core == nil)
	skynet.name(".victim", skynet.newservice "victim")
	print("AGAIN", ask(".victim", "hello"))
	print("OTHER", ask(skynet.newservice "trusted", "burn", 800))
	'''
    services = {'victim': {'jit': False, 'watchdog': {'kill': '200ms'}}, 'trusted': {}}
    with ladder(script, services) as box, Server(box) as server:
        run(box, server)
        has(server, r'^NAME\tnil\ttrue$')
        has(server, r'^AGAIN\ttrue\thello$')
        has(server, r'error: kill: service victim .* has used \d+ ms of CPU in one message at .*: killed$')
        has(server, r'was cut off: service victim, .* killed at \d+ ms: closed with its finalizers, after')
        # Nobody else is touched, however long it takes.
        has(server, r'^OTHER\ttrue$')
        has(server, r'error: (interrupt|kill): service trusted', times=0)


@case('the untrusted')
def untrusted():
    script = '''
	print("PLUGIN", ask(skynet.newservice "plugin", "swallow"))
	print("TRUSTED", ask(skynet.newservice "trusted", "burn", 600))
	'''
    services = {'plugin': {'jit': False, 'untrusted': True}, 'trusted': {}}
    with ladder(script, services, {'kill': '10s', 'untrusted_kill': '200ms'}) as box, Server(box) as server:
        run(box, server)
        has(server, r'^PLUGIN\tfalse\tcall failed: the service has ended$')
        has(server, r'^TRUSTED\ttrue$')
        has(server, r'error: kill: service plugin .* has used \d+ ms')
        check(any('watchdog.kill: applies only to services with untrusted = true' in line for line in server.errors),
              f'no warning about watchdog.kill: {server.errors}')


@case('C code is killed without its end, and its name is free')
def c_code():
    script = '''
	local a = skynet.newservice("hog_in_c")
	print("CALL", ask(a))
	print("GONE", sched.get(a) == nil)
	'''
    hog = '''
local skynet = require "skynet"
local chog = require "chog"
skynet.start(function()
	skynet.dispatch("lua", function()
		chog.spin_ms(1000)
	end)
end)
'''
    services = {'hog_in_c': {'watchdog': {'interrupt': '200ms'}}}
    with ladder(script, services, extra={'hog_in_c': hog}) as box, Server(box) as server:
        server.wait_line('^DONE$')
        server.wait_line(r'was cut off: service hog_in_c, .* killed at')
        run(box, server)
        has(server, r'^CALL\tfalse\tcall failed: the service has ended$')
        has(server, r'^GONE\ttrue$')
        has(server, r'error: kill: service hog_in_c .*: it is in C code: no hook fires there')


@case('a reload gives a service that runs other limits')
def reloaded():
    script = '''
	local a = skynet.newservice "victim"
	local told
	skynet.fork(function() told = ask(a, "spin") end)
	skynet.sleep(30)
	print("ALIVE", told == nil)
	local file = io.open("config", "a")
	file:write('service = { victim = { watchdog = { kill = "100ms" } } }')
	file:close()
	print("RELOADED", sched.reload())
	repeat skynet.sleep(1) until told == false
	'''
    with ladder(script, {'victim': {}}) as box, Server(box) as server:
        run(box, server)
        has(server, r'^ALIVE\ttrue$')
        has(server, r'^RELOADED\t1\t')
        has(server, r'error: kill: service victim')


@case('restarted, with its name, until its policy says no')
def restarted():
    script = '''
	local a = skynet.newservice("victim", "one", "two")
	skynet.name(".victim", a)
	local function back()
		for _ = 1, 60 do
			local ok, answer = ask(".victim", "hello")
			if ok then
				return answer
			end
			skynet.sleep(1)
		end
	end
	for i = 1, 2 do
		ask(".victim", "spin")
		print("BACK", i, back())
	end
	for _, s in ipairs(sched.list()) do
		if s.name == "victim" then
			print("RESTARTS", s.restarts)
		end
	end
	print("LISTED", skynet.call(".launcher", "lua", "LIST")[skynet.address(skynet.localname ".victim")])
	ask(".victim", "spin")
	print("BACK", 3, back())
	'''
    services = {'victim': {'watchdog': {'kill': '200ms'}, 'restart': {'max': 2, 'within': '60s', 'backoff': '20ms'}}}
    with ladder(script, services) as box, Server(box) as server:
        run(box, server)
        has(server, r'^BACK\t1\thello$')
        has(server, r'^BACK\t2\thello$')
        has(server, r'^BACK\t3$')
        has(server, r'^RESTARTS\t2$')
        has(server, r'^LISTED\tsnlua victim one two$')
        has(server, r'LAUNCH snlua victim one two$', times=3)
        has(server, r'error: restart: service victim .*: it was killed by the watchdog; it is started again in 0\.02 s '
                    r'\(1 of 2 within 60 s\)')
        has(server, r'it is started again in 0\.04 s \(2 of 2 within 60 s\)')
        has(server, r'\] restart: service victim .*: runs again, in the place of :', times=2)
        has(server, r'error: restart: service victim .*: not restarted any more: 2 restarts within 60 s')


@case('the end of the process comes before a restart')
def restart_at_the_end():
    script = '''
	print("CALL", ask(skynet.newservice "victim", "spin"))
	'''
    services = {'victim': {'watchdog': {'kill': '200ms'}, 'restart': {'backoff': '1m'}}}
    with ladder(script, services) as box, Server(box) as server:
        server.wait_line(r'it is started again in 60 s \(1 of 3 within 60 s\)')
        run(box, server)
        has(server, r'LAUNCH snlua victim$')


@case('a start that fails uses the policy up')
def restart_fails():
    script = '''
	local a = skynet.uniqueservice "once"
	print("CALL", ask(a, "spin"))
	repeat skynet.sleep(0) until skynet.call(".service", "lua", "LIST").once == "launching"
	print("ASKED", pcall(skynet.uniqueservice, "once"))
	'''
    once = VICTIM.replace('skynet.start(', 'local file = io.open("lived", "r")\nif file then error "no second life" end\n'
                          'io.open("lived", "w"):close()\nskynet.start(')
    services = {'once': {'watchdog': {'kill': '200ms'}, 'restart': {'max': 2, 'within': '60s', 'backoff': '20ms'}}}
    with ladder(script, services, extra={'once': once}) as box, Server(box) as server:
        run(box, server)
        has(server, r'its start failed: .*no second life; it is started again in 0\.04 s \(2 of 2')
        has(server, r'not restarted any more: 2 restarts within 60 s \(its start failed: ')
        # Whoever asked for it meanwhile has waited, and is told.
        has(server, r'^ASKED\tfalse\t.*service once was killed by the watchdog')


@case('by hand')
def by_hand():
    script = '''
	local a = skynet.newservice "victim"
	local told = 0
	local function busy(name)
		skynet.fork(function()
			print("CALL", name, ask(a, name))
			told = told + 1
		end)
		skynet.sleep(2)
	end
	busy "swallow"
	print("INTERRUPT", sched.interrupt(a))
	repeat skynet.sleep(1) until sched.get(a).interrupts == 1
	print("NEXT", ask(a, "hello"))
	busy "swallow"
	print("KILL", sched.kill(a))
	print("AFTER", ask(a, "hello"))
	repeat skynet.sleep(1) until told == 2
	'''
    services = {'victim': {'jit': False, 'restart': {'max': 3}}}
    with ladder(script, services, {'warn': '1h', 'demote': '0s'}) as box, Server(box) as server:
        run(box, server)
        has(server, r'^INTERRUPT\ttrue$')
        has(server, r'^CALL\tswallow\tfalse\tcall failed: \./victim\.lua:6: interrupted by :[0-9a-f]{8}$')
        has(server, r'error: interrupt: service victim .* by hand of :[0-9a-f]{8}$')
        has(server, r'^NEXT\ttrue\thello$')
        has(server, r'^KILL\ttrue$')
        has(server, r'^CALL\tswallow\tfalse\tcall failed: the service has ended$')
        has(server, r'^AFTER\tfalse\tcall to invalid address')
        has(server, r'is through: service victim, .* interrupted at \d+ ms \(\./victim\.lua:6\)$')
        has(server, r'restart: ', times=0)


@case('one dump for many hogs, and lines for programs')
def dumped():
    script = '''
	local hogs = {}
	for i = 1, 3 do
		hogs[i] = skynet.newservice "victim"
		skynet.fork(ask, hogs[i], "spin")
	end
	repeat
		skynet.sleep(2)
		local left = 0
		for _, hog in ipairs(hogs) do
			left = left + (sched.get(hog) and 1 or 0)
		end
	until left == 0
	skynet.sleep(60)
	'''
    services = {'victim': {'watchdog': {'dump': '150ms', 'kill': '200ms'}}}
    with ladder(script, services, log_format='json') as box, Server(box) as server:
        run(box, server)
        actions = [json.loads(line) for line in server.lines if line.startswith('{') and '"action"' in line]
        kinds = [a['action'] for a in actions]
        check(kinds.count('dump') == 1 and kinds.count('kill') == 3, f'actions: {kinds}')
        kill = next(a for a in actions if a['action'] == 'kill')
        check(kill['service'] == 'victim' and kill['cpu_ms'] >= 200 and re.search(r'victim\.lua:6$', kill['place']),
              f'kill: {kill}')
        has(server, r'dump: end$')
        closed = [json.loads(line) for line in server.lines if '"state":"over"' in line and '"end":' in line]
        check(len(closed) == 3 and all(c['end'].startswith('closed') and c['freed_bytes'] > 0 for c in closed),
              f'closing lines: {closed}')


if __name__ == '__main__':
    sys.exit(run_cases())
