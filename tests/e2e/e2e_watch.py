# SPDX-License-Identifier: MIT
"""The watchdog's rules on a real process: what it says, in which format, where it goes when the log cannot be
written, and that a process that was stopped blames nobody."""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

from harness import PATIENCE_S, Box, Server, case, check, run_cases

ALERT = r'(starved|slot|blocked|stuck_in_c|mailbox|mailbox_age|tasks|memory|errors|timer_late|loop_late): |endless loop'

HOG = '''
local skynet = require "skynet"
skynet.start(function()
	skynet.fork(function()
		while true do end
	end)
end)
'''

# Ten light services, four that work a third of their time each, and a hog: more than two workers can do.
HEALTHY = '''
local skynet = require "skynet"
local kind = ...
local function work(ms)
	local until_ns = skynet.hpc() + ms * 1e6
	local x = 0
	repeat
		for i = 1, 1000 do
			x = x + i % 7
		end
	until skynet.hpc() >= until_ns
end
if kind then
	skynet.start(function()
		skynet.fork(function()
			while true do
				skynet.sleep(1)
				if kind == "busy" then
					work(5)
				end
			end
		end)
	end)
else
	skynet.start(function()
		for i = 1, 14 do
			skynet.newservice("main", i <= 10 and "light" or "busy")
		end
		skynet.newservice "loop"
		print "READY"
		skynet.timeout(1150, function()
			print "GROWN UP"
		end)
	end)
end
'''

TROUBLE = '''
local skynet = require "skynet"
local kind = ...
if kind == "deaf" then
	skynet.start(function()
		skynet.dispatch("lua", function()
			while true do end
		end)
	end)
elseif kind == "errors" then
	skynet.start(function()
		skynet.fork(function()
			while true do
				for _ = 1, 5 do
					skynet.timeout(0, function()
						error("on purpose", 0)
					end)
				end
				skynet.sleep(1)
			end
		end)
	end)
elseif kind == "tasks" then
	skynet.start(function()
		for _ = 1, 500 do
			skynet.fork(function()
				skynet.wait({})
			end)
		end
	end)
else
	skynet.start(function()
		local deaf = skynet.newservice("main", "deaf")
		for _ = 1, 2000 do
			skynet.send(deaf, "lua")
		end
		skynet.newservice("main", "errors")
		skynet.newservice("main", "tasks")
		local keep = {}
		for i = 1, 40 do
			keep[i] = string.rep("x", 1024 * 1024 - 100 + i)
		end
		print "READY"
		skynet.dispatch("lua", function()
			return keep
		end)
	end)
end
'''


@case('trouble of all kinds is named')
def trouble():
    config = {'thread': 2, 'start': 'main', 'watchdog': {'tasks': 300, 'warn': '1h'}}
    with Box(config, {'main': TROUBLE}) as box, Server(box) as server:
        server.wait_line('^READY$')
        server.wait_line(r'^\[:00000000\] error: mailbox: service main \[ :[0-9a-f]{8} \] '
                         r'May overload, message queue length = \d+')
        server.wait_line(r'^\[:00000000\] error: errors: service main .* messages a second that end in an error \(limit 100\)')
        server.wait_line(r'^\[:00000000\] error: tasks: service main .* has \d+ suspended tasks \(limit 300\)')
        warned = server.wait_line(r'^\[:([0-9a-f]{8})\] Memory warning (\d+\.\d\d) M$')
        check(float(warned[2]) >= 32, f'warned at {warned[2]} M')
        check(warned[1] != '00000000', 'the warning is not the service\'s own')
        check(len(server.find('Memory warning')) == 1, 'warned twice of the same memory')


EVIDENCE = '''
local skynet = require "skynet"
local kind = ...
if kind == "victim" then
	skynet.start(function()
		skynet.dispatch("lua", function(_, _, command)
			if command == "attack" then
				while true do end
			end
			local x = 0
			while true do
				for i = 1, 3e5 do
					x = x + i % 7
				end
				for i = 1, 3e5 do
					x = x + i % 3
				end
				for i = 1, 3e5 do
					x = x + i % 5
				end
			end
		end)
	end)
else
	skynet.start(function()
		for _, command in ipairs { "attack", "work" } do
			skynet.send(skynet.newservice("main", "victim"), "lua", command)
		end
	end)
end
'''


