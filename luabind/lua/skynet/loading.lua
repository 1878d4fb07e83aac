-- SPDX-License-Identifier: MIT
--
-- Loading modules in tasks, where they may wait: LuaJIT's own require is a C function, and a task cannot yield across
-- it. Both share package.loaded and package.loaders. Loaded by the first `require` of a task for what is not there.

local modules = require "skynet.require"
local task = require "skynet.task"

local loaded = package.loaded
local loading = {} -- name -> { task = the one that loads, waiters = tasks that want it too }
local inits_of = setmetatable({}, { __mode = "k" }) -- task -> functions of skynet.init of the module that it loads
modules._inits_of = inits_of

local loader = {}

local function find_loader(name)
	local tried = {}
	for _, searcher in ipairs(package.loaders) do
		local found = searcher(name)
		if type(found) == "function" then
			return found
		elseif type(found) == "string" then
			tried[#tried + 1] = found
		end
	end
	error(string.format("module '%s' not found:%s", name, table.concat(tried)), 3)
end

-- A loading module may call skynet.init, and so may the functions that run then.
local function run_loader(name, load, co)
	local outer = inits_of[co]
	local inits = {}
	inits_of[co] = inits
	local result = load(name)
	modules.run_inits(inits)
	inits_of[co] = outer
	if result ~= nil then
		loaded[name] = result
	elseif loaded[name] == nil then
		loaded[name] = true
	end
end

local function wait_for(name, entry)
	if entry.task == task.live.task then
		error("circular dependency: " .. name, 3)
	end
	local waiter = {}
	entry.waiters[#entry.waiters + 1] = waiter
	task.wait(waiter)
	if loaded[name] == nil then
		error("require " .. name .. " failed", 3)
	end
	return loaded[name]
end

local function load_now(name, load, co)
	local entry = { task = co, waiters = {} }
	loading[name] = entry
	local ok, err = xpcall(run_loader, debug.traceback, name, load, co)
	loading[name] = nil
	for _, waiter in ipairs(entry.waiters) do
		task.wakeup(waiter)
	end
	if not ok then
		inits_of[co] = nil
		error(err, 0)
	end
	return loaded[name]
end

--- What require does in the task `co`, for a module that is not there yet.
function loader.load(name, co)
	local entry = loading[name]
	if entry then
		return (wait_for(name, entry)) -- no tail call: errors name the line two levels up
	end
	return load_now(name, find_loader(name), co)
end

return loader
