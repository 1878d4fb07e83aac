# SPDX-License-Identifier: MIT
"""A process that has nothing to do does nothing, and nobody is signalled while nobody runs too long."""
import os
import re
import sys
import time

from harness import SLOW, Box, Failure, Server, case, check, run_cases

WINDOW_S = 3
CPU_S = 0.020
SWITCHES = 30
TRIES = 3

IDLE = '''
local skynet = require "skynet"
skynet.start(function()
	skynet.newservice "echo"
	skynet.timeout(100000, function() end)
	print "READY"
end)
'''


def switches(server):
    """Voluntary context switches of all threads so far."""
    total = 0
    for task in os.listdir(f'/proc/{server.pid}/task'):
        with open(f'/proc/{server.pid}/task/{task}/status', encoding='ascii') as f:
            total += int(re.search(r'^voluntary_ctxt_switches:\s*(\d+)', f.read(), re.M)[1])
    return total


@case('an idle process', 1)
@case('an idle process with 8 workers', 8)
def idle(threads):
    with Box({'thread': threads, 'start': 'main'}, {'main': IDLE}) as box, Server(box) as server:
        server.wait_line('^READY$')
        time.sleep(1)
        cpu, switched = server.cpu_s(), switches(server)
        time.sleep(WINDOW_S)
        cpu, switched = server.cpu_s() - cpu, switches(server) - switched
        print(f'# {cpu * 1000:.0f} ms of CPU and {switched} switches in {WINDOW_S} s', flush=True)
        check(SLOW or cpu <= CPU_S, f'{cpu * 1000:.0f} ms of CPU in {WINDOW_S} s')
        check(SLOW or switched < SWITCHES, f'{switched} context switches in {WINDOW_S} s')


@case('after a busy time it is idle again')
def idle_again():
    """Including threads that had lost their worker, and those that the hogs left behind."""
    main = '''
local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	for _, kind in ipairs { "count", "tables", "c_naps" } do
		local hog = skynet.newservice("hog", kind)
		skynet.send(hog, "lua", "go")
		skynet.sleep(20)
		skynet.kill(hog)
	end
	skynet.sleep(50)
	print "READY"
end)
'''
    with Box({'thread': 2, 'start': 'main'}, {'main': main}) as box, Server(box) as server:
        server.wait_line('^READY$')
        time.sleep(1)
        cpu, switched = server.cpu_s(), switches(server)
        time.sleep(WINDOW_S)
        cpu, switched = server.cpu_s() - cpu, switches(server) - switched
        print(f'# {cpu * 1000:.0f} ms of CPU and {switched} switches in {WINDOW_S} s', flush=True)
        check(SLOW or cpu <= CPU_S, f'{cpu * 1000:.0f} ms of CPU in {WINDOW_S} s')
        check(SLOW or switched < SWITCHES, f'{switched} context switches in {WINDOW_S} s')


LIGHTS = '''
local skynet = require "skynet"
local sched = require "skynet.sched"
local core = require "skynet.core"
local function totals()
	local messages = 0
	for _, s in ipairs(sched.list()) do
		messages = messages + s.messages
	end
	return core.sched().signals, messages
end
skynet.start(function()
	local echo = skynet.newservice "echo"
	for _ = 1, 10 do
		skynet.newservice("light", echo)
	end
	skynet.sleep(20)
	local signals, messages = totals()
	skynet.sleep(200)
	local signals2, messages2 = totals()
	print(string.format("SIGNALS %d MESSAGES %d", signals2 - signals, messages2 - messages))
end)
'''


@case('no signals while nobody runs longer than its slice')
def no_signals():
    for attempt in range(1, TRIES + 1):
        with Box({'thread': 1, 'start': 'main'}, {'main': LIGHTS}) as box, Server(box) as server:
            m = server.wait_line(r'^SIGNALS (\d+) MESSAGES (\d+)$')
            signals, messages = int(m[1]), int(m[2])
            check(messages > 1000 or SLOW, f'only {messages} messages')
            print(f'# {signals} signals for {messages} messages (try {attempt})', flush=True)
            # The host can stop a light service in the middle of a message: then another one that wakes up asks
            # it for the worker. On a quiet machine there are next to none.
            if SLOW or signals < messages / 20:
                return
    raise Failure(f'{signals} signals for {messages} messages')


if __name__ == '__main__':
    sys.exit(run_cases())
