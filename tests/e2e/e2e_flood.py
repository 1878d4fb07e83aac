# SPDX-License-Identifier: MIT
"""The bounds of mailboxes and tasks: eight senders at full speed into a service whose handlers are suspended, and what
becomes of those who wait for a place."""
import sys

from harness import SLOW, Box, Server, case, check, run_cases

PLACES, TASKS = 200, 50


def run(config, services=None, last='^DONE$'):
    """The lines of a run of `main` to its end."""
    with Box(config, services) as box, Server(box) as server:
        server.wait_line(last)
        status = server.wait_exit()
        check(status == 0, f'exit status {status}; the output was:\n{server.output()}')
        bad = [line for line in server.lines if line.startswith('bad')]
        check(not bad, '\n'.join(bad) + '\n' + server.output())
        return server.lines


@case('a flood: reject', 'reject', 8000)
@case('a flood: drop_new', 'drop_new', 8000)
@case('a flood: drop_old', 'drop_old', 8000)
@case('a flood: block', 'block', 1000)
def flood(policy, each):
    lines = run({
        'thread': 4, 'start': 'flood_main', 'policy': policy, 'each': each, 'places': PLACES, 'tasks': TASKS,
        # Most of it is of the senders: a task for each call that waits.
        'allocated_max': 20 << 20,
        'service': {'flood_sink': {'max_tasks': TASKS, 'mailbox': {'max': PLACES, 'policy': policy}}}})
    print('#', *[line for line in lines if line.startswith('FIGURES')], flush=True)


# What follows stands around this: a try of `name` is a task, whose outcome is a text once there is one.
PRELUDE = """
local skynet = require "skynet"
local sched = require "skynet.sched"
require "skynet.manager"
local outcome = {}
local function words(...)
	local list = {}
	for i = 1, select("#", ...) do
		list[i] = tostring((select(i, ...)))
	end
	return table.concat(list, " ")
end
local function try(name, f, ...)
	skynet.fork(function(...)
		outcome[name] = words(pcall(f, ...))
	end, ...)
end
local function claim(got, wanted, what)
	if got ~= wanted then
		print("bad " .. what .. ": " .. tostring(got) .. ", wanted " .. tostring(wanted))
	end
end
local function soon(f, what)
	for _ = 1, 2000 do
		if f() then
			return
		end
		skynet.sleep(1)
	end
	print("bad " .. what .. ": not within 20 s")
end
local function has(name, wanted)
	soon(function() return outcome[name] end, name)
	claim(outcome[name], wanted, name)
end
-- A sink with one task, two places and `waiting` sends that wait for one.
local function full_sink(waiting)
	local sink = skynet.newservice "flood_sink"
	for i = 1, 3 do
		claim(skynet.send(sink, "lua", i), 0, "send " .. i)
		skynet.call(sink, "debug", "INFO", "SEEN") -- it has got what came before
	end
	for i = 4, 3 + (waiting or 0) do
		try("send " .. i, skynet.send, sink, "lua", i)
	end
	skynet.yield()
	return sink
end
local function finish()
	print "DONE"
	skynet.abort()
end
"""


def run_main(body, policy='block', services=None, **options):
    """`body` is a start function."""
    main = f'{PRELUDE}\nskynet.start(function()\n{body}\nfinish()\nend)\n'
    rule = {'max_tasks': 1, 'mailbox': {'max': 2, 'policy': policy}}
    return run({'thread': 2, 'start': 'main', 'service': {'flood_sink': rule, 'ring': rule}, **options},
               {'main': main, **(services or {})})


@case('block: the receiver ends')
def receiver_ends():
    run_main("""
        local sink = full_sink(2)
        try("call", skynet.call, sink, "lua", 9)
        skynet.yield()
        claim(sched.get(sink).blocked_now, 3, "they wait")
        claim(sched.get(sink).mqlen, 2, "outside of the mailbox")
        claim(words(outcome["send 4"], outcome["send 5"], outcome.call), "nil nil nil", "nobody is through")
        skynet.kill(sink)
        has("send 4", "true nil")
        has("send 5", "true nil")
        has("call", "false call failed: the service has ended")
    """)


