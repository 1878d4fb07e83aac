# SPDX-License-Identifier: MIT
"""What the log says of order between tasks: a deadlock, with the stacks of both services, and a table that was
changed under a pairs loop. That both are found where they are, and nowhere else: tests/lua/services."""
import re
import sys

from harness import Box, Server, case, check, run_cases

BANK = '''local skynet = require "skynet"
skynet.dispatch("lua", function(_, _, cmd, addr)
    if cmd == "transfer" then
        skynet.sleep(10)
        skynet.call(addr, "lua", "balance") -- in transfer
    end
    skynet.retpack(cmd)
end, { serial = true })
skynet.start(function() end)
'''

MAIN = '''local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
    local first, second = skynet.newservice "bank", skynet.newservice "bank"
    local left = 2
    local function transfer(from, to, name)
        print(name, pcall(skynet.call, from, "lua", "transfer", to))
        left = left - 1
        if left == 0 then
            print("balance", skynet.call(first, "lua", "balance"), skynet.call(second, "lua", "balance"))
            skynet.abort()
        end
    end
    skynet.fork(transfer, first, second, "older")
    skynet.sleep(5)
    skynet.fork(transfer, second, first, "younger")
end)
'''


@case('a deadlock is told with the stacks of both, and the rest goes on', {})
@case('also when all calls have a default deadline', {'calltimeout': '20s'})
def deadlock(options):
    config = {'thread': 2, 'harbor': 0, 'start': 'main', 'deadlock': '200ms', **options}
    with Box(config, {'main': MAIN, 'bank': BANK}) as box, Server(box) as server:
        check(server.wait_exit() == 0, f'exit status; the output was:\n{server.output()}')
        lines = list(server.lines)
        heads = [i for i, text in enumerate(lines) if 'error: deadlock: ' in text]
        check(len(heads) == 1, f'{len(heads)} reports instead of one:\n' + server.output(200))
        head = lines[heads[0]]
        match = re.search(r'deadlock: bank \[ (:\w+) \] waits for bank \[ (:\w+) \] waits for bank \[ \1 \]; '
                          r'the youngest call, from bank \[ \2 \], session \d+, gets an error', head)
        check(match, head)
        block = []
        for text in lines[heads[0] + 1:]:
            if not text.startswith('    '):
                break
            block.append(text)
        told = [text for text in block if re.match(r'    \S', text)]
        check([re.search('its turn|an answer', text)[0] for text in told] == ['its turn', 'an answer'] * 2, told)
        stacks = [text for text in block if re.search(r'bank\.lua:5: ', text)]
        check(len(stacks) == 2, f'{len(stacks)} stacks show the line of the call:\n' + '\n'.join(block))
        server.wait_line(r'^older\ttrue\ttransfer$')
        server.wait_line(r'^younger\tfalse\tcall failed: .*deadlock: bank')
        server.wait_line(r'^balance\tbalance\tbalance$')


@case('deadlock = 0 looks for none')
def off():
    config = {'thread': 2, 'harbor': 0, 'start': 'main', 'deadlock': '0s', 'calltimeout': '1s'}
    with Box(config, {'main': MAIN, 'bank': BANK}) as box, Server(box) as server:
        server.wait_exit()
        check(not server.find('deadlock'), server.output())
        server.wait_line(r'^older\tfalse\tcall failed: ')


LOOPS = '''local skynet = require "skynet"
require "skynet.manager"
local players = { a = 1, b = 2 }
skynet.start(function()
    skynet.fork(function()
        players.a = nil
    end)
    for uid in pairs(players) do
        skynet.sleep(1)
    end
    print("compiled", jit.status())
    skynet.abort()
end)
'''


@case('debug_pairs for one service', {'service': {'main': {'debug_pairs': True}}}, 1)
@case('debug_pairs for all', {'debug_pairs': True}, 1)
@case('debug_pairs not for this one', {'debug_pairs': True, 'service': {'main': {'debug_pairs': False}}}, 0)
@case('no debug_pairs', {}, 0)
def debug_pairs(options, count):
    with Box({'thread': 1, 'harbor': 0, 'start': 'main', **options}, {'main': LOOPS}) as box, Server(box) as server:
        check(server.wait_exit() == 0, f'exit status; the output was:\n{server.output()}')
        found = server.find(r'warn: the table of the pairs loop at \./main\.lua:8 was changed by another task while '
                            r'the loop waited: key "a" was removed at \./main\.lua:6$')
        check(len(found) == count, server.output())
        server.wait_line('^compiled\t' + ('false' if count else 'true'))


if __name__ == '__main__':
    sys.exit(run_cases())
