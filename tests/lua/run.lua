-- SPDX-License-Identifier: MIT
--
-- Runs the Lua tests on the mock runtime: luajit tests/lua/run.lua [folder of the project]. Every
-- test_*.lua named below is a function of the toolbox `t`; the t_*.lua services are those that the
-- real binary runs too.

local root = arg[1] or arg[0]:match "^(.*)/tests/lua/[^/]*$" or "."
package.path = root .. "/tests/lua/?.lua;" .. package.path
local mock = require "mock_core"

local UNIT = { "test_loader", "test_task", "test_call", "test_serve", "test_life", "test_boot", "test_log",
	"test_require", "test_sched" }
local SERVICES = { "t_call", "t_death", "t_timer", "t_order", "t_unique", "t_response", "t_fork", "t_manager",
	"t_sched", "t_request", "t_inspect", "t_tasklimit", "t_queue", "t_deadlock", "t_coroutine", "t_shared", "t_debug" }

local passed, failed = 0, 0
local t = { root = root, mock = mock }

--- One assertion.
function t.ok(value, name, why)
	if value then
		passed = passed + 1
	else
		failed = failed + 1
		print("not ok " .. name .. (why and ": " .. tostring(why) or ""))
	end
end

--- got == wanted, both shown when not.
function t.eq(got, wanted, name)
	t.ok(got == wanted, name, string.format("got %s, wanted %s", tostring(got), tostring(wanted)))
end

--- text contains part.
function t.has(text, part, name)
	t.ok(tostring(text):find(part, 1, true), name, "no " .. part .. " in:\n" .. tostring(text))
end

--- text does not contain part.
function t.hasnot(text, part, name)
	t.ok(not tostring(text):find(part, 1, true), name, part .. " in:\n" .. tostring(text))
end

--- Boot a world with this text as its start service and run it for `seconds` of virtual time.
-- @return the world; `output` are the lines that were printed
function t.run(text, seconds, sources)
	local world = mock.boot(root, text)
	for name, source in pairs(sources or {}) do
		world.sources[name] = source
	end
	world:run(seconds)
	return world
end

--- What the start service printed, joined by blanks.
function t.output(text, seconds, sources)
	return table.concat(t.run(text, seconds, sources).output, " ")
end

local function run_service(name)
	local world = mock.boot(root)
	world.env.start = name
	world:run()
	for _, line in ipairs(world.output) do
		if line:match "^ok " then
			passed = passed + 1
		elseif line:match "^not ok " then
			failed = failed + 1
			print(name .. ": " .. line)
		end
	end
	t.ok(world.exit_code == 0, name .. " ends with status 0", world.exit_code)
	t.hasnot(world:log_text(), "Unknown session", name .. " leaves no stray answers")
	t.hasnot(world:log_text(), "bad argument", name .. " has no errors in the dispatcher")
	if world.exit_code ~= 0 then
		print(world:log_text())
	end
end

for _, name in ipairs(UNIT) do
	local ok, err = xpcall(function()
		require(name)(t)
	end, debug.traceback)
	t.ok(ok, name, err)
end
for _, name in ipairs(SERVICES) do
	run_service(name)
end

print(string.format("%d passed, %d failed", passed, failed))
os.exit(failed == 0 and 0 or 1)
