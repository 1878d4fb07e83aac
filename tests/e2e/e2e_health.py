# SPDX-License-Identifier: MIT
"""What a service manager hears (NOTIFY_SOCKET), when the process ends itself, and what SIGUSR1 shows."""
import os
import re
import signal
import socket
import sys
import time

from harness import PATIENCE_S, Box, Server, case, check, run_cases

READY = '''
local skynet = require "skynet"
skynet.start(function()
	print "READY"
end)
'''


class Manager:
    """A socket as a service manager makes it; `abstract`: in the namespace without files."""

    def __init__(self, box, abstract, watchdog_us=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f'equilune-e2e-{os.getpid()}-{time.monotonic_ns()}' if abstract else os.path.join(box.path, 'notify')
        self.socket.bind('\0' + name if abstract else name)
        self.env = {'NOTIFY_SOCKET': '@' + name if abstract else name}
        if watchdog_us:
            self.env['WATCHDOG_USEC'] = str(watchdog_us)

    def __enter__(self):
        os.environ.update(self.env)
        return self

    def __exit__(self, *_):
        for key in self.env:
            del os.environ[key]
        self.socket.close()

    def hear(self, timeout_s=PATIENCE_S):
        """The next datagram as a dict; None when none came."""
        self.socket.settimeout(timeout_s)
        try:
            text = self.socket.recv(4096).decode()
        except socket.timeout:
            return None
        return dict(line.split('=', 1) for line in text.split('\n'))


@case('a path', False)
@case('an abstract name', True)
def notified(abstract):
    with Box({'thread': 1, 'start': 'main'}, {'main': READY}) as box:
        with Manager(box, abstract) as manager, Server(box) as server:
            said = manager.hear()
            check(said and said.get('READY') == '1', f'{said}')
            server.wait_line('^READY$')
            server.signal(signal.SIGTERM)
            said = manager.hear()
            check(said and said.get('STOPPING') == '1' and said.get('STATUS') == 'stopping', f'{said}')
            check(server.wait_exit() == 0, 'exit status')


@case('READY comes after the start function, not before')
def ready_late():
    main = '''
local skynet = require "skynet"
skynet.start(function()
	print "STARTING"
	while not io.open "go" do
		skynet.sleep(1)
	end
end)
'''
    with Box({'thread': 1, 'start': 'main'}, {'main': main}) as box:
        with Manager(box, True) as manager, Server(box) as server:
            server.wait_line('^STARTING$')
            check(manager.hear(0.3) is None, 'it was said too soon')
            box.write('go', '')
            said = manager.hear()
            check(said and said.get('READY') == '1', f'{said}')


@case('programs that services start are not watched')
def not_inherited():
    main = '''
local skynet = require "skynet"
skynet.start(function()
	print("ENV", io.popen("env | grep -c -e NOTIFY_ -e WATCHDOG_"):read("*l"))
end)
'''
    with Box({'thread': 1, 'start': 'main'}, {'main': main}) as box:
        with Manager(box, True, 10000000), Server(box) as server:
            check(server.wait_line(r'^ENV\t(.*)')[1] == '0', 'they are in the environment')


# Whether beats come is judged by counting them, and that they stop by what stops them.
STUCK = '''
local skynet = require "skynet"
local chog = require "chog"
skynet.start(function()
	skynet.dispatch("lua", function()
		chog.spin()
	end)
end)
'''

STUCK_MAIN = '''
local skynet = require "skynet"
skynet.start(function()
	for i = 1, tonumber(skynet.getenv "stuck") do
		skynet.send(skynet.newservice "stuck", "lua", "go")
	end
	print "READY"
end)
'''


def beats(manager, count):
    """Waits for so many."""
    heard = 0
    while heard < count:
        said = manager.hear()
        check(said is not None, f'only {heard} beats')
        heard += said.get('WATCHDOG') == '1'


@case('beats while idle')
@case('beats beside a hog', 'hog', 'count')
def beating(*hog):
    main = f'''
local skynet = require "skynet"
skynet.start(function()
	if {'true' if hog else 'false'} then
		skynet.send(skynet.newservice("hog", "count"), "lua", "go")
		skynet.send(skynet.newservice("hog", "count"), "lua", "go")
	end
	print "READY"
end)
'''
    with Box({'thread': 1, 'start': 'main'}, {'main': main}) as box:
        with Manager(box, True, 200000) as manager, Server(box) as server:
            server.wait_line('^READY$')
            began = time.monotonic()
            beats(manager, 12)
            took = time.monotonic() - began
            check(took > 0.5, f'12 beats in {took:.2f} s: more often than asked for')
            check(server.stop() == 0, 'exit status')


@case('no beats when no worker gets on')
def silent():
    # Of one worker and two spares all are stuck.
    config = {'thread': 1, 'spares': 2, 'start': 'main', 'stuck': 6, 'watchdog': {'abort': 0}}
    with Box(config, {'main': STUCK_MAIN, 'stuck': STUCK}) as box:
        with Manager(box, True, 400000) as manager, Server(box) as server:
            server.wait_line('spares_exhausted')
            deadline = time.monotonic() + PATIENCE_S
            while manager.hear(3) is not None:
                check(time.monotonic() < deadline, 'it goes on saying that all is well')
            check(server.process.poll() is None, f'it has ended:\n{server.output()}')


# ---- the end by its own watchdog ----

@case('lost workers end the process')
def lost():
    config = {'thread': 1, 'spares': 2, 'start': 'main', 'stuck': 6, 'watchdog': {'abort': '1s'}}
    with Box(config, {'main': STUCK_MAIN, 'stuck': STUCK}) as box, Server(box) as server:
        status = server.wait_exit(PATIENCE_S)
        check(status == -signal.SIGABRT, f'exit status {status}:\n{server.output()}')
        check(server.find(r'error: watchdog: 1 of 1 workers could not be taken back for 1000 ms'), server.output())
        check(server.find(r'error: watchdog: worker 0 is held by service stuck \[ :[0-9a-f]{8} \], message \d+ from '
                          r'\[ :[0-9a-f]{8} \] type 10 session 0, for \d+ ms'), server.output())
        check(server.find('error: crash: SIGABRT'), server.output())


@case('0 is never')
def lost_for_ever():
    config = {'thread': 1, 'spares': 2, 'start': 'main', 'stuck': 6, 'watchdog': {'abort': 0}}
    with Box(config, {'main': STUCK_MAIN, 'stuck': STUCK}) as box, Server(box) as server:
        server.wait_line('spares_exhausted')
        time.sleep(2)
        check(server.process.poll() is None, f'it has ended:\n{server.output()}')


@case('half of the workers are not more than half')
def half():
    # Two spares take the place of the first two; two of four workers are lost for good.
    config = {'thread': 4, 'spares': 2, 'start': 'main', 'stuck': 4, 'watchdog': {'abort': '500ms'}}
    with Box(config, {'main': STUCK_MAIN, 'stuck': STUCK}) as box, Server(box) as server:
        server.wait_line('^READY$')
        time.sleep(2)
        check(server.process.poll() is None, f'it has ended:\n{server.output()}')


@case('a process that was stopped does not count the time')
def stopped():
    config = {'thread': 1, 'spares': 2, 'start': 'main', 'stuck': 6, 'watchdog': {'abort': '3s'}}
    with Box(config, {'main': STUCK_MAIN, 'stuck': STUCK}) as box, Server(box) as server:
        server.wait_line('spares_exhausted')
        server.signal(signal.SIGSTOP)
        time.sleep(4)
        server.signal(signal.SIGCONT)
        time.sleep(0.3)
        check(server.process.poll() is None, f'it has ended:\n{server.output()}')
        # And all the same it ends when its time has come.
        check(server.wait_exit(PATIENCE_S) == -signal.SIGABRT, server.output())


# ---- SIGUSR1 ----

BUSY = '''
local skynet = require "skynet"
local many, mailbox = tonumber(skynet.getenv "many"), 50
skynet.start(function()
	for i = 1, many do
		skynet.newservice "echo"
	end
	for _ = 1, 2 do
		local hog = skynet.newservice("hog", "count")
		for i = 1, mailbox do
			skynet.send(hog, "lua", "go")
		end
	end
	print("READY", skynet.self())
	while true do
		skynet.sleep(10)
		print "TICK"
	end
end)
'''


def dump_of(server, count=1):
    server.wait_line('dump: end', count)
    return [line.split('] ', 1)[1] for line in server.lines if '] dump: ' in line]


@case('SIGUSR1 under load')
def dumped():
    with Box({'thread': 2, 'start': 'main', 'many': 100}, {'main': BUSY}) as box, Server(box) as server:
        server.wait_line('^READY')
        server.wait_line('^TICK')
        server.signal(signal.SIGUSR1)
        lines = dump_of(server)
        text = '\n'.join(lines)
        check(re.match(r'dump: 2 workers, \d+ services, \d+ waiting for a worker, ', lines[0]), text)
        workers = [line for line in lines if re.match(r'dump: worker [01] \(thread eq-\d+\): ', line)]
        check(len(workers) == 2, text)
        hog = re.compile(r'service hog \[ :[0-9a-f]{8} \], message \d+ from \[ :[0-9a-f]{8} \] type 10 session 0, '
                         r'since \d+\.\d{3} ms, CPU \d+\.\d{3} ms')
        check(any(hog.search(line) for line in workers), text)
        services = [line for line in lines if line.startswith('dump: service ')]
        check(len(services) == 20, text)
        form = re.compile(r'dump: service (\S+) \[ :[0-9a-f]{8} \]: (\d+)\.\d % of a core in the last \d+ ms, '
                          r'CPU \d+\.\d{3} s, (\d+) in the mailbox, (\d+) KB of memory, (\w+)$')
        matches = [form.match(line) for line in services]
        check(all(matches), text)
        hogs = [m for m in matches if m[1] == 'hog']
        check(len(hogs) == 2 and matches[0] is hogs[0], f'the busiest are not the first:\n{text}')
        check(all(int(m[3]) == 49 and int(m[4]) > 0 for m in hogs), text)
        shares = [int(m[2]) for m in matches]
        check(shares == sorted(shares, reverse=True), text)
        # All goes on, and again.
        server.wait_line('^TICK', count=len(server.find('^TICK')) + 3)
        server.signal(signal.SIGUSR1)
        dump_of(server, 2)
        check(server.stop() == 0, 'exit status')


@case('SIGUSR1 with every worker stuck')
def dumped_stuck():
    config = {'thread': 1, 'spares': 2, 'start': 'main', 'stuck': 6, 'watchdog': {'abort': 0}}
    with Box(config, {'main': STUCK_MAIN, 'stuck': STUCK}) as box, Server(box) as server:
        server.wait_line('spares_exhausted')
        server.signal(signal.SIGUSR1)
        text = '\n'.join(dump_of(server))
        check(len(re.findall(r'dump: worker 0 \(thread eq-\d+\): service stuck ', text)) == 1, text)
        check(len(re.findall(r'dump: (?:without a worker|waits for its turn in C code): \d+ \(thread eq-\d+\): service stuck ', text)) >= 1, text)


@case('SIGUSR1 while idle, and twice at once')
def dumped_idle():
    with Box({'thread': 2, 'start': 'main'}, {'main': READY}) as box, Server(box) as server:
        server.wait_line('KILL self')  # bootstrap is through
        deadline = time.monotonic() + PATIENCE_S
        text, idle = '', 0
        while idle != 2:  # some moment after its start
            check(time.monotonic() < deadline, f'never idle:\n{text}')
            del server.lines[:]
            server.signal(signal.SIGUSR1)
            server.signal(signal.SIGUSR1)
            text = '\n'.join(dump_of(server))
            idle = len(re.findall(r'dump: worker \d \(thread eq-\d+\): idle', text))
        check(server.stop() == 0, 'exit status')


if __name__ == '__main__':
    sys.exit(run_cases())
