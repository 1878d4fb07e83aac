-- SPDX-License-Identifier: MIT
--
-- Several calls at once: skynet.request. One task receives the answers of all of them, so a loop
-- that breaks off early leaves nothing behind but that task, which ends with the last answer.

local core = require "skynet.core"
local pool = require "skynet.pool"
local task = require "skynet.task"
local protocol = require "skynet.protocol"
local call = require "skynet.call"

local registry, SUSPEND = protocol.registry, pool.SUSPEND
local live, waiting, BREAK = task.live, task.state.waiting, task.BREAK
local pending = call.pending
local NS_PER_CS = 1e7

local requests = {}
requests.__index = requests

--- Add a request: { address, typename, ... } (with nils at its end: also n), an array that the iterator gives back with its answer.
-- Raises `assertion failed!` when select has begun.
-- @return self
function requests:add(request)
	assert(type(request) == "table" and not self._ready)
	self[#self + 1] = request
	return self
end

-- requests(r) is requests:add(r).
requests.__call = requests.add

local function send(self, request)
	local p = registry[request[2]]
	if live.trace then
		live.trace.announce(request[1])
	end
	local session = core.send(request[1], p.id, nil, p.pack(unpack(request, 3, request.n or table.maxn(request))))
	if session then
		pending[session] = call.handle_of(request[1]) or false
		self._open[session] = request
		self._left = self._left + 1
	else
		-- Refused by a mailbox that is full: it failed, and there is somebody.
		self._ready[#self._ready + 1] = { request = request, answer = session }
	end
end

local function send_all(self)
	for _, request in ipairs(self) do
		send(self, request)
	end
end

local function settle(self, ok, msg, sz, session)
	local request = self._open[session]
	pending[session] = nil
	self._open[session] = nil
	self._left = self._left - 1
	local entry = { request = request, answer = false }
	self._ready[#self._ready + 1] = entry
	if ok then
		entry.answer = table.pack(registry[request[2]].unpack(msg, sz))
	end
end

-- Runs as a task. An answer that cannot be unpacked counts as a failure.
local function receive(self)
	while self._left > 0 do
		pcall(settle, self, coroutine.yield(SUSPEND))
		task.wakeup(self)
	end
end

-- The receiver is brought to its first yield here and not by the dispatcher, so that whatever
-- happens to a session next finds it ready.
local function begin_receiver(self)
	local co = pool.acquire()
	assert(coroutine.resume(co, receive, self))
	for session in pairs(self._open) do
		waiting[session] = co
	end
end

--- Nobody is interested in the answers that are missing.
function requests:close()
	for session, request in pairs(self._open) do
		pending[session] = nil
		if not core.withdraw(request[1], session) then
			waiting[session] = BREAK
		end
	end
	self._open, self._left = {}, 0
end

-- false when the deadline has come.
local function wait_for_one(self)
	if self._until_ns == nil then
		task.wait(self)
		return true
	end
	local left_ns = self._until_ns - core.hpc()
	return left_ns > 0 and task.sleep(left_ns / NS_PER_CS, self) ~= nil
end

local function next_answer(self)
	while self._given == #self._ready do
		if self._left == 0 then
			return nil
		end
		if not wait_for_one(self) and self._given == #self._ready then
			self.timeout = true
			self:close()
			return nil
		end
	end
	self._given = self._given + 1
	local entry = self._ready[self._given]
	return entry.request, entry.answer
end

--- Send all requests and iterate over their answers as they come: `for request, answer in
-- requests:select() do`. An answer is an array of n values, false when the request failed, nil when
-- nobody lives at that address. After `cs` centiseconds (nil: no limit) the loop ends, and
-- requests.timeout is true.
-- Raises what sending one of them raises, with none of them waited for.
function requests:select(cs)
	assert(not self._ready)
	task.need()
	self._ready, self._given = {}, 0
	self._open, self._left = {}, 0
	self._until_ns = cs and core.hpc() + cs * NS_PER_CS
	local ok, err = pcall(send_all, self)
	if not ok then
		self:close()
		error(err, 0)
	end
	if self._left > 0 then
		begin_receiver(self)
	end
	return next_answer, self
end

--- A set of requests, empty or with a first one.
return function(request)
	local self = setmetatable({}, requests)
	return request and self:add(request) or self
end
