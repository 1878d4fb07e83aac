# SPDX-License-Identifier: MIT
"""Where the time of the workers went: the columns of skynet.sched's totals() add up to workers x wall, to what
services were billed, and to what the kernel says that the process used; also when other processes take most
of the machine away. Everything is compared with something else in the same run."""
import os
import subprocess
import sys

from harness import SLOW, Box, Server, case, check, run_cases

OFF = 0.02  # of workers x wall: what the issue asks for
TICK_S = 0.02  # the kernel's figures of a process come in ticks of 10 ms

# Prints totals, what all services were billed and the CPU of the process, all as of one moment, twice.
MAIN = '''
local skynet = require "skynet"
local sched = require "skynet.sched"

local function process_cpu()
	local f = assert(io.open "/proc/self/stat")
	local fields = {}
	for field in f:read("*a"):match "%) (.*)":gmatch "%S+" do
		fields[#fields + 1] = tonumber(field) or 0
	end
	f:close()
	return (fields[12] + fields[13]) / 100
end

local function look(hogs)
	local begin = skynet.hpc()
	local cpu = sched.totals().cpu
	cpu.process, cpu.clock = process_cpu(), begin / 1e9
	cpu.billed, cpu.hogs, cpu.stops = cpu.ended, 0, 0
	for _, s in ipairs(sched.list()) do
		cpu.billed = cpu.billed + s.cpu
	end
	for _, hog in ipairs(hogs) do
		local s = sched.get(hog)
		cpu.hogs = cpu.hogs + s.cpu
		cpu.stops = cpu.stops + s.preemptions + s.handoffs
	end
	-- Our own figure, by both ways.
	cpu.main, cpu.stat = sched.get(skynet.self()).cpu, skynet.stat "cpu"
	cpu.blur = (skynet.hpc() - begin) / 1e9
	return cpu
end

-- We can be stopped between two figures: the sharpest of some looks.
local function show(label, hogs)
	local best
	for _ = 1, 30 do
		local cpu = look(hogs)
		if best == nil or cpu.blur < best.blur then
			best = cpu
		end
		if best.blur < 0.001 then
			break
		end
		skynet.yield()
	end
	local text = {}
	for key, value in pairs(best) do
		text[#text + 1] = string.format("%s=%.6f", key, value)
	end
	print(label .. " " .. table.concat(text, " "))
end

skynet.start(function()
	local echo, hogs = skynet.newservice "echo", {}
	for _ = 1, tonumber(skynet.getenv "lights") do
		skynet.newservice("light", echo)
	end
	for i = 1, tonumber(skynet.getenv "hog_count") do
		hogs[i] = skynet.newservice("hog", skynet.getenv "hog_kind")
		skynet.send(hogs[i], "lua", "go")
	end
	skynet.sleep(20)
	show("BEGIN", hogs)
	skynet.sleep(200)
	show("END", hogs)
end)
'''


def read(match):
    return {key: float(value) for key, value in (word.split('=') for word in match[1].split())}


