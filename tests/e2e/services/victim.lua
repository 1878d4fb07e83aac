-- SPDX-License-Identifier: MIT
-- Runs one of the programs in tests/e2e/hostile: its first argument. The second says when: "message" (once it is
-- told "go"), "start" (in skynet.start) or "load" (in its main chunk). The third is a number under which chog counts that it was
-- closed with its finalizers. Launched under several names, so that the config can tell them apart.

local skynet = require "skynet"
local chog = require "chog"

local name, when, number = ...
local program = assert(loadfile(skynet.getenv "programs" .. name .. ".lua"))

local witness = chog.witness(tonumber(number))

if when == "load" then
	program()
end

skynet.start(function()
	if when == "start" then
		program()
	end
	skynet.dispatch("lua", function(_, _, command)
		if command == "go" then
			program()
		end
		skynet.retpack(witness and command)
	end)
end)
