-- SPDX-License-Identifier: MIT
--
-- The global `require`, whose modules may wait while they load in a task, and skynet.init, whose
-- functions run when the module (or the main chunk) that registers them has been loaded. Most modules are loaded in
-- the main chunk, where nothing can wait; the rest of it is skynet/loading.lua.

local task = require "skynet.task"

local loaded, live = package.loaded, task.live
local original = require

local modules = {
	--- LuaJIT's require, for what ships, which does not wait while it is loaded
	original = original,
	-- Functions of skynet.init in the main chunk; false once they have run.
	_main_inits = {},
	-- task -> those of the module that it loads; skynet/loading.lua makes it.
	_inits_of = nil,
}

--- Load a module, once per service; while one task loads it the others wait.
-- Raises what the module raises, `require NAME failed` to those that waited, and `circular
-- dependency`.
function modules.require(name)
	if loaded[name] ~= nil then
		return loaded[name]
	end
	local co = live.task
	if co == nil then
		return original(name) -- in the main chunk nothing can wait
	end
	return original("skynet.loading").load(name, co)
end

--- Run f when the module that is being loaded is through; in the main chunk: before the function of
-- skynet.start. At once when there is nothing to wait for.
-- Raises `assertion failed!` when f is no function.
function modules.init(f)
	assert(type(f) == "function")
	local of_tasks = modules._inits_of
	local list = of_tasks and live.task and of_tasks[live.task] or modules._main_inits
	if list then
		list[#list + 1] = f
	else
		f()
	end
end

--- Run functions of skynet.init, also those that they add.
function modules.run_inits(list)
	local i = 1
	while list[i] do
		list[i]()
		i = i + 1
	end
end

--- Run the init functions of the main chunk. Once, at the start.
function modules.init_all()
	modules.run_inits(modules._main_inits)
	modules._main_inits = false
end

require = modules.require -- luacheck: ignore

return setmetatable(modules, {
	__call = function(_, name)
		return modules.require(name)
	end,
})
