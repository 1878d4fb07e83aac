# SPDX-License-Identifier: MIT
"""The scheduling part of the config, read again while the shard runs: by SIGHUP and by skynet.sched.reload()."""
import os
import signal
import sys

from harness import PATIENCE_S, Box, Raw, Server, case, check, run_cases

PEER = 'require("skynet").start(function() end)\n'


class Operated:
    """A server whose start service does what the test writes."""

    def __init__(self, services='', files=None, **config):
        self.base = {'thread': 2, 'start': 'operator', 'launch': services}
        names = {name: PEER for name in services.split()}
        self.box = Box({**self.base, **config}, {**names, **(files or {})})

    def __enter__(self):
        self.server = Server(self.box)
        self.server.wait_line('^READY$')
        self.done = self.reloads = 0
        return self

    def __exit__(self, *_):
        self.server.__exit__()
        self.box.__exit__()

    def do(self, chunk):
        """Runs the chunk in the start service; what it returned, as one line."""
        self.box.write('command.new', chunk)
        os.rename(os.path.join(self.box.path, 'command.new'), os.path.join(self.box.path, 'command'))
        self.done += 1
        return self.server.wait_line('^DONE (.*)', self.done)[1]

    def write(self, **config):
        """The config file anew: what it was at the start, and these."""
        self.box.write('config', self.box.text_of({**self.base, **config}))

    def hangup(self):
        """SIGHUP; the line that says how it went."""
        self.server.signal(signal.SIGHUP)
        self.reloads += 1
        return self.server.wait_line('config (?:not )?reloaded.*', self.reloads)[0]

    def expect(self, name, wanted):
        got = self.do(f'return of "{name}"')
        check(got == wanted, f'{name}: {got}, wanted {wanted}')


def expect_line(got, wanted):
    check(got == wanted, f'"{got}", wanted "{wanted}"')


@case('SIGHUP with a good file')
def good():
    with Operated('battle log1 log2 other') as s:
        for name in ('battle', 'log1', 'other'):
            s.expect(name, 'normal 1000us 100 1000us')
        s.write(service=Raw('{ battle = { class = "interactive", weight = 400 }, '
                            '["log*"] = { class = "batch" } }'))
        expect_line(s.hangup(), 'config reloaded: 4 services changed')  # the logger too
        s.expect('battle', 'interactive 250us 400 1000us')
        s.expect('log1', 'batch 4000us 25 0us')
        s.expect('log2', 'batch 4000us 25 0us')
        s.expect('logger', 'batch 4000us 25 0us')
        s.expect('other', 'normal 1000us 100 1000us')
        s.write(service=Raw('{ battle = { class = "interactive", weight = 400 }, '
                            '["log*"] = { class = "batch" } }'),
                **{'class': Raw('{ batch = { weight = 10, credit = "1ms" } }')})
        expect_line(s.hangup(), 'config reloaded: 3 services changed')
        s.expect('log1', 'batch 4000us 10 1000us')
        s.write()
        expect_line(s.hangup(), 'config reloaded: 4 services changed')
        s.expect('battle', 'normal 1000us 100 1000us')
        expect_line(s.hangup(), 'config reloaded: 0 services changed')


@case('general values')
def general():
    with Operated('one two', service=Raw('{ two = { class = "normal" } }')) as s:
        s.write(slice='2ms', weight=50, min_run='100us', service=Raw('{ two = { class = "normal" } }'))
        s.hangup()
        s.expect('one', 'normal 2000us 50 1000us')
        s.expect('two', 'normal 1000us 100 1000us')
        check(not s.server.find('needs a restart'), s.server.output())


@case('groups')
def groups():
    grouped = Raw('{ bot = { group = true, weight = 50 } }')
    with Operated('bot other', files={'bot': PEER}, service=grouped) as s:
        s.do('require("skynet").newservice "bot"')
        s.expect('bot', 'normal 1000us 50 1000us group')
        s.write(service=Raw('{ bot = { weight = 50 }, other = { group = true } }'))
        expect_line(s.hangup(), 'config reloaded: 3 services changed')
        s.expect('bot', 'normal 1000us 50 1000us')
        s.expect('other', 'normal 1000us 100 1000us group')
        s.write(service=Raw('{ bot = { class = "batch", group = true } }'))
        s.hangup()
        s.expect('bot', 'batch 4000us 25 0us group')
        # The weight is the group's, so that of all.
        s.do('require("skynet.sched").set(first("bot"), { weight = 70 })')
        s.expect('bot', 'batch 4000us 70 0us group')