@case('an alert tells of the message, the looks and the others')
def evidence():
    config = {'thread': 1, 'start': 'main', 'watchdog': {'warn': '500ms'}}
    with Box(config, {'main': EVIDENCE}) as box, Server(box) as server:
        line = server.wait_line(r'maybe in an endless loop .*first argument "attack"').string
        check(', sent by main, ' in line, line)
        # An alert waits 50 ms for its looks; a host that stalls then leaves it one, which says nothing. The next one has more.
        server.wait_line(r'main\.lua:8 .*first argument "attack", (\d) of \1 looks at this place,')
        server.wait_line(r'first argument "attack".*CPU lately: main \d+\.\d %.*, waiting: main \d+ us')
        # Its looks are at whichever of its loops it is in: all three at one is chance, each time one in nine.
        server.wait_line(r'first argument "work".*\(so it gets on\)', timeout_s=90)


def fields_of(line):
    """A line of logfmt."""
    pairs = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))(?: |$)', line)
    return {key: quoted or plain for key, quoted, plain in pairs}


IN_C = '''
local skynet = require "skynet"
local chog = require "chog"
local kind = ...
local does = {}

function does.c_spin()
	chog.spin() -- HERE c_spin
end

function does.c_sort()
	chog.sort() -- HERE c_sort
end

function does.find()
	string.find(("a"):rep(400), ".-.-.-.-.-.-b") -- HERE find
end

-- No alert about lateness before a service is ten seconds old.
function does.nap()
	skynet.sleep(1050)
	chog.sleep_ms(120000) -- HERE nap
end

function does.read()
	skynet.sleep(1050)
	local pipe = io.popen "sleep 120 & echo $!; wait"
	print("SLEEP", (pipe:read "*l"))
	pipe:read "*a" -- HERE read
end

skynet.start(function()
	if does[kind] then
		skynet.fork(does[kind])
		return
	end
	for name in skynet.getenv "kinds":gmatch "%w[%w_]*" do
		skynet.newservice("main", name)
	end
	-- Somebody else wants the worker.
	skynet.fork(function()
		while true do
			skynet.sleep(2)
		end
	end)
end)
'''

FORMATS = {'skynet': None, 'json': json.loads, 'logfmt': fields_of}


def in_c(name, kinds):
    return Box({'thread': 1, 'start': 'main', 'kinds': kinds, 'log_format': name,
                'watchdog': {'warn': '300ms', 'stuck': '300ms'}}, {'main': IN_C})


def evidence_in(server, name, pattern, timeout_s=PATIENCE_S):
    """Of the first alert in which the pattern is found: its fields place, syscall and frames (a list), or what stands for them in
    the text."""
    if name != 'skynet':
        line = server.wait_line(pattern, timeout_s=timeout_s).string
        fields = FORMATS[name](line)
        return {**fields, 'frames': fields.get('frames', '').replace('\\n', '\n').replace('\\t', '\t').split('\n')}

    def block():
        for at, line in enumerate(server.lines):
            if not re.search(pattern, line):
                continue
            rest = server.lines[at + 1:]
            size = next((n for n, l in enumerate(rest) if l.startswith('[:')), None)
            return None if size is None else (line, rest[:size])
    line, rest = server.wait_until(f'no line like {pattern} with another behind it', block, timeout_s)
    frames = rest[rest.index('native frames:') + 1:] if 'native frames:' in rest else []
    call = re.search(r'(?:in the system call|limit [^)]*\), in) (\w+\(.*?\.\.\.\))', line)
    place = re.search(r': service \w+ at (\S+:\d+) \(', line)
    return {'frames': frames, 'syscall': call and call[1], 'place': place and place[1]}


def line_of(kind):
    return next(i for i, line in enumerate(IN_C.split('\n'), 1) if f'HERE {kind}' in line)


def expect_frames(found, *patterns):
    """One frame for each pattern, in this order, others between them."""
    at = 0
    for pattern in patterns:
        at = next((n + 1 for n, frame in enumerate(found['frames'][at:], at) if re.search(pattern, frame)), None)
        check(at, f'no frame like {pattern} in its place: {found}')


VM_FRAME = r'^\tlibluajit\S*\+0x'


@case('C code that computes: the frames name the function', 'c_spin', [r'^\tchog_spin\+0x\w+ \(chog\.so\+0x', VM_FRAME])
@case('C code in libc: the frames name both', 'c_sort',
      [r'^\tless\+', r'^\tqsort\w*\+0x\w+ \(libc\S*\+0x', r'^\tchog_sort\+', VM_FRAME])