def cpu_of_others(pid):
    """CPU of the threads that are no workers: main, loop, log, monitor."""
    total = 0
    for tid in os.listdir(f'/proc/{pid}/task'):
        try:
            with open(f'/proc/{pid}/task/{tid}/comm', encoding='ascii') as f:
                name = f.read().strip()
            if name.startswith('eq-') and name[3:].isdigit():
                continue
            with open(f'/proc/{pid}/task/{tid}/stat', encoding='ascii') as f:
                fields = f.read().rsplit(')', 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
        except FileNotFoundError:
            pass
    return total


class Burners:
    """Other processes that want the whole machine."""

    def __init__(self, count):
        code = 'import time\nend = time.time() + 60\nwhile time.time() < end: pass'
        self.all = [subprocess.Popen([sys.executable, '-c', code]) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for burner in self.all:
            burner.kill()
        for burner in self.all:
            burner.wait()


def measure(threads, lights, hogs, kind, burners):
    config = {'thread': threads, 'start': 'main', 'lights': lights, 'hog_count': hogs, 'hog_kind': kind,
              'watchdog': {'demote': 0}}
    services = {'main': MAIN}
    with Burners(burners), Box(config, services) as box, Server(box) as server:
        first = read(server.wait_line('^BEGIN (.*)', timeout_s=120))
        last = read(server.wait_line('^END (.*)', timeout_s=120))
        others = cpu_of_others(server.pid)
        return first, last, others


def judge(threads, first, last, others):
    """What must hold in every case; returns the columns of the window as parts of workers x wall."""
    for c in (first, last):
        slots = c['workers'] * c['wall']
        check(c['workers'] == threads, f'workers: {c["workers"]}')
        off = c['services'] + c['overhead'] + c['idle'] + c['taken'] - slots
        check(abs(off) <= OFF * slots, f'the columns are {off:.3f} s off: {c}')
        check(0 <= c['asleep'] <= c['idle'] + 0.001, f'asleep is no part of idle: {c}')
        off = c['billed'] - c['services'] - c['detached']
        check(abs(off) <= OFF * slots + threads * c['blur'], f'services were billed {off:.3f} s more than they used: {c}')
        check(abs(c['main'] - c['stat']) < 0.01, f'skynet.stat differs from skynet.sched: {c}')
    span, clock = last['wall'] - first['wall'], last['clock'] - first['clock']
    blur = first['blur'] + last['blur']
    check(abs(span - clock) < OFF * clock + blur, f'the wall clock: {span} of {clock} s')
    used = last['services'] + last['overhead'] + last['detached']
    workers_cpu = last['process'] - others
    limit = 0.03 * threads * last['wall'] + threads * last['blur'] + 2 * TICK_S
    check(abs(used - workers_cpu) <= limit,
          f'accounted are {used:.3f} s, the kernel says {workers_cpu:.3f} and {others:.3f} of others')
    names = ('services', 'overhead', 'idle', 'taken', 'asleep', 'detached', 'hogs')
    parts = {name: (last[name] - first[name]) / (threads * span) for name in names}
    print('# ' + ', '.join(f'{name} {part * 100:.1f} %' for name, part in parts.items()), flush=True)
    return parts


@case('idle, 1 worker', 1)
@case('idle, 2 workers', 2)
def run_idle(threads):
    parts = judge(threads, *measure(threads, 0, 0, '', 0))
    check(parts['services'] + parts['overhead'] < 0.02, f'nobody works: {parts}')
    check(SLOW or parts['idle'] > 0.9, f'hardly idle: {parts}')


@case('one hog, 1 worker', 1)
@case('one hog, 2 workers', 2)
def run_hog(threads):
    first, last, others = measure(threads, 0, 1, 'count', 0)
    parts = judge(threads, first, last, others)
    check(parts['hogs'] > 0.005, f'the hog is not counted while it runs: {parts}')
    check(abs(parts['services'] - parts['hogs']) < OFF, f'somebody else works: {parts}')
    check(abs(parts['idle'] - (threads - 1) / threads) < 0.05, f'idle: {parts}')


@case('four hogs and lights, 1 worker', 1, 0)
@case('four hogs and lights, 2 workers', 2, 0)
@case('four hogs and lights beside 6 burners, 1 worker', 1, 6)
@case('four hogs and lights beside 6 burners, 2 workers', 2, 6)
def run_hogs(threads, burners):
    first, last, others = measure(threads, 10, 4, 'branches', burners)
    parts = judge(threads, first, last, others)
    check(last['stops'] > 0, 'nobody was preempted')
    check(parts['idle'] < 0.1, f'idle beside hogs: {parts}')
    check(parts['hogs'] > 0.5 * parts['services'], f'the hogs did not work: {parts}')
    if burners:
        # Fairly they would get about three quarters; the hogs' figures are free of it (judge).
        check(parts['taken'] > 0.2, f'the burners took nothing: {parts}')


@case('C that spins, 1 worker', 1, 'c_spin', 10)
@case('C that spins, 2 workers', 2, 'c_spin', 10)
def run_spin(threads, kind, lights):
    first, last, others = measure(threads, lights, 1, kind, 0)
    parts = judge(threads, first, last, others)
    check(last['stops'] > 0, 'no hand-off')
    check(parts['hogs'] > 0.005, f'the C function is not counted while it runs: {parts}')


@case('C that sleeps, 1 worker', 1, 'c_naps', 0)
@case('C that sleeps, 2 workers', 2, 'c_naps', 0)
@case('C that sleeps beside lights, 2 workers', 2, 'c_naps', 10)
def run_sleep(threads, kind, lights):
    first, last, others = measure(threads, lights, 1, kind, 0)
    parts = judge(threads, first, last, others)
    check(parts['hogs'] < 0.05, f'sleep is billed: {parts}')
    check(SLOW or parts['idle'] > 0.5, f'hardly idle: {parts}')
    if threads == 2 and not lights:  # else it is handed off
        check(SLOW or parts['asleep'] > 0.2, f'the sleeper is not seen: {parts}')


if __name__ == '__main__':
    sys.exit(run_cases())