@case('a bad file changes nothing and says why')
def bad():
    with Operated('battle other') as s:
        s.write(weight=7, service=Raw('{ battle = {\n\tweight = 0,\n\tclass = "fast",\n\twieght = 5 } }'))
        s.box.write('config', s.box.read('config') + 'slice = 5\n')
        last = len(s.box.read('config').splitlines())
        expect_line(s.hangup(), 'config not reloaded, nothing changed: 4 errors in config')
        for part in ('service.battle.weight: Invalid weight 0 , should be in [1,10000]',
                     'service.battle.class: "fast" is not a class',
                     'service.battle.wieght: unknown key, did you mean "weight"?'):
            check(s.server.find(r'config reload: error: config:\d+: ' +
                                part.replace('[', r'\[').replace('?', r'\?')), s.server.output())
        check(s.server.find(f'config reload: error: config:{last}: slice: '), s.server.output())
        s.expect('battle', 'normal 1000us 100 1000us')
        s.expect('other', 'normal 1000us 100 1000us')
        for text in ('weight = = 5\n', 'include "nowhere"\n', 'x = "$NO_SUCH_VARIABLE_HERE"\n'):
            s.box.write('config', text)
            check(s.hangup().startswith('config not reloaded, nothing changed: 1 error in config'),
                  s.server.output())
        os.remove(os.path.join(s.box.path, 'config'))
        check(s.hangup().startswith('config not reloaded'), s.server.output())
        s.expect('battle', 'normal 1000us 100 1000us')
        s.write(weight=7)
        expect_line(s.hangup(), 'config reloaded: 7 services changed')
        s.expect('battle', 'normal 1000us 7 1000us')


@case('from Lua')
def from_lua():
    with Operated('battle') as s:
        reload = 'return require("skynet.sched").reload()'
        expect_line(s.do(reload), '0 ')
        s.write(weight=50, thread=3, mine='x', watchdog=Raw('{ starved = "2s" }'))
        expect_line(s.do(reload), '6 thread,watchdog.starved,mine')
        s.server.wait_line('config reload: needs a restart: thread, watchdog.starved, mine$')
        s.box.write('config', 'thread = 2\nslice = 5\nweight = 0\n')
        got = s.do(reload)
        check(got == 'nil error: config:2: slice: 5 is not a time (write "500us", "2ms" or "1s"; allowed '
              '50us..1s)|error: config:3: weight: Invalid weight 0 , should be in [1,10000]', got)
        s.expect('battle', 'normal 1000us 50 1000us')
        # What went back to the value of the start needs no restart.
        s.write(weight=50)
        expect_line(s.do(reload), '0 ')
        # A setting of the user's own that is gone, and skynet's values of another notation.
        s.base.pop('launch')
        s.write(weight='50', profile='true', stop='5000ms')
        expect_line(s.do(reload), '0 launch')


@case('what was set by hand')
def by_hand():
    with Operated('battle other') as s:
        s.do('require("skynet.sched").set(first("battle"), { weight = 900 })')
        s.expect('battle', 'normal 1000us 900 1000us')
        s.write(service=Raw('{ other = { weight = 5 } }'))
        expect_line(s.hangup(), 'config reloaded: 1 service changed')
        s.expect('battle', 'normal 1000us 900 1000us')  # the file says of it what it said before
        s.write(service=Raw('{ other = { weight = 5 }, battle = { slice = "2ms" } }'))
        expect_line(s.hangup(), 'config reloaded: 1 service changed')
        s.expect('battle', 'normal 2000us 100 1000us')  # now it says something else: the file counts
        s.do('require("skynet.sched").set(first("battle"), { class = "batch" })')
        s.expect('battle', 'batch 4000us 25 0us')


@case('sched.set takes a class as configured')
def configured_class():
    with Operated('battle', **{'class': Raw('{ batch = { slice = "8ms", weight = 10 } }')}) as s:
        s.do('require("skynet.sched").set(nil, { class = "batch" })')
        s.expect('operator', 'batch 8000us 10 0us')


@case('services that are launched later')
def later():
    with Operated(files={'fresh': PEER}) as s:
        s.write(service=Raw('{ fresh = { weight = 3, memlimit = "64KB" } }'))
        s.hangup()
        # A VM does not fit in 64 KB: the rule's memory limit counts from now on too.
        s.do('return pcall(require("skynet").newservice, "fresh")')
        s.write(service=Raw('{ fresh = { weight = 3 } }'))
        s.hangup()
        s.do('require("skynet").newservice "fresh"')
        s.expect('fresh', 'normal 1000us 3 1000us')