@case('a pattern that never ends: the frames are the library\'s', 'find', [VM_FRAME, VM_FRAME])
def computes(kind, frames):
    for name in FORMATS:
        check(any(tells_frames(name, kind, frames) for _ in range(3)), f'{name}: thrice an alert without frames')


def tells_frames(name, kind, frames):
    """False: the thread, slowed down beside others, had no core between two looks in which to tell where it is."""
    with in_c(name, kind) as box, Server(box) as server:
        found = evidence_in(server, name, r'^(?!.*not met: ).*maybe in an endless loop')
        expect_frames(found, *frames)
        check((found['place'] or '').endswith(f'main.lua:{line_of(kind)}'), f'{name}: {found}')
        if kind == 'c_sort':
            stuck = evidence_in(server, name, 'stuck_in_c')
            if not any(stuck['frames']):
                return False
            expect_frames(stuck, *frames)
    return True


# A rule that goes by the clock counts from the last time in which the machine was taken from us, which on a busy one comes every
# few seconds: there the alert takes as many tries.
UNDISTURBED_S = 50 + PATIENCE_S


@case('C code that sleeps: the alert names the system call')
def sleeps():
    expected = {'nap': (r'^(clock_)?nanosleep\(\.\.\.\)$', [r'nanosleep\+0x\w+ \(libc', r'^\tchog_sleep_ms\+0x\w+ \(chog\.so\+0x']),
                'read': (r'^read\(\d+<pipe:\[\d+\]>, \.\.\.\)$', [r'^\tread\+0x\w+ \(libc', VM_FRAME])}
    with contextlib.ExitStack() as stack:
        boxes = [(name, kind, stack.enter_context(in_c(name, kind))) for name in FORMATS for kind in expected]
        servers = [(name, kind, stack.enter_context(Server(box))) for name, kind, box in boxes]
        try:
            for name, kind, server in servers:
                call, frames = expected[kind]
                found = evidence_in(server, name, 'blocked(: |["\\s,])', UNDISTURBED_S)
                check(re.search(call, found['syscall'] or ''), f'{name} {kind}: {found}')
                expect_frames(found, *frames)
        finally:
            # They hold the server's stdout.
            for _, _, server in servers:
                for sleeper in server.find(r'SLEEP\s+(\d+)'):
                    os.kill(int(sleeper[1]), signal.SIGKILL)


COLLECTING = '''
local skynet = require "skynet"
local kind = ...
if kind == "wasteful" then
	skynet.start(function()
		local keep = {}
		for i = 1, 300000 do
			keep[i] = { i }
		end
		collectgarbage("setpause", 100)
		skynet.fork(function()
			while true do
				for i = 1, 10000 do
					keep[i] = { i }
				end
			end
		end)
	end)
elseif kind == "thrifty" then
	skynet.start(function()
		skynet.fork(function()
			local sum, text = 0, ("a"):rep(1000)
			while true do
				for i = 1, 1000000 do
					sum = sum + i % 7
				end
				string.find(text, ".-.-b")
			end
		end)
	end)
else
	skynet.start(function()
		skynet.newservice("main", "thrifty")
		skynet.newservice("main", "wasteful")
		skynet.newservice("main", "thrifty")
	end)
end
'''


@case('a service that mostly collects its garbage')
def collecting():
    config = {'thread': 2, 'start': 'main', 'watchdog': {'warn': '1h', 'gc': '50ms'}}
    with Box(config, {'main': COLLECTING}) as box, Server(box) as server:
        launched = server.wait_line(r'^\[:([0-9a-f]{8})\] LAUNCH snlua main wasteful')[1]
        server.wait_line(rf'error: gc: service main \[ :{launched} \] spends \d+ ms of each second in its garbage '
                         r'collector \(limit 50 ms\)', timeout_s=60)
        check(len(server.find('error: gc: ')) == 1, f'another one too:\n{server.output()}')


def attach_debugger(server, seconds):
    """gdb stops the process for so long. False: there is no gdb, or it may not."""
    command = ['gdb', '-batch', '-nx', '-p', str(server.pid), '-ex', f'shell sleep {seconds}', '-ex', 'detach']
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        return False
    return 'detached' in done.stdout.lower()