@case('block: places come free')
def places_come_free():
    run_main("""
        local sink = full_sink(2)
        try("call", skynet.call, sink, "lua", 9)
        skynet.yield()
        skynet._proto.lua.pack = function(...) return skynet.pack(...) end -- so it is packed in Lua
        try("own pack", skynet.send, sink, "lua", 10)
        skynet.yield()
        skynet._proto.lua.pack = skynet.pack
        skynet.call(sink, "debug", "INFO", "OPEN")
        has("send 4", "true 0")
        has("send 5", "true 0")
        has("call", "true 9")
        has("own pack", "true 0")
        local info, seen = sched.get(sink), skynet.call(sink, "debug", "INFO", "SEEN")
        claim(words(info.blocked, info.blocked_now, info.mqlen), "4 0 0", "figures")
        claim(words(seen.sends, seen.calls, seen.disorder), "6 1 0", "handled")
    """)


@case('block: where nothing can wait')
def nothing_can_wait():
    run_main("""
        local sink = full_sink(0)
        local send = coroutine.wrap(function() return skynet.send(sink, "lua", 4) end)
        claim(words(send()), "false mailbox full", "in a coroutine of one's own")
        local peer = skynet.newservice("chunk", sink)
        claim(skynet.call(peer, "lua"), "false mailbox full", "in a main chunk")
        claim(sched.get(sink).blocked, 0, "nobody waited")
        claim(sched.get(sink).mqlen, 2, "nothing got in")
    """, services={'chunk': """
        local skynet = require "skynet"
        local sent, why = skynet.send(tonumber((...)), "lua", 4)
        skynet.dispatch("lua", function() skynet.retpack(tostring(sent) .. " " .. tostring(why)) end)
        skynet.start(function() end)
    """})


@case('block: deadlines')
def deadlines():
    run_main("""
        local sink = full_sink(1)
        try("call", skynet.call, sink, "lua", 9)
        try("own", skynet.calltimeout, 5, sink, "lua", 10)
        has("own", "false call failed: timeout")
        has("send 4", "true false timeout")
        has("call", "false call failed: timeout")
        claim(sched.get(sink).blocked_now, 0, "what was given up is taken back")
        for i = 1, 20 do
            pcall(skynet.calltimeout, 0.1, sink, "lua", i)
        end
        claim(sched.get(sink).blocked_now, 0, "every time")
        skynet.call(sink, "debug", "INFO", "OPEN")
        soon(function() return sched.get(sink).mqlen == 0 end, "it goes on")
        local seen = skynet.call(sink, "debug", "INFO", "SEEN")
        claim(words(seen.sends, seen.calls), "3 0", "and is not handled")
    """, calltimeout='200ms')


@case('block: the sender ends')
def sender_ends():
    run_main("""
        local sink, sender = full_sink(0), skynet.newservice "flood_sender"
        skynet.send(sender, "lua", "FLOOD", sink, 10)
        soon(function() return sched.get(sink).blocked_now == 1 end, "it waits")
        try("after", skynet.send, sink, "lua", 4)
        skynet.kill(sender)
        skynet.yield()
        claim(outcome.after, nil, "the next one waits")
        skynet.call(sink, "debug", "INFO", "OPEN")
        has("after", "true 0")
        soon(function() return sched.get(sink).mqlen == 0 end, "it goes on")
        claim(skynet.call(sink, "debug", "INFO", "SEEN").sends, 5, "what was sent is handled")
    """)


@case('block: a ring')
def ring():
    """Each waits for the next, round in a circle: tasks wait, services do not."""
    run_main("""
        local ring = {}
        for i = 1, 3 do
            ring[i] = skynet.newservice "circle"
        end
        for i = 1, 3 do
            skynet.send(ring[i], "lua", "NEXT", ring[i % 3 + 1])
        end
        for i = 1, 3 do
            for _ = 1, 20 do
                skynet.send(ring[i], "lua", "BURST", 50)
            end
        end
        for i = 1, 3 do
            soon(function() return skynet.call(ring[i], "debug", "INFO") == 1000 end, "all of " .. i)
        end
        claim(sched.get(ring[1]).blocked > 0, true, "some waited")
    """, services={'circle': """
        local skynet = require "skynet"
        local target, got = nil, 0
        skynet.info_func(function() return got end)
        skynet.dispatch("lua", function(_, _, what, n)
            if what == "NEXT" then
                target = n
            elseif what == "BURST" then
                for _ = 1, n do
                    skynet.send(target, "lua", "COUNT")
                end
            else
                got = got + 1
            end
        end)
        skynet.start(function() end)
    """}, service={'circle': {'mailbox': {'max': 4, 'policy': 'block'}}})


