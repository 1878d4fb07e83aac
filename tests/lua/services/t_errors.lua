-- SPDX-License-Identifier: MIT
-- Errors where nobody expects them: whoever waits is told, and what waits elsewhere is left alone.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

local KINDS = { "raises", "raises_itself", "no_text" }

local function objects()
	for _, kind in ipairs(KINDS) do
		local ok, text = pcall(skynet.newservice, "odd_errors", kind)
		check.ok(not ok and check.is_failure(text), "a start that fails with an object: " .. kind, text)
	end
	local odd = skynet.newservice "odd_errors"
	for _, kind in ipairs(KINDS) do
		local ok, text = pcall(skynet.calltimeout, 500, odd, "lua", kind)
		check.ok(not ok and text:find "error object is a table: ", "a request that fails with an object: " .. kind, text)
	end
	check.eq(skynet.call(odd, "lua", "fork"), "fine", "forks behind one that fails with an object")
end

local function no_start()
	local ok, text = pcall(skynet.newservice, "odd_errors", "mute")
	check.ok(not ok and text:find "without skynet.start", "a file without skynet.start", text)
end

local function launches()
	check.raises("no service name given", "newservice of nil", skynet.newservice, nil)
	check.raises("the name of a service is text or a number, not a table", "newservice of a table", skynet.newservice, {})
	check.raises("argument 2 of a service is text or a number, not a boolean", "newservice with a boolean",
		skynet.newservice, "odd_errors", "mute", true)
	check.raises("argument 1 of a service is text or a number, not a nil", "newservice with nil before another",
		skynet.newservice, "odd_errors", nil, "x")
	check.ok(skynet.newservice("odd_errors", "x", nil), "newservice with nil at the end")
end

-- What calls back into Lua from C, where nothing can wait.
local IN_C = {
	gsub = function(f)
		string.gsub("x", ".", f)
	end,
	sort = function(f)
		table.sort({ 1, 2 }, f)
	end,
	gc = function(f)
		getmetatable(newproxy(true)).__gc = f
		collectgarbage()
	end,
}

local function waits(peer)
	return {
		call = function()
			skynet.call(peer, "lua", "ECHO", "not this answer")
		end,
		sleep = function()
			skynet.sleep(1)
		end,
		wait = function()
			skynet.wait()
		end,
	}
end

-- A wait that was refused must leave nothing behind that would end another wait of the same task, or run in a task to come.
local function in_c(peer)
	for place, within in pairs(IN_C) do
		for name, wait in pairs(waits(peer)) do
			local ok, err
			skynet.fork(function()
				within(function()
					ok, err = pcall(wait)
				end)
			end)
			skynet.yield()
			local what = string.format("skynet.%s in %s: ", name, place)
			check.ok(ok == false and err:find "C%-call boundary", what .. "refused", err)
			within(function()
				pcall(wait)
			end)
			check.eq(skynet.sleep(3), nil, what .. "a sleep after it")
			check.eq(skynet.call(peer, "lua", "SLEEP", 1, "this answer"), "this answer", what .. "a call after it")
		end
	end
end

check.run(function()
	local peer = skynet.newservice "peer"
	in_c(peer)
	objects()
	no_start()
	launches()
end)