@case('names with strange characters')
def strange_names():
    """A service gets the settings of no other name, whatever is in its own."""
    service = '{ battle = { weight = 900 }, ["*_x"] = { weight = 800 }, ["%s"] = { weight = 700 } }' % ('l' * 63)
    files = {name: PEER for name in ('battle', 'b', 'dir/battle', 'l' * 63, 'l' * 70, '[b]attle', 'b*', '%s')}
    with Operated(files=files, service=Raw(service)) as s:
        for text, name, weight in [
                ('battle', 'battle', 900), ('b*', 'b*', 100), ('[b]attle', '[b]attle', 100),
                ('dir/battle', 'dir/battle', 100), ('%s', '%s', 100), ('l' * 63, 'l' * 63, 700),
                ('l' * 70, 'l' * 60 + '...', 100),
                # Words after the name are arguments, whatever is between them.
                ('b\\n_x', 'b', 100), ('b\\v_x', 'b', 100), ('b\\tbattle', 'b', 100),
                ('\\n b battle', 'b', 100), ('\\v\\fbattle', 'battle', 900)]:
            got = s.do(f'local s = require("skynet").newservice "{text}" '
                       'local f = require("skynet.sched").get(s) require("skynet.manager").kill(s) '
                       'return f.name, f.weight')
            check(got == f'{name} {weight}', f'{text}: {got}')
        # The log keeps the order: what was launched before is there.
        settled = 'require("skynet").error "settled %s"'
        s.do(settled % 'before')
        s.server.wait_line('settled before')
        before = len(s.server.find('LAUNCH'))
        got = s.do('return pcall(require("skynet").newservice, "b\\0attle")')
        s.do(settled % 'after')
        s.server.wait_line('settled after')
        check(got.startswith('false ') and len(s.server.find('LAUNCH')) == before, f'a zero byte: {got}')
        # One word that no file can be called: nothing is launched, and the log is not forged.
        s.do('return pcall(require("skynet").newservice, "b\\1\\27attle")')
        s.server.wait_line(r'LAUNCH snlua b\?\?attle')


TICKER = '''
local skynet = require "skynet"
skynet.start(function()
	local ticks = 0
	skynet.dispatch("lua", function()
		skynet.retpack(ticks)
	end)
	skynet.fork(function()
		while true do
			skynet.sleep(0.1)
			ticks = ticks + 1
		end
	end)
end)
'''


@case('a file that loops keeps nobody waiting')
def loops():
    """Another service goes on on the only worker, while the file is evaluated until it is given up."""
    rounds = 5
    ask = f'''
local skynet, sched = require "skynet", require "skynet.sched"
local ticker, begin = first "ticker", skynet.hpc()
local before = skynet.call(ticker, "lua")
for _ = 1, {rounds} do
	assert(sched.reload() == nil)
end
return skynet.call(ticker, "lua") - before, (skynet.hpc() - begin) / 1e6
'''
    with Operated('ticker', files={'ticker': TICKER}, thread=1) as s:
        s.box.write('config', 'weight = 5\nwhile true do end\n')
        ticks, ms = map(float, s.do(ask).split())
        print(f'# {rounds} files that loop: {ms:.0f} ms, in which a service slept {ticks:.0f} times 1 ms', flush=True)
        check(ticks > 4 * rounds, f'{ticks} ticks in {ms} ms')


@case('many at a time')
def many():
    """Everybody who asks is answered, and services that come meanwhile have the last config in the end."""
    storm = '''
local skynet, sched = require "skynet", require "skynet.sched"
local answers, launched, asking = 0, 0, 20
for _ = 1, asking do
	skynet.fork(function()
		for _ = 1, 5 do
			assert(type(sched.reload()) == "number")
			answers = answers + 1
		end
	end)
end
while answers < asking * 5 or launched < 60 do
	skynet.newservice "fresh"
	launched = launched + 1
end
return answers, launched >= 60
'''
    with Operated('battle', files={'fresh': PEER}) as s:
        s.write(service=Raw('{ fresh = { weight = 11 } }'))
        s.box.write('command.new', storm)
        os.rename(os.path.join(s.box.path, 'command.new'), os.path.join(s.box.path, 'command'))
        s.done += 1
        weight = 11
        while not s.server.find('^DONE'):
            weight = 23 - weight
            text = s.box.text_of({**s.base, 'service': Raw('{ fresh = { weight = %d } }' % weight)})
            s.box.write('config.new', text)
            os.rename(os.path.join(s.box.path, 'config.new'), os.path.join(s.box.path, 'config'))
            s.server.signal(signal.SIGHUP)
            s.server.wait_until('a reload', lambda seen=len(s.server.find('config reloaded')):
                                len(s.server.find('config reloaded')) > seen or s.server.find('^DONE'))
        check(s.server.wait_line('^DONE (.*)', timeout_s=PATIENCE_S)[1] == '100 true', s.server.output())
        s.do('return require("skynet.sched").reload()')
        s.expect('fresh', f'normal 1000us {weight} 1000us')


@case('the end of the process')
def end():
    """Whoever asks at the end does not hang, and nothing holds the process."""
    asks = '''
local skynet, sched = require "skynet", require "skynet.sched"
skynet.onstop(function()
	local n, why = sched.reload()
	print("ASKED", n, why)
end)
for _ = 1, 3 do skynet.fork(function() while sched.reload() do end end) end
'''
    with Operated() as s:
        s.do(asks)
        s.server.wait_line('config reloaded', 3)
        check(s.server.stop() == 0, s.server.output())
        check(s.server.find('^ASKED\tnil\tthe process is ending'), s.server.output())


if __name__ == '__main__':
    sys.exit(run_cases())