@case('a request that is passed on: reject', 'reject')
@case('a request that is passed on: drop_new', 'drop_new')
def passed_on(policy):
    run_main("""
        local sink, gate = full_sink(0), skynet.newservice "passing"
        try("full", skynet.call, gate, "lua", sink)
        has("full", "false call failed: mailbox full")
        skynet.kill(sink)
        try("dead", skynet.call, gate, "lua", sink)
        has("dead", "false call failed: the service has ended")
    """, policy=policy, services={'passing': """
        local skynet = require "skynet"
        skynet.dispatch("lua", function(session, source, to)
            skynet.redirect(to, source, "lua", session, skynet.pack(1))
        end)
        skynet.start(function() end)
    """})


@case('several calls at once')
def several_calls():
    run_main("""
        local sink = full_sink(0)
        for request, answer in skynet.request({ sink, "lua", 4 }):select() do
            claim(answer, false, "refused")
        end
    """, policy='reject')


@case('an alert names who refuses')
def alert():
    main = f"""{PRELUDE}
        skynet.start(function()
            local sink = full_sink(0)
            while true do
                skynet.send(sink, "lua", 4)
                skynet.sleep(1)
            end
        end)
    """
    rule = {'max_tasks': 1, 'mailbox': {'max': 2}}
    with Box({'thread': 2, 'start': 'main', 'service': {'flood_sink': rule}}, {'main': main}) as box, \
            Server(box) as server:
        server.wait_line(r'error: mailbox_full: service flood_sink \[ :[0-9a-f]{8} \] has refused or dropped \d+ '
                         r'messages in a second: its mailbox is full \(limit 1\)')
        check(server.stop() == 0, server.output())


@case('no reasons')
def no_reasons():
    run_main("""
        local sink = full_sink(0)
        try("call", skynet.call, sink, "lua", 4)
        has("call", "false call failed")
        claim(words(skynet.send(sink, "lua", 4)), "false mailbox full", "send")
    """, policy='reject', callreason=False)


# Of the C stack nothing is left: refused to the VM, or found by the guard, whichever comes first. The address sanitizer takes
# the guard's signal for itself.
DEEP = '' if SLOW else """
        try("DEEP", skynet.call, skynet.newservice "victim", "lua", "DEEP")
        soon(function() return outcome.DEEP end, "DEEP")
        if outcome.DEEP ~= "false call failed: not enough memory" then
            has("DEEP", "false call failed: the service has ended")
        end
"""


@case('a call never hangs, and says why')
def never_hangs():
    run_main("""
        local function victim() return skynet.newservice "victim" end
        local function begun(peer, cmd)
            try(cmd, skynet.call, peer, "lua", cmd)
            soon(function() return sched.get(peer).messages >= 3 end, "it begins")
        end
        for cmd, why in pairs {
            MEMORY = "not enough memory", FORGET = "no answer", DROP = "no answer", EXIT = "the service has ended",
        } do
            try(cmd, skynet.call, victim(), "lua", cmd)
            has(cmd, "false call failed: " .. why)
        end
        local loop, waits = victim(), victim()
        begun(loop, "LOOP")
        begun(waits, "WAIT")
        skynet.kill(loop)
        has("LOOP", "false call failed: the service has ended")
        skynet.call(waits, "debug", "KILLTASK", "0x")
        has("WAIT", "false call failed: killed")
        claim(skynet.call(waits, "lua", "ECHO"), "ECHO", "and serves on")
    """ + DEEP, services={'victim': """
        local skynet = require "skynet"
        local command = {}
        function command.MEMORY()
            local list = {}
            for i = 1, 1e9 do
                list[i] = ("x"):rep(1000) .. i
            end
        end
        function command.FORGET() end
        function command.DROP()
            skynet.response()
            skynet.timeout(0, collectgarbage)
            skynet.timeout(0, collectgarbage)
        end
        function command.EXIT() skynet.exit() end
        function command.DEEP()
            local function dive() return (("x"):gsub("x", dive)) end
            dive()
        end
        function command.LOOP() while true do end end
        function command.WAIT() skynet.wait {} end
        function command.ECHO() skynet.retpack "ECHO" end
        skynet.dispatch("lua", function(_, _, cmd) command[cmd]() end)
        skynet.start(function() end)
    """}, memlimit='16MB')


if __name__ == '__main__':
    sys.exit(run_cases())
