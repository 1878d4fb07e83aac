-- SPDX-License-Identifier: MIT
--
-- The toolbox of the self-checking services: dofile(SERVICE_PATH .. "check.lua"). Prints `ok name`
-- or `not ok name: why`; finish() ends the process, with status 1 when a check failed.

local skynet = require "skynet"
local core = require "skynet.core"
require "skynet.manager"

local check = {}
local failures = 0

--- One check.
function check.ok(value, name, why)
	if value then
		print("ok " .. name)
	else
		failures = failures + 1
		print("not ok " .. name .. ": " .. tostring(why))
	end
end

--- got == wanted.
function check.eq(got, wanted, name)
	check.ok(got == wanted, name, string.format("got %s, wanted %s", tostring(got), tostring(wanted)))
end

--- text is what a failed call raises, with or without a reason.
function check.is_failure(text)
	return text == "call failed" or tostring(text):find("^call failed: ") ~= nil
end

--- is_failure(text).
function check.failed(text, name)
	check.ok(check.is_failure(text), name, text)
end

--- f() becomes true, within ten seconds: for what another service or a timer has to do first.
function check.soon(f, name)
	for _ = 1, 1000 do
		if f() then
			break
		end
		skynet.sleep(1)
	end
	check.ok(f(), name, "not within ten seconds")
end

--- f(...) raises an error that contains `part`.
function check.raises(part, name, f, ...)
	local ok, err = pcall(f, ...)
	check.ok(not ok and tostring(err):find(part, 1, true), name, ok and "no error" or err)
end

--- End the process.
function check.finish()
	io.stdout:flush() -- the process may end without it
	if failures == 0 then
		skynet.abort()
	else
		core.abort(1)
	end
end

--- Run f as the start function of the service, then finish. An error in f is a failed check. A run
-- that hangs fails after a minute.
function check.run(f)
	skynet.start(function()
		skynet.fork(function()
			local ok, err = xpcall(f, debug.traceback)
			check.ok(ok, "runs to its end", err)
			check.finish()
		end)
		skynet.timeout(6000, function()
			check.ok(false, "ends within a minute", "it hangs")
			check.finish()
		end)
	end)
end

--- From now on each line that this service says to the log is in the list that is returned, too.
function check.log_lines(core)
	local lines, say = {}, core.error
	core.error = function(text)
		lines[#lines + 1] = text
		return say(text)
	end
	return lines
end

--- Writes a file anew.
function check.write(path, text)
	local file = assert(io.open(path, "w"))
	file:write(text)
	file:close()
end

return check
