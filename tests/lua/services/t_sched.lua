-- SPDX-License-Identifier: MIT
-- skynet.sched: settings of services, read and changed while they run.

local skynet = require "skynet"
local sched = require "skynet.sched"
require "skynet.manager"
local check = dofile(SERVICE_PATH .. "check.lua")

local function near(got, wanted, name)
	check.ok(math.abs(got - wanted) < 1e-9, name, string.format("got %s, wanted %s", got, wanted))
end

local function is(addr, class, slice, weight, credit, name)
	local s = sched.get(addr)
	check.eq(s.class, class, name .. ": class")
	near(s.slice, slice, name .. ": slice")
	check.eq(s.weight, weight, name .. ": weight")
	near(s.credit, credit, name .. ": credit")
	check.eq(type(s.group), "boolean", name .. ": group")
end

local function reading(peer)
	is(nil, "normal", 0.001, 100, 0.001, "nil is this service")
	is(skynet.self(), "normal", 0.001, 100, 0.001, "a handle")
	check.eq(sched.get(skynet.address(peer)).address, peer, "an address as text")
	skynet.name(".tuned", peer)
	check.eq(sched.get(".tuned").address, peer, "a name")
	check.eq(sched.get ".nobody", nil, "nobody has that name")
	check.eq(sched.get(0xfffff0), nil, "nobody lives there")
	check.raises("must be a string or number", "no address at all", sched.get, {})
	local found
	for _, s in ipairs(sched.list()) do
		found = found or s.address == peer and s
	end
	check.ok(found and found.class == "normal", "list has it, with its settings")
end

local function changing(peer)
	check.eq(sched.set(peer, { weight = 300 }), true, "set says true")
	is(peer, "normal", 0.001, 300, 0.001, "one setting")
	sched.set(".tuned", { slice = "500us", credit = 0.002 })
	is(peer, "normal", 0.0005, 300, 0.002, "two, by name, in both notations")
	sched.set(skynet.address(peer), { class = "batch" })
	is(peer, "batch", 0.004, 25, 0, "a class brings its values")
	sched.set(peer, { class = "interactive", weight = 50, slice = 0.1 })
	is(peer, "interactive", 0.1, 50, 0.001, "what is beside the class overrides it")
	check.eq(sched.set(peer, { group = true }), true, "a group")
	check.eq(sched.get(peer).group, true, "it is in one")
	check.eq(sched.set(peer, { weight = 50 }), true, "still")
	check.eq(sched.get(peer).group, true, "still in it")
	check.eq(sched.set(peer, { group = false }), true, "and none")
	check.eq(sched.get(peer).group, false, "it is in none")
	check.eq(sched.set(peer, {}), true, "nothing at all")
	is(peer, "interactive", 0.1, 50, 0.001, "changes nothing")
	for _, s in ipairs { { slice = "50us", weight = 1, credit = "0" }, { slice = 1, weight = 10000, credit = "100ms" } } do
		check.eq(sched.set(peer, s), true, "both ends of the ranges")
	end
	is(peer, "interactive", 1, 10000, 0.1, "the upper ends")
	check.eq(sched.set(nil, { weight = 60 }), true, "nil is this service")
	is(nil, "normal", 0.001, 60, 0.001, "itself")
	sched.set(nil, { class = "normal" })
	is(nil, "normal", 0.001, 100, 0.001, "and back")
end

local REFUSED = {
	{ "unknown setting wieght", { wieght = 1 } },
	{ "unknown setting", { 5 } },
	{ "bad setting slice", { slice = "49us" } },
	{ "bad setting slice", { slice = 1.001 } },
	{ "bad setting slice", { slice = "1" } },
	{ "bad setting slice", { slice = true } },
	{ "bad setting slice", { slice = 0 / 0 } },
	{ "bad setting slice", { slice = -math.huge } },
	{ "bad setting credit", { credit = "101ms" } },
	{ "bad setting credit", { credit = -0.001 } },
	{ "bad setting weight", { weight = 0 } },
	{ "bad setting weight", { weight = 10001 } },
	{ "bad setting weight", { weight = 1.5 } },
	{ "bad setting weight", { weight = "100" } },
	{ "bad setting weight", { weight = 1e300 } },
	{ "bad setting class", { class = "fast" } },
	{ "bad setting class", { class = 1 } },
	{ "bad setting group", { group = 1 } },
	{ "settings are a table", 5 },
	{ "settings are a table" },
}

