-- SPDX-License-Identifier: MIT
-- The library that is there before it is asked for, and services that must not get it.

local skynet = require "skynet"
require "skynet.manager"
local check = dofile(SERVICE_PATH .. "check.lua")

local function ask(how)
	local service = skynet.newservice("made", how)
	local report = skynet.call(service, "lua")
	skynet.kill(service)
	check.ok(report.again and report.replaced_require, how .. ": require is skynet's and gives the same again")
	check.ok(report.core and report.part, how .. ": what came first belongs to it")
	return report
end

local write = check.write

check.run(function()
	check.eq(skynet.tasklimit(), 1000, "the limit of tasks is that of the config")
	ask "plain" -- this one finds out that no file takes the place of any module
	check.ok(ask("part").grown_kb > 15, "part: the others are loaded")
	for _, how in ipairs { "plain", "core" } do
		local report = ask(how)
		check.ok(report.grown_kb < 10, how .. ": nothing is loaded: " .. report.grown_kb)
		check.eq(report.own, nil, how .. ": all modules ship")
	end
	for _, how in ipairs { "replaced", "preload", "loaded" } do
		local report = ask(how)
		check.ok(report.grown_kb > 25, how .. ": the library is loaded: " .. report.grown_kb)
		check.ok(report.own or report.created, how .. ": what the service has replaced is used")
	end
	os.execute "mkdir -p own/skynet"
	write("own/skynet/protocol.lua", 'OWN = true package.path = package.path:gsub("^[^;]*;", "") ' ..
		'return package.loaders[2] "skynet.protocol"()')
	for i = 1, 2 do
		check.ok(ask("file").own, "a file of the service comes first, time " .. i)
	end
	skynet.cache.clear()
	check.ok(ask("plain").grown_kb > 25, "after a clear everything is looked for again")
	check.ok(ask("plain").grown_kb < 10, "once")
end)
