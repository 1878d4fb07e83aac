-- SPDX-License-Identifier: MIT
--
-- A require whose modules may wait while they load, and skynet.init, whose functions run when the
-- module (or the main chunk) that registers them has been loaded. LuaJIT's own require is a C
-- function, and a task cannot yield across it. Both share package.loaded and package.loaders; the
-- global `require` is replaced when this is loaded.

local task = require "skynet.task"

local loaded = package.loaded
local loading = {} -- name -> { task = the one that loads, waiters = tasks that want it too }
local main_inits = {} -- functions of skynet.init in the main chunk; false once they have run
local inits_of = setmetatable({}, { __mode = "k" }) -- task -> those of the module that it loads

local modules = {}

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

-- A loading module may call skynet.init, and so may the functions that run then.
local function run_inits(list)
	local i = 1
	while list[i] do
		list[i]()
		i = i + 1
	end
end

local function run_loader(name, loader, co)
	local outer = inits_of[co]
	local inits = {}
	inits_of[co] = inits
	local result = loader(name)
	run_inits(inits)
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

local function load_now(name, loader, co)
	local entry = { task = co, waiters = {} }
	loading[name] = entry
	local ok, err = xpcall(run_loader, debug.traceback, name, loader, co)
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

local original = require

-- LuaJIT's own searcher compiles each file anew; the loadfile of a service uses the cache.
local function search_path(name)
	local path, tried = package.searchpath(name, package.path)
	if path == nil then
		return tried
	end
	local chunk, err = loadfile(path)
	if chunk == nil then
		error(string.format("error loading module '%s' from file '%s':\n\t%s", name, path, err), 0)
	end
	return chunk
end

if debug.getinfo(package.loaders[2] or print, "S").what == "C" then
	package.loaders[2] = search_path
end

--- Load a module, once per service; while one task loads it the others wait.
-- Raises what the module raises, `require NAME failed` to those that waited, and `circular
-- dependency`.
function modules.require(name)
	if loaded[name] ~= nil then
		return loaded[name]
	end
	local co = task.live.task
	if co == nil then
		return original(name) -- in the main chunk nothing can wait
	elseif loading[name] then
		return wait_for(name, loading[name])
	end
	return load_now(name, find_loader(name), co)
end

--- Run f when the module that is being loaded is through; in the main chunk: before the function of
-- skynet.start. At once when there is nothing to wait for.
-- Raises `assertion failed!` when f is no function.
function modules.init(f)
	assert(type(f) == "function")
	local co = task.live.task
	local list = co and inits_of[co] or main_inits
	if list then
		list[#list + 1] = f
	else
		f()
	end
end

--- Run the init functions of the main chunk. Once, at the start.
function modules.init_all()
	run_inits(main_inits)
	main_inits = false
end

require = modules.require -- luacheck: ignore

return setmetatable(modules, {
	__call = function(_, name)
		return modules.require(name)
	end,
})
