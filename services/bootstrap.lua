-- SPDX-License-Identifier: MIT
--
-- The first Lua service: brings up the launcher, the service manager and the user's start service,
-- in this order and with these handles (programs print them), and ends.

local skynet = require "skynet"
local core = require "skynet.core"
require "skynet.manager"

local FIRST_FREE_HANDLE = 6 -- 4 and 5 belong to services of a multi-node setup

local function warn_about_harbor()
	local harbor = skynet.getenv "harbor"
	local get = skynet.getenv
	if (harbor and harbor ~= "0") or get "address" or get "master" or get "standalone" then
		skynet.error("harbor mode is not available: running as a single node "
			.. "(harbor, address, master and standalone are ignored)")
	end
end

-- The launcher cannot be launched by newservice, which is a request to it.
local function start_launcher()
	local handle = assert(skynet.launch("snlua", "launcher"))
	skynet.name(".launcher", handle)
end

local function fail(name, reason)
	skynet.error(string.format('start service "%s" failed: %s', name, reason))
	core.abort(1)
end

local function start_main()
	local line = skynet.getenv "start" or "main"
	local ok, err = pcall(skynet.newservice, line)
	if ok then
		core.ready()
	else
		fail(line, skynet.call(".launcher", "lua", "REASON", "snlua " .. line) or err)
	end
end

local function boot()
	warn_about_harbor()
	start_launcher()
	core.reserve(FIRST_FREE_HANDLE)
	skynet.name("DATACENTER", skynet.newservice "datacenterd")
	skynet.name(".service", skynet.newservice "service_mgr")
	start_main()
end

skynet.start(function()
	local ok, err = xpcall(boot, debug.traceback)
	if not ok then
		skynet.error("bootstrap failed: " .. tostring(err))
		core.abort(1)
	end
	skynet.exit()
end)
