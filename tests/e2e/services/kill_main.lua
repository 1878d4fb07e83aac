-- SPDX-License-Identifier: MIT
-- Kills a hog (hog_service, hog_kind) `kills` times over while it is at it, and checks what that does to
-- everybody else. Prints `bad ...` for each fault and DONE at the end.

local skynet = require "skynet"
local sched = require "skynet.sched"
local core = require "skynet.core"
require "skynet.manager"

local service, kind = skynet.getenv "hog_service", skynet.getenv "hog_kind"
local KILLS = tonumber(skynet.getenv "kills")
local ENDS = skynet.getenv "ends" == "true"
local LEAK_BYTES = 400 * 1024
local ENDED = "call failed: the service has ended"

local slowest_ms = 0

local function expect(value, ...)
	if not value then
		print("bad", ...)
	end
end

local soon = dofile(SERVICE_PATH .. "soon.lua")

local function ask(answers, hog, word)
	skynet.fork(function()
		local ok, err = pcall(skynet.call, hog, "lua", word)
		answers[word] = ok and "an answer" or err
	end)
end

-- A hog with two names, one request that it loops in and one that waits behind it.
local function start_hog(answers)
	local hog = skynet.newservice(service, kind)
	skynet.name(".hog", hog)
	skynet.name("HOG", hog)
	expect(skynet.localname ".hog" == hog, ".hog is not the new hog", skynet.localname ".hog", hog)
	expect(skynet.localname "HOG" == hog, "HOG is not the new hog", skynet.localname "HOG", hog)
	ask(answers, hog, "go")
	skynet.yield()
	ask(answers, hog, "ping")
	skynet.yield() -- a task that was forked begins when this one waits
	expect(soon(30, function()
		local s = sched.get(hog)
		return s.preemptions + s.handoffs > 0
	end), "the hog was never stopped")
	expect(next(answers) == nil, "an answer before the kill", answers.go, answers.ping)
	return hog
end

local function kill_one(echo)
	local answers = {}
	local hog = start_hog(answers)
	local begin = skynet.hpc()
	skynet.kill(hog)
	expect(soon(30, function()
		return answers.go and answers.ping
	end), "callers still wait", answers.go, answers.ping)
	slowest_ms = math.max(slowest_ms, (skynet.hpc() - begin) / 1e6)
	expect(answers.go == ENDED, "the running request got", answers.go)
	expect(answers.ping == ENDED, "the waiting request got", answers.ping)
	expect(skynet.localname ".hog" == nil, ".hog still means", skynet.localname ".hog")
	expect(skynet.localname "HOG" == nil, "HOG still means", skynet.localname "HOG")
	local ok, err = pcall(skynet.call, hog, "lua", "ping")
	expect(not ok and err:find("invalid address", 1, true), "a call to the dead one:", err)
	expect(skynet.call(echo, "lua", hog) == hog, "the echo service is unwell")
	expect(soon(30, function()
		return sched.get(hog) == nil
	end), "the hog is still listed")
end

local function listed()
	for _, s in ipairs(sched.list()) do
		if s.name == service then
			return s.address
		end
	end
end

local function allocated()
	collectgarbage()
	collectgarbage()
	return core.sched().allocated
end

-- What is allocated when it has stopped shrinking: the last VMs are closed a moment after the kill.
local function settled(limit)
	local least = math.huge
	soon(30, function()
		least = math.min(least, allocated())
		return least <= limit
	end)
	return least
end

skynet.start(function()
	local echo = skynet.newservice "echo"
	for _ = 1, 2 do
		kill_one(echo)
	end
	-- The two from above must be gone, or they would hide as many that are not.
	if ENDS then
		skynet.sleep(300)
	end
	local before = allocated()
	for _ = 1, KILLS do
		kill_one(echo)
	end
	expect(not listed(), "a hog is listed", listed())
	if ENDS then
		local after = settled(before + LEAK_BYTES)
		print(string.format("MEMORY %d to %d bytes over %d kills", before, after, KILLS))
		if before > 0 then -- sanitizer builds do not count
			expect(after <= before + LEAK_BYTES, "memory grew by", after - before)
		end
	end
	print(string.format("SLOWEST %.3f ms", slowest_ms))
	print(string.format("ABANDONED %d", core.sched().abandoned))
	print "DONE"
end)
