# SPDX-License-Identifier: MIT
"""SIGTERM and SIGINT end the process in order, whatever its services do; a second one ends it at once;
SIGHUP opens the log file anew."""
import os
import signal
import sys
import time

from harness import END_S, Box, Server, case, check, run_cases

ONSTOP = '''
local skynet = require "skynet"
skynet.start(function()
	skynet.onstop(function()
		print "stop first registered"
	end)
	skynet.onstop(function()
		print "stop second registered"
		skynet.sleep(20)
		print "stop after a sleep"
		error "one that fails"
	end)
	skynet.newservice "echo"
	print "READY"
end)
'''


@case('SIGTERM: services are told', signal.SIGTERM)
@case('SIGINT: services are told', signal.SIGINT)
def told(number):
    with Box({'thread': 2, 'start': 'main'}, {'main': ONSTOP}) as box, Server(box) as server:
        server.wait_line('^READY$')
        server.signal(number)
        status = server.wait_exit()
        check(status == 0, f'exit status {status}; the output was:\n{server.output()}')
        said = [line for line in server.lines if line.startswith('stop ')]
        check(said == ['stop second registered', 'stop after a sleep', 'stop first registered'],
              f'the stop functions said {said}')
        check(server.find('onstop function failed.*one that fails'), 'the error was not logged')


@case('services that other services need while they stop are still there')
def needed():
    main = '''
local skynet = require "skynet"
skynet.start(function()
	local echo = skynet.newservice "echo"
	skynet.onstop(function()
		print("stop " .. skynet.call(echo, "lua", "answer"))
	end)
	print "READY"
end)
'''
    with Box({'thread': 1, 'start': 'main'}, {'main': main}) as box, Server(box) as server:
        server.wait_line('^READY$')
        status = server.stop()
        check(status == 0 and server.find('^stop answer$'), f'{status}\n{server.output()}')


LOGGING = '''
local skynet = require "skynet"
local function log()
	for i = 1, tonumber(skynet.getenv "lines") do
		skynet.error("log line " .. i)
	end
end
skynet.start(function()
	if skynet.getenv "while_stopping" == "true" then
		skynet.onstop(log)
	else
		log()
	end
	print "READY"
end)
'''


# The last ones lie in the logger's mailbox when all other services have ended.
@case('what a stop function logs is in the log file', 'out.log', True, 50000)
@case('the log is flushed into its file', 'out.log', False, 1000)
@case('the log is flushed to stdout', None, False, 1000)
def flushed(logger, while_stopping, count):
    config = {'thread': 2, 'start': 'main', 'lines': count, 'while_stopping': while_stopping, 'log_queue': '1GB',
              **({'logger': logger} if logger else {})}
    with Box(config, {'main': LOGGING}) as box, Server(box) as server:
        server.wait_line('^READY$')
        status = server.stop()
        lines = box.read(logger).splitlines() if logger else server.lines
        numbers = [int(line.rsplit(' ', 1)[1]) for line in lines if '] log line ' in line]
        check(status == 0, f'exit status {status}')
        check(numbers == list(range(1, count + 1)),
              f'{len(numbers)} of {count} lines, the last {numbers[-3:]}')


BESIDE_A_HOG = '''
local skynet = require "skynet"
skynet.start(function()
	skynet.onstop(function()
		print "stop"
	end)
	local hog = skynet.newservice(skynet.getenv "hog_service", skynet.getenv "hog_kind")
	skynet.send(hog, "lua", "go")
	local sched = require "skynet.sched"
	local mark = skynet.now()
	repeat
		skynet.sleep(1)
		local s = sched.get(hog)
	until s.preemptions + s.handoffs > 0 or skynet.now() - mark > 1000
	print "READY"
end)
'''


@case('SIGTERM with a compiled loop', 'hog', 'count')
@case('SIGTERM with an interpreted loop', 'hog_plain', 'count')
@case('SIGTERM with a loop around pcall', 'hog', 'pcall')
@case('SIGTERM with a coroutine ping-pong', 'hog', 'coroutines')
@case('SIGTERM with an endless string.find', 'hog', 'find')
@case('SIGTERM with a loop in a finalizer', 'hog', 'finalizer')
@case('SIGTERM with C code that spins', 'hog', 'c_spin')
@case('SIGTERM with C code that sleeps', 'hog', 'c_sleep')
def with_hog(service, kind):
    config = {'thread': 1, 'start': 'main', 'hog_service': service, 'hog_kind': kind, 'stop': '2s',
              'service': {'hog_plain': {'jit': False}}}
    with Box(config, {'main': BESIDE_A_HOG}) as box, Server(box) as server:
        server.wait_line('^READY$')
        status = server.stop()
        check(status == 0, f'exit status {status}; the output was:\n{server.output()}')
        check(server.find('^stop$'), f'the stop function did not run:\n{server.output()}')


@case('a second signal ends it at once', signal.SIGTERM)
@case('a second SIGINT ends it at once', signal.SIGINT)
def second(number):
    main = '''
local skynet = require "skynet"
skynet.start(function()
	skynet.onstop(function()
		print "STOPPING"
		skynet.sleep(3000)
	end)
	print "READY"
end)
'''
    with Box({'thread': 1, 'start': 'main', 'stop': '60s'}, {'main': main}) as box, Server(box) as server:
        server.wait_line('^READY$')
        server.signal(number)
        server.wait_line('^STOPPING$')
        time.sleep(0.3)  # closer ones count as one request
        check(server.process.poll() is None, f'it did not wait:\n{server.output()}')
        began = time.monotonic()
        server.signal(number)
        status = server.wait_exit()
        took = time.monotonic() - began
        check(took < END_S / 2, f'the second signal took {took:.1f} s')
        check(status == 128 + number, f'exit status {status}')


@case('a service that does not finish stopping is given up')
def patience():
    main = '''
local skynet = require "skynet"
skynet.start(function()
	skynet.onstop(function()
		while true do end
	end)
	print "READY"
end)
'''
    with Box({'thread': 1, 'start': 'main', 'stop': '500ms'}, {'main': main}) as box:
        with Server(box) as server:
            server.wait_line('^READY$')
            status = server.stop()
            check(status == 0, f'exit status {status}')
            check(server.find('did not finish stopping in time'), f'no word of it:\n{server.output()}')


@case('SIGHUP opens the log file anew')
def reopened():
    main = '''
local skynet = require "skynet"
skynet.start(function()
	print "READY"
	for i = 1, 1e9 do
		skynet.error("tick " .. i)
		skynet.sleep(1)
	end
end)
'''
    def ticks(box, name):
        return [int(line.rsplit(' ', 1)[1]) for line in box.read(name).splitlines() if '] tick ' in line]

    with Box({'thread': 1, 'start': 'main', 'logger': 'x.log'}, {'main': main}) as box:
        with Server(box) as server:
            server.wait_line('^READY$')
            server.wait_until('lines in the log', lambda: len(ticks(box, 'x.log')) > 5)
            os.rename(os.path.join(box.path, 'x.log'), os.path.join(box.path, 'x.log.1'))
            server.signal(signal.SIGHUP)
            server.wait_until('lines in the new log', lambda: len(ticks(box, 'x.log')) > 5)
            status = server.stop()
            check(status == 0, f'exit status {status}')
            both = ticks(box, 'x.log.1') + ticks(box, 'x.log')
            check(both == list(range(1, len(both) + 1)), f'lines are missing or not in order: {both}')


if __name__ == '__main__':
    sys.exit(run_cases())