local function mistakes(peer)
	sched.set(peer, { class = "normal" })
	for i, case in ipairs(REFUSED) do
		check.raises(case[1], "mistake " .. i, sched.set, peer, case[2])
	end
	check.raises("t_sched.lua:", "it is said where", function()
		sched.set(peer, { weight = 0 })
		return true -- no tail call
	end)
	check.raises("bad setting class", "one mistake, and nothing is changed", sched.set, peer,
		{ weight = 5, slice = "2ms", class = "x" })
	is(peer, "normal", 0.001, 100, 0.001, "as it was")
	check.raises("must be a string or number", "no address at all", sched.set, {}, {})
end

local function nobody(peer)
	local ok, why = sched.set(0xfffff0, { weight = 5 })
	check.eq(ok, false, "nobody lives there")
	check.eq(why, "no service lives at :00fffff0", "and why")
	ok, why = sched.set(".nobody", { weight = 5 })
	check.eq(ok, false, "nobody has that name")
	check.eq(why, "no service lives at .nobody", "and why")
	check.raises("bad setting weight", "a mistake is one all the same", sched.set, 0xfffff0, { weight = 0 })
	skynet.kill(peer)
	check.soon(function()
		return sched.get(peer) == nil
	end, "a dead service has no figures")
	check.eq(sched.set(peer, { weight = 5 }), false, "nor settings")
end

-- Of a service that is at nothing; tests/e2e/e2e_ladder.py has those that are.
local function by_hand()
	local peer = skynet.newservice "peer"
	local s = sched.get(peer)
	check.eq(s.demoted, false, "it is not demoted")
	check.eq(s.interrupts, 0, "it was not interrupted")
	check.eq(s.restarts, 0, "it was started once")
	local ok, why = sched.interrupt(0xfffff0)
	check.eq(ok, false, "interrupt: nobody lives there")
	check.eq(why, "no service lives at :00fffff0", "interrupt: and why")
	ok, why = sched.interrupt ".nobody"
	check.eq(ok, false, "interrupt: nobody has that name")
	check.eq(why, "no service lives at .nobody", "interrupt: and why")
	check.soon(function()
		ok, why = sched.interrupt(peer)
		return ok == false and why == "it handles no message now"
	end, "interrupt: nothing to interrupt")
	check.raises("a service cannot interrupt itself", "interrupt: oneself", sched.interrupt, skynet.self())
	check.raises("must be a string or number", "interrupt: no address at all", sched.interrupt, {})
	ok, why = sched.kill(0xfffff0)
	check.eq(ok, false, "kill: nobody lives there")
	check.eq(why, "no service lives at :00fffff0", "kill: and why")
	check.raises("a service cannot kill itself", "kill: oneself", sched.kill, skynet.self())
	check.raises("a service cannot kill itself", "kill: oneself, as a text", sched.kill, skynet.address(skynet.self()))
	check.raises("must be a string or number", "kill: no address at all", sched.kill, {})
	skynet.name(".doomed", peer)
	local told
	skynet.fork(function()
		told = pcall(skynet.call, peer, "lua", "HANG")
	end)
	skynet.sleep(1)
	check.eq(sched.kill ".doomed", true, "kill: by name")
	check.soon(function()
		return told == false
	end, "kill: who waits is told")
	check.eq(skynet.localname ".doomed", nil, "kill: the name is free")
	ok, why = sched.kill(peer)
	check.eq(ok, false, "kill: twice")
	check.eq(why, string.format("no service lives at :%08x", peer), "kill: and why")
	check.eq(skynet.call(".launcher", "lua", "LIST")[skynet.address(peer)], nil, "kill: the launcher knows")
end

check.run(function()
	local peer = skynet.newservice "peer"
	reading(peer)
	changing(peer)
	mistakes(peer)
	nobody(peer)
	by_hand()
	local changed, restart = sched.reload()
	check.eq(changed, 0, "a reload of the same file changes nothing")
	check.eq(#restart, 0, "and needs no restart")
end)