@case('a healthy process blames nobody, nor does one that was stopped or debugged')
def healthy():
    config = {'thread': 2, 'start': 'main', 'watchdog': {'warn': '1h', 'demote': '0s', 'dump': '0s'}}
    with Box(config, {'main': HEALTHY, 'loop': HOG}) as box, Server(box) as server:
        # No service is in its first seconds any more: nothing else could keep the alerts back.
        server.wait_line('^GROWN UP$', timeout_s=60)
        time.sleep(3)
        for _ in range(2):
            server.signal(signal.SIGSTOP)
            time.sleep(1.0)
            server.signal(signal.SIGCONT)
            time.sleep(1.5)
        debugged = attach_debugger(server, 1)
        time.sleep(1.5)
        print(f'# with gdb: {debugged}', flush=True)
        said = server.find(ALERT)
        check(not said, f'an alert: {[match.string[:200] for match in said]}')
        check(server.stop() == 0, server.output())


@case('alerts as JSON', 'json', json.loads)
@case('alerts as logfmt', 'logfmt', fields_of)
def formats(name, parse):
    config = {'thread': 1, 'start': 'main', 'log_format': name, 'watchdog': {'warn': '100ms'}}
    with Box(config, {'main': HOG}) as box, Server(box) as server:
        line = server.wait_line('long_message').string
        fields = parse(line)
        check(fields['alert'] == 'long_message' and fields['state'] == 'begins', line)
        check(fields['service'] == 'main' and re.search(r'main\.lua:5$', fields['place']), line)
        check(int(fields['cpu_ms']) >= 100, line)
        check(re.fullmatch(r'A message from \[ :[0-9a-f]{8} \] to \[ :[0-9a-f]{8} \] maybe in an '
                           r'endless loop \(version = \d+\)', fields['msg']), line)
        check(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z', fields['ts']), line)
        again = parse(server.wait_line('long_message', count=2).string)
        check(again['state'] == 'lasts' and again['version'] == fields['version'], str(again))


STUCK = '''
local skynet = require "skynet"
local number = ...
skynet.start(function()
	if number == nil then
		for i = 1, 4 do
			skynet.newservice("main", i)
		end
		return
	end
	skynet.timeout(20, function()
		local file = io.open("began." .. skynet.self(), "w")
		file:write(string.format("%.0f", skynet.hpc()))
		file:close()
		while true do end
	end)
end)
'''
WARN_MS = 500


def first_alerts(box, count):
    """(line, monotonic time when it was seen in the file) of the first alert of so many services"""
    seen, deadline = {}, time.monotonic() + 60
    with open(box.write('log', ''), encoding='utf-8', errors='replace') as log:
        while len(seen) < count and time.monotonic() < deadline:
            line = log.readline()
            if not line:
                time.sleep(0.001)
            elif 'alert=long_message' in line and 'state=begins' in line:
                seen.setdefault(fields_of(line)['address'], (fields_of(line), time.monotonic()))
    return seen


# The first figure counts as CPU what the machine took away before the first look; the last look has put it right.
@case('with all workers stuck an alert comes in time and is on disk at once')
def stuck():
    config = {'thread': 2, 'start': 'main', 'logger': 'log', 'log_format': 'logfmt',
              'watchdog': {'warn': f'{WARN_MS}ms'}}
    with Box(config, {'main': STUCK}) as box, Server(box):
        seen = first_alerts(box, 4)
        check(len(seen) == 4, f'alerts of {len(seen)} hogs only:\n{box.read("log")}')
        for address, (fields, at) in seen.items():
            handle = int(address.strip(':[] '), 16)
            began = int(box.read(f'began.{handle}')) / 1e6
            cpu, wall = int(fields['cpu_ms']), int(fields['wall_ms'])
            to_disk = at * 1e3 - began - wall
            print(f'# {address}: {cpu} ms of CPU at the last look for {WARN_MS}, on disk {to_disk:.0f} ms after '
                  f'that look, {to_disk + cpu - WARN_MS:.0f} ms after the threshold', flush=True)
            check(WARN_MS * 0.8 <= cpu <= WARN_MS * 1.2, f'noticed at {cpu} ms of CPU: {fields}')
            check(to_disk < 250, f'on disk {to_disk} ms late: {fields}')


@case('an alert with the log disk full comes on stderr')
def full():
    config = {'thread': 1, 'start': 'main', 'logger': '/dev/full', 'watchdog': {'warn': '100ms'}}
    with Box(config, {'main': HOG}) as box, Server(box) as server:
        pattern = re.compile(r'error: A message from .* maybe in an endless loop .*main\.lua:5 ')
        server.wait_until('no alert on stderr',
                          lambda: [line for line in server.errors if pattern.search(line)])


if __name__ == '__main__':
    sys.exit(run_cases())
