-- SPDX-License-Identifier: MIT
-- For t_made: takes the library in the way that it is told, and answers what came of it.

local how = ...
local report = {}

-- The searcher of what ships: that of files would give up the library that is there already.
local shipped = package.loaders[5]

local ways = {}

function ways.plain()
end

-- As debuggers do, to be told of each coroutine.
function ways.replaced()
	local create = coroutine.create
	coroutine.create = function(f)
		report.created = true
		return create(f)
	end
end

function ways.preload()
	package.preload["skynet.protocol"] = function(name)
		report.own = true
		return shipped(name)()
	end
end

function ways.loaded()
	local protocol = shipped "skynet.protocol"
	package.loaded["skynet.protocol"] = setmetatable(protocol "skynet.protocol", { __index = { own = true } })
end

function ways.file()
	package.path = "./own/?.lua;" .. package.path
end

function ways.core()
	report.core = require "skynet.core"
end

function ways.part()
	report.part = require "skynet.task"
end

local original = require
collectgarbage "stop"
ways[how]()
local before = collectgarbage "count"
local skynet = require "skynet"
report.grown_kb = collectgarbage "count" - before
collectgarbage "restart"
report.replaced_require = require ~= original
report.own = report.own or package.loaded["skynet.protocol"].own or OWN
report.core = report.core == nil or report.core == package.loaded["skynet.core"]
report.part = report.part == nil or report.part == package.loaded["skynet.task"]
report.again = require "skynet" == skynet

skynet.start(function()
	skynet.dispatch("lua", function()
		skynet.sleep(0)
		skynet.retpack(report)
	end)
end)
