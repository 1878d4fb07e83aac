# SPDX-License-Identifier: MIT
"""The watchdog's rules on a real process: what it says, in which format, where it goes when the log cannot be
written, and that a process that was stopped blames nobody."""
import json
import re
import signal
import sys
import time

from harness import Box, Server, case, check, run_cases

LATENESS = r'(starved|slot|blocked|mailbox_age|timer_late|loop_late): '

HOG = '''
local skynet = require "skynet"
skynet.start(function()
	skynet.fork(function()
		while true do end
	end)
end)
'''

LIGHT = '''
local skynet = require "skynet"
local kind = ...
if kind == "light" then
	skynet.start(function()
		skynet.fork(function()
			while true do
				skynet.sleep(1)
			end
		end)
	end)
else
	skynet.start(function()
		for _ = 1, 10 do
			skynet.newservice("main", "light")
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
        check(re.search(r'main\.lua:8 .* (\d) of \1 looks at this place,', line), line)
        server.wait_line(r'first argument "attack".*CPU lately: main \d+\.\d %.*, waiting: main \d+ us')
        # Its looks are at whichever of its loops it is in: all three at one is chance, each time one in nine.
        server.wait_line(r'first argument "work".*\(so it gets on\)', timeout_s=90)


@case('a stopped process blames nobody')
def stopped():
    config = {'thread': 2, 'start': 'main', 'watchdog': {'warn': '1h'}}
    with Box(config, {'main': LIGHT, 'loop': HOG}) as box, Server(box) as server:
        # No service is in its first seconds any more: nothing else could keep the alerts back.
        server.wait_line('^GROWN UP$', timeout_s=60)
        for _ in range(2):
            server.signal(signal.SIGSTOP)
            time.sleep(1.0)
            server.signal(signal.SIGCONT)
            time.sleep(1.5)
        said = server.find(LATENESS)
        check(not said, f'an alert about lateness:\n{server.output()}')
        check(server.stop() == 0, server.output())


def fields_of(line):
    """A line of logfmt."""
    pairs = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))(?: |$)', line)
    return {key: quoted or plain for key, quoted, plain in pairs}


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


@case('an alert with the log disk full comes on stderr')
def full():
    config = {'thread': 1, 'start': 'main', 'logger': '/dev/full', 'watchdog': {'warn': '100ms'}}
    with Box(config, {'main': HOG}) as box, Server(box) as server:
        pattern = re.compile(r'error: A message from .* maybe in an endless loop .*main\.lua:5 ')
        server.wait_until('no alert on stderr',
                          lambda: [line for line in server.errors if pattern.search(line)])


if __name__ == '__main__':
    sys.exit(run_cases())
