# SPDX-License-Identifier: MIT
"""The lines of the log that operators of skynet know, letter by letter: tools look for them. One run makes all of them."""
import re
import sys

from harness import END_S, PATIENCE_S, Box, Server, case, check, run_cases

PEER = """
local skynet = require "skynet"
local mode = ...
if mode == "chunk" then error "the chunk fails" end
skynet.start(function()
    if mode == "init" then error "the start fails" end
    skynet.dispatch("lua", function(session, source, what)
        if what == "boom" then error "boom" end
    end) -- line 8
end)
"""

MAIN = """
local skynet = require "skynet"
local core = require "skynet.core"
require "skynet.manager"
skynet.register_protocol { name = "text", id = 0, pack = function(s) return s end, unpack = skynet.tostring }
local function main()
    skynet.memlimit(64 * 1024 * 1024)
    local peer = skynet.newservice("peer", "plain", "words")
    pcall(skynet.call, peer, "lua", "boom")
    pcall(skynet.call, peer, "lua", "forget")
    skynet.send(peer, "lua", "boom")
    skynet.send(peer, "text", "hi")
    core.redirect(peer, skynet.self(), 77, 0, "ho")
    core.redirect(peer, skynet.self(), skynet.PTYPE_RESPONSE, 4711, "stray")
    skynet.call(peer, "debug", "GC")
    skynet.call(peer, "debug", "KILLTASK", "0xnothing")
    skynet.call(peer, "debug", "TRACELOG", true)
    skynet.call(peer, "debug", "TRACELOG", "debug", false)
    local co = skynet.fork(skynet.wait)
    skynet.yield()
    skynet.call(skynet.self(), "debug", "KILLTASK", tostring(co))
    pcall(skynet.newservice, "peer", "chunk")
    pcall(skynet.newservice, "peer", "init") -- we are told before it ends
    while core.alive(0xb) do
        skynet.sleep(1)
    end
    pcall(skynet.newservice, "nothing")
    skynet.kill(peer)
    skynet.error("last", 1, nil, true)
    skynet.abort()
end
skynet.start(function()
    skynet.fork(main)
end)
"""

RED, PLAIN = '\x1b\\[31m', '\x1b\\[0m'

# Each is a line. Their order is not that of the run: the runtime's own lines do not wait for the logger.
WANTED = r"""
^\[:00000002\] LAUNCH snlua bootstrap$
^\[:00000003\] LAUNCH snlua launcher$
^\[:00000006\] LAUNCH snlua datacenterd$
^\[:00000007\] LAUNCH snlua service_mgr$
^\[:00000008\] LAUNCH snlua main$
^\[:00000008\] Set memory limit to 64\.00 M$
^\[:00000009\] LAUNCH snlua peer plain words$
^\[:00000009\] lua call \[8 to :9 : \d+ msgsz = \d+\] error : RED\./peer\.lua:7: boom$
^\t\./peer\.lua:7: in function
PLAIN$
^\[:00000009\] Maybe forgot response session \d+ from :00000008 : @\./peer\.lua:6$
^\[:00000009\] lua call \[8 to :9 : 0 msgsz = \d+\] error : RED\./peer\.lua:7: boom$
^\[:00000009\] Unknown request \(0\): hi$
^\[:00000009\] lua call \[8 to :9 : 0 msgsz = 2\] error : REDUnknown session : 0 from 8$
^\[:00000009\] Unknown request \(77\): ho$
Unknown session : 0 from 8$
^\[:00000009\] Response message : stray$
^\[:00000009\] lua call \[8 to :9 : 4711 msgsz = 5\] error : REDUnknown session : 4711 from 8$
^\[:00000009\] GC \d+\.\d\d Kb -> \d+\.\d\d Kb, cost \d+\.\d\d sec$
^\[:00000009\] Kill 0xnothing : Not found$
^\[:00000009\] Turn trace log true for lua$
^\[:00000009\] Turn trace log false for debug$
^\[:00000008\] Kill thread: 0x[0-9a-f]+$
^\[:0000000a\] LAUNCH snlua peer chunk$
^\[:0000000a\] lua loader error : \./peer\.lua:3: the chunk fails$
^\[:0000000a\] KILL self$
^\[:0000000b\] LAUNCH snlua peer init$
^\[:0000000b\] init service failed: \./peer\.lua:5: the start fails$
^\[:0000000b\] KILL self$
^\[:0000000c\] LAUNCH snlua nothing$
^\[:0000000c\] lua loader error : .*cannot open \./nothing\.lua: No such file or directory
^\[:0000000c\] KILL self$
^\[:00000008\] KILL :9$
^\[:00000008\] last 1 nil true$
"""


@case('the lines of the log, as skynet has them')
def texts():
    with Box({'thread': 1, 'start': 'main', 'harbor': 0}, {'main': MAIN[1:], 'peer': PEER[1:]}) as box, Server(box) as server:
        check(server.wait_exit(PATIENCE_S + END_S) == 0, server.output())
        lines = list(server.lines)
        for wanted in WANTED.strip().splitlines():
            pattern = re.compile(wanted.replace('RED', RED).replace('PLAIN', PLAIN))
            check(any(map(pattern.search, lines)), f'no line {wanted}:\n' + '\n'.join(lines))
        first = next(i for i, line in enumerate(lines) if line.endswith('./peer.lua:7: boom'))
        check(lines[first + 1:first + 3] == ['stack traceback:', "\t[C]: in function 'error'"], 'an error has its traceback next')
        check(any(line == '[:00000002] KILL self' for line in lines), 'bootstrap does not end')


@case('os.exit ends the process at once', 'os.exit(7)', 7)
@case('os.exit without a number', 'os.exit()', 0)
def exit_codes(call, status):
    source = f'require("skynet").start(function() print "before" {call} print "after" end)'
    with Box({'thread': 1, 'start': 'main', 'harbor': 0}, {'main': source}) as box, Server(box) as server:
        found = server.wait_exit(END_S)
        check(found == status, f'exit status {found}\n{server.output()}')
        check('before' in server.lines and 'after' not in server.lines, server.output())


if __name__ == '__main__':
    sys.exit(run_cases())
