-- SPDX-License-Identifier: MIT
-- Does what the test writes: the chunk in the file `command` is run as a task of this service, and what it
-- returns is printed with DONE in front. Before that it launches the services named by `launch`.

local skynet = require "skynet"
local sched = require "skynet.sched"

local function words(...)
	local list = { ... }
	for i = 1, select("#", ...) do
		list[i] = type(list[i]) == "table" and table.concat(list[i], ",") or tostring(list[i])
	end
	return (table.concat(list, " "):gsub("\n", "|"))
end

-- The settings of all services of that name, each once: a chunk says `return of "name"`.
function of(name)
	local seen, list = {}, {}
	for _, s in ipairs(sched.list()) do
		local text = string.format("%s %gus %d %gus%s", s.class, s.slice * 1e6, s.weight, s.credit * 1e6,
			s.group and " group" or "")
		if s.name == name and not seen[text] then
			seen[text] = true
			list[#list + 1] = text
		end
	end
	return #list > 0 and table.concat(list, " and ") or "nobody"
end

-- The handle of the oldest service of that name.
function first(name)
	for _, s in ipairs(sched.list()) do
		if s.name == name then
			return s.address
		end
	end
end

local function run_command()
	local file = io.open "command" -- not loadfile: it remembers what it loaded
	if file == nil then
		return
	end
	local chunk = assert(loadstring(file:read "*a", "=command"))
	file:close()
	os.remove "command"
	skynet.fork(function()
		print("DONE " .. words(select(2, pcall(chunk))))
	end)
end

skynet.start(function()
	for name in (skynet.getenv "launch" or ""):gmatch "%S+" do
		skynet.newservice(name)
	end
	skynet.fork(function()
		while true do
			skynet.sleep(1)
			run_command()
		end
	end)
	print "READY"
end)
