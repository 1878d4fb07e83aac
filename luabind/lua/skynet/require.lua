-- SPDX-License-Identifier: MIT
--
-- A require whose modules may wait while they load. LuaJIT's own is a C function, and a task cannot
-- yield across it. Both share package.loaded and package.loaders.

local task = require "skynet.task"

local loaded = package.loaded
local loading = {} -- name -> { task = the one that loads, waiters = tasks that want it too }

local function find_loader(name)
	local tried = {}
	for _, searcher in ipairs(package.loaders) do
		local loader = searcher(name)
		if type(loader) == "function" then
			return loader
		elseif type(loader) == "string" then
			tried[#tried + 1] = loader
		end
	end
	error(string.format("module '%s' not found:%s", name, table.concat(tried)), 3)
end

local function run_loader(name, loader)
	local result = loader(name)
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

--- Load a module, once per service; while one task loads it the others wait.
-- Raises what the module raises, `require NAME failed` to those that waited, and `circular
-- dependency`.
local function skynet_require(name)
	if loaded[name] ~= nil then
		return loaded[name]
	end
	if loading[name] then
		return wait_for(name, loading[name])
	end
	local loader = find_loader(name)
	local entry = { task = task.live.task, waiters = {} }
	loading[name] = entry
	local ok, err = xpcall(run_loader, debug.traceback, name, loader)
	loading[name] = nil
	for _, waiter in ipairs(entry.waiters) do
		task.wakeup(waiter)
	end
	if not ok then
		error(err, 0)
	end
	return loaded[name]
end

return skynet_require
