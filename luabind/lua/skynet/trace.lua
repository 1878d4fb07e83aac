-- SPDX-License-Identifier: MIT
--
-- The way of a traced request through the services, in lines of the log:
-- `<TRACE tag> nanoseconds event : places`. Loaded when this service first traces something or gets
-- a traced request; until then `task.live.trace` is nil and nothing here costs anything.

local require = require("skynet.require").original -- what ships does not wait while it is loaded
local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local raw = require "skynet.raw"

local registry = protocol.registry
local live = task.live
local TRACE = protocol.types.PTYPE_TRACE
local PLACES = 3

local trace = {}

local tag_of = setmetatable({}, { __mode = "k" }) -- task -> tag; false: it is not to be traced
local expected = {} -- source -> tag of the request that comes from there next
local count = 0

-- The code of this library is not what a user looks for.
local function is_ours(source)
	return source:find("luabind/lua/skynet", 1, true) ~= nil
end

-- " : @file:line @file:line ..." of the innermost frames of co that are the user's.
local function places(co)
	local list = {}
	local level = 0
	while #list < PLACES do
		local info = debug.getinfo(co, level, "Sl")
		if info == nil then
			break
		end
		if info.currentline > 0 and not is_ours(info.source) then
			list[#list + 1] = string.format("%s:%d", info.source, info.currentline)
		end
		level = level + 1
	end
	return " : " .. table.concat(list, " ")
end

local function write(tag, event, where)
	core.error(string.format("<TRACE %s> %d %s%s", tag, core.hpc(), event, where or ""))
end

local function note(co, event, with_places)
	local tag = tag_of[co]
	if tag then
		write(tag, event, with_places and places(co))
	end
end

--- Begin to trace the request that the running task serves, under a new tag; `info` is added to the
-- line. Nothing happens when the protocol forbids it.
function trace.start(info)
	local co = live.task or task.need()
	core.error("TRACE " .. tostring(tag_of[co])) -- the tag before, as skynet says
	if tag_of[co] == false then
		return
	end
	count = count + 1
	tag_of[co] = string.format(":%08x-%d", core.self(), count)
	write(tag_of[co], info and "trace " .. tostring(info) or "trace")
end

--- The tag of the running task; nil: it has none; false: it is not to be traced.
function trace.tag()
	return live.task and tag_of[live.task]
end

--- Write a line under a tag of one's own.
function trace.log(tag, info)
	write(tag, tostring(info))
end

--- For a protocol: true traces every request, false none, nil those that come traced.
-- Raises `assertion failed!` for a protocol that is not registered.
function trace.proto(name, flag)
	assert(registry[name]).trace = flag
end

-- What the rest of the library reports, while this module is loaded.

--- The next request from `source` is traced under this tag.
function trace.expect(source, tag)
	expected[source] = tag
end

--- A task begins to serve a request.
function trace.begins(co, p, source)
	local tag = expected[source]
	expected[source] = nil
	if p.trace == false then
		tag_of[co] = false
	elseif tag then
		tag_of[co] = tag
		write(tag, "request")
	elseif p.trace then
		trace.start()
	end
end

--- The running task is about to send a request to `addr`: the tag goes ahead of it.
function trace.announce(addr)
	local tag = trace.tag()
	if tag then
		raw.send_as(addr, TRACE, tag)
	end
end

--- The running task has sent a request and waits.
function trace.calls()
	note(live.task, "call", true)
end

--- A task sleeps or waits.
function trace.sleeps(co)
	note(co, "sleep", true)
end

--- A task goes on.
function trace.resumed(co)
	note(co, "resume")
end

--- The running task answers its request.
function trace.responds()
	if live.task then
		note(live.task, "response")
	end
end

--- A task raised an error.
function trace.fails(co)
	note(co, "error")
	tag_of[co] = nil
end

--- A task is through. Its coroutine will be another one's, which must not find the tag.
function trace.ends(co)
	note(co, "end")
	tag_of[co] = nil
end

live.trace = trace
require("skynet.pool").on_end = trace.ends

return trace
