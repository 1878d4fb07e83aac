-- SPDX-License-Identifier: MIT
--
-- For bench_idle10k.py: where the bytes of an idle service are. One line for each part of the library: what Lua's heap has
-- more of, after a full collection, when it is loaded. The first line is the VM itself with what runs before the
-- service's own file, the last what else there is when the start is through.

local last = 0

-- The library is there before it is asked for, out of sight, unless a service wants another one: drop it, and load it
-- part by part.
local usual = error
error = print -- luacheck: ignore
package.loaders[2] "skynet.pool"
error = usual -- luacheck: ignore

local function report(name)
	collectgarbage()
	collectgarbage()
	local bytes = collectgarbage "count" * 1024
	print(string.format("BYTES %s %.0f", name, bytes - last))
	last = bytes
end

report "vm"
for _, name in ipairs { "core", "pool", "task", "protocol", "call", "serve", "require", "life" } do
	require("skynet." .. name)
	report("skynet." .. name)
end
local skynet = require "skynet"
report "skynet"

skynet.start(function()
	report "start"
	print(string.format("BYTES all %.0f", last))
end)
