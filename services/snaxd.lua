-- SPDX-License-Identifier: MIT
--
-- The host of a snax service: it becomes what the file of that name, found by the config's `snax`, says. See
-- skynet/snax.lua for the other side.

local skynet = require "skynet"
local profile = require "skynet.profile"
local snax = require "skynet.snax"
local read_interface = require "snax.interface"

local name = tostring(...)

local function find_methods()
	local loader_file = skynet.getenv "snax_loader"
	return read_interface(name, _G, loader_file and assert(dofile(loader_file)))
end

local methods, pattern, chunk = find_methods()
methods.chunks = { chunk } -- for snax.hotfix

SERVICE_NAME = name
SERVICE_PATH = pattern:match "^[^?]*" .. name .. "/"
package.path = SERVICE_PATH .. "?.lua;" .. package.path

local figures = {} -- name of a method -> { count =, time = CPU seconds }
local ready = false -- between init and exit
local system = {}

local function note(method, seconds)
	local figure = figures[method] or { count = 0, time = 0 }
	figure.count = figure.count + 1
	figure.time = figure.time + seconds
	figures[method] = figure
end

local function answer(f, ...)
	skynet.retpack(f(...))
end

local function run(method, ...)
	local f = method[4]
	local ok, err
	profile.start()
	if method[2] == "accept" then
		ok, err = xpcall(f, debug.traceback, ...)
	else
		ok, err = xpcall(answer, debug.traceback, f, ...)
	end
	note(method[3], profile.stop())
	if not ok then
		error(err, 0)
	end
end

local function call_own(id, ...)
	local f = methods[id][4]
	if f then
		f(...)
	end
end

local function get_figures()
	return figures
end

function system.init(...)
	assert(not ready, "Already init")
	call_own(1, ...)
	skynet.ret()
	skynet.info_func(get_figures)
	ready = true
end

function system.exit(...)
	assert(ready, "Never init")
	call_own(2, ...)
	skynet.ret()
	ready = false
	skynet.exit()
end

-- Whether it was possible, and what the patch's own hotfix function returns, or why not.
function system.hotfix(source, ...)
	skynet.retpack(pcall(require "snax.hotfix", methods, source, ...))
end

function system.profile()
	skynet.retpack(figures)
end

local function dispatch(_, _, id, ...)
	local method = methods[id]
	if method == nil then
		error(string.format("%s has no method %s", name, tostring(id)), 0)
	elseif method[2] == "system" then
		system[method[3]](...)
	else
		assert(ready, "Init first")
		run(method, ...)
	end
end

--- Take the requests of this snax service by the lua protocol too, as they come from other nodes.
function snax.enablecluster()
	skynet.dispatch("lua", dispatch)
end

skynet.start(function()
	skynet.dispatch("snax", dispatch)
end)
