-- SPDX-License-Identifier: MIT
--
-- Requests that this service makes: send, call, and what happens to the calls whose peer dies.

local core = require "skynet.core"
local task = require "skynet.task"
local protocol = require "skynet.protocol"

local core_send, core_redirect, core_query = core.send, core.redirect, core.query
local registry = protocol.registry
local await, need = task.await, task.need
local type, tonumber, tostring, error = type, tonumber, tostring, error

local call = {}

local pending = {} -- session -> handle of the service that is to answer it

--- An address as text: `:%08x` for a handle, anything else as it is.
function call.address(addr)
	if type(addr) == "number" then
		return string.format(":%08x", addr)
	end
	return tostring(addr)
end

--- The handle that an address (handle, ":hex", ".name" or "NAME") means, or nil.
function call.handle_of(addr)
	if type(addr) == "number" then
		return addr
	end
	if addr:sub(1, 1) == ":" then
		return tonumber(addr:sub(2), 16)
	end
	return core_query(addr)
end
local handle_of = call.handle_of

--- Send a message that wants no answer, with the pack function of its protocol.
-- @return 0; nil when nobody lives at that address; false when the message is too large
function call.send(addr, typename, ...)
	local p = registry[typename]
	return core_send(addr, p.id, 0, p.pack(...))
end

--- Like send, with a payload that is packed already (string, or pointer and size in bytes).
function call.rawsend(addr, typename, msg, sz)
	local p = registry[typename]
	return core_send(addr, p.id, 0, msg, sz)
end

-- Wait for the answer to a request that was sent with this session (nil: nobody lives there, false:
-- too large).
local function answer_of(addr, session)
	if not session then
		if session == nil then
			error("call to invalid address " .. call.address(addr), 0)
		end
		error("call failed", 0)
	end
	pending[session] = type(addr) == "number" and addr or handle_of(addr)
	local ok, msg, sz = await(session)
	pending[session] = nil
	if not ok then
		error("call failed", 0)
	end
	return msg, sz
end

--- Send a request and wait for its answer.
-- Raises `call to invalid address :%08x` when nobody lives there, and `call failed` when the peer
-- raised an error, ended without an answer, or died.
-- @return the unpacked answer
function call.call(addr, typename, ...)
	need()
	local p = registry[typename]
	return p.unpack(answer_of(addr, core_send(addr, p.id, nil, p.pack(...))))
end

--- Like call, with packed request and answer.
-- @return msg, sz: valid until the task waits again
function call.rawcall(addr, typename, msg, sz)
	need()
	local p = registry[typename]
	return answer_of(addr, core_send(addr, p.id, nil, msg, sz))
end

--- Send a message under the name of another service.
-- @return as send
function call.redirect(dest, source, typename, session, msg, sz)
	return core_redirect(dest, source, registry[typename].id, session, msg, sz)
end

--- Make the call with this session fail; a session that no call waits for is ignored.
function call.fail(session)
	if pending[session] then
		task.fail(session)
	end
end

--- Make all calls to `handle` fail, the oldest first.
function call.fail_peer(handle)
	local sessions = {}
	for session, peer in pairs(pending) do
		if peer == handle then
			sessions[#sessions + 1] = session
		end
	end
	table.sort(sessions)
	for _, session in ipairs(sessions) do
		task.fail(session)
	end
end

--- The handles of all services that owe this one an answer, as a set.
function call.peers()
	local set = {}
	for _, peer in pairs(pending) do
		set[peer] = true
	end
	return set
end

return call
