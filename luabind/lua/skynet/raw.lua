-- SPDX-License-Identifier: MIT
--
-- Requests with a payload that is packed already, or under the name of another service. Loaded by the first of them.

local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local call = require "skynet.call"

local registry, outcome = protocol.registry, call.outcome
local default_cs = core.calltimeout()

local raw = {}

--- Like skynet.send, by the protocol's number, with a payload that is packed already (string, or pointer and size in
-- bytes).
function raw.send_as(addr, id, msg, sz)
	return outcome(addr, nil, id, 0, core.send(addr, id, 0, msg, sz))
end

--- Like skynet.send, with a packed payload.
function raw.rawsend(addr, typename, msg, sz)
	return raw.send_as(addr, registry[typename].id, msg, sz)
end

--- Like skynet.call, with packed request and answer.
-- @return msg, sz: valid until the task waits again
function raw.rawcall(addr, typename, msg, sz)
	task.need()
	return call.ask(default_cs, addr, registry[typename], msg, sz)
end

--- Send a message under the name of another service.
-- @param session 0: no answer is wanted; nil: a new one
-- @return as send: the session
function raw.redirect(dest, source, typename, session, msg, sz)
	local id = registry[typename].id
	session = session or core.genid()
	return outcome(dest, source, id, session, core.redirect(dest, source, id, session, msg, sz))
end

return raw
