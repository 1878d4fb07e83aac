-- SPDX-License-Identifier: MIT
-- skynet.sched.reload: what the runtime's answers become.

return function(t)
	local function reload(answer, refused)
		local world = t.mock.boot(t.root, [[
			local skynet = require "skynet"
			local sched = require "skynet.sched"
			skynet.start(function()
				local done, more = sched.reload()
				print(done, type(more) == "table" and "{" .. table.concat(more, ",") .. "}" or more)
			end)
		]])
		world.reload_answer, world.reload_refused = answer, refused
		world:run(1)
		return table.concat(world.output, "|")
	end
	t.eq(reload "+0", "0\t{}", "nothing changed")
	t.eq(reload "+12", "12\t{}", "twelve services changed")
	t.eq(reload "+3\nthread\nwatchdog.warn", "3\t{thread,watchdog.warn}", "what needs a restart")
	t.eq(reload "-error: config:1: slice: no\nerror: config:2: x", "nil\terror: config:1: slice: no\nerror: config:2: x",
		"a file with errors")
	t.eq(reload("+1", "the process is ending"), "nil\tthe process is ending", "a refusal")

	local world = t.run [[
		print(pcall(require("skynet.sched").reload))
		require("skynet").start(function() end)
	]]
	t.has(world.output[1], "only a task can wait", "reload waits, so it needs a task")
end
