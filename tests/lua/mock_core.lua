-- SPDX-License-Identifier: MIT
--
-- A stand-in for the runtime: many services in one LuaJIT state, each with its own globals and its
-- own `skynet.core`, and a virtual clock that jumps to the next timer when nobody has a message. It
-- delivers one message at a time, in the order in which the services became ready, so every run is
-- the same.
--
-- Payloads are tables instead of pointers. A payload is marked `freed` when its dispatch is over,
-- and any use after that raises an error, as would a use after giving it away.

local mock = {}

local RESPONSE, SYSTEM, ERROR = 1, 4, 7
local NS_PER_CS = 1e7
local TOO_LARGE = 1e6 -- characters

local World = {}
World.__index = World

--- A world without services. `root` is the top folder of the project; sources[name] is the text of
-- a service.
function mock.world(root)
	return setmetatable({
		root = root, sources = {}, patterns = "", preload = nil,
		services = {}, names = {}, next_handle = 1, ready = { first = 1, last = 0 },
		timers = {}, timer_count = 0, now_ns = 0, log = {}, output = {}, env = {}, packed = {},
		leaked = 0, exit_code = nil, calltimeout = math.huge, deadlock = 10,
		reload_answer = "+0", reload_refused = nil,
	}, World)
end

-- Payloads

local function copy(value, depth)
	local kind = type(value)
	if kind == "function" or kind == "thread" or kind == "userdata" then
		error("Unsupport type " .. kind .. " to serialize", 0)
	elseif kind ~= "table" or value.payload then
		return value
	elseif depth > 32 then
		error("serialize can't pack too depth table", 0)
	end
	local result = {}
	for k, v in pairs(value) do
		result[copy(k, depth + 1)] = copy(v, depth + 1)
	end
	return result
end

local function copy_all(...)
	local values = { n = select("#", ...), ... }
	for i = 1, values.n do
		values[i] = copy(values[i], 1)
	end
	return values
end

local function usable(msg)
	assert(not msg.freed, "payload used after it was freed")
	assert(not msg.moved, "payload used after it was given away")
	return msg
end

local function payload_of(msg)
	if msg == nil then
		return nil
	elseif type(msg) == "string" then
		return { payload = true, text = msg }
	end
	usable(msg).moved = true
	return { payload = true, text = msg.text, values = msg.values }
end

-- Services

function World:resolve(addr)
	if type(addr) == "number" then
		if addr == 0 then
			error("Invalid service address 0", 0)
		end
		return addr
	elseif type(addr) ~= "string" then
		error(string.format("dest address type (%s) must be a string or number.", type(addr)), 0)
	elseif addr:sub(1, 1) == ":" then
		return tonumber(addr:sub(2), 16)
	end
	return self.names[addr]
end

function World:push(dest, item)
	local sv = self.services[dest]
	if sv == nil or not sv.alive then
		return nil
	end
	sv.queue[#sv.queue + 1] = item
	if not sv.queued then
		sv.queued = true
		local ready = self.ready
		ready.last = ready.last + 1
		ready[ready.last] = sv
	end
	return true
end

local function is_request(item)
	return item.session ~= 0 and item.type ~= RESPONSE and item.type ~= ERROR
end

local function request_key(source, session)
	return source .. ":" .. session
end

function World:fail(sv, source, session)
	self:push(source, { type = ERROR, session = session, source = sv.handle })
end

--- End a service: its unanswered requests and its mailbox are answered by ERROR.
function World:retire(sv)
	if not sv.alive then
		return
	end
	sv.alive = false
	for _, item in pairs(sv.requests) do
		self:fail(sv, item.source, item.session)
	end
	for _, item in ipairs(sv.queue) do
		if is_request(item) then
			self:fail(sv, item.source, item.session)
		end
	end
	sv.queue, sv.requests = {}, {}
	for name, handle in pairs(self.names) do
		if handle == sv.handle then
			self.names[name] = nil
		end
	end
end

function World:write(sv, text)
	self.log[#self.log + 1] = string.format("[:%08x] %s", sv and sv.handle or 0, text)
end

--- All log lines as one text.
function World:log_text()
	return table.concat(self.log, "\n")
end

-- skynet.core

local function add_messages(core, world, sv)
	local function fresh()
		sv.session = sv.session + 1
		return sv.session
	end

	local function post(dest, source, ptype, session, msg)
		if type(msg) == "string" and #msg > TOO_LARGE then
			return false
		end
		local payload = payload_of(msg)
		local handle = world:resolve(dest)
		session = session or fresh()
		if ptype == RESPONSE or ptype == ERROR then
			sv.requests[request_key(handle or 0, session)] = nil
		end
		if handle == nil then
			return nil
		end
		local item = { type = ptype, session = session, source = source, msg = payload }
		return world:push(handle, item) and session
	end

	function core.send(dest, ptype, session, msg)
		return post(dest, sv.handle, ptype, session, msg)
	end

	function core.redirect(dest, source, ptype, session, msg)
		source = world:resolve(source)
		sv.requests[request_key(source, session)] = nil
		return post(dest, source, ptype, session, msg)
	end

	function core.forget(source, session)
		sv.requests[request_key(source, session)] = nil
	end

	function core.callback(f, forward)
		sv.callback, sv.forward = f, forward
	end

	core.genid = fresh
	function core.tasks(n, full)
		sv.tasks, sv.full = n, full
	end

	function core.maxtasks(n)
		local before = sv.max_tasks
		sv.max_tasks = n or before
		return before
	end

	function core.withdraw()
		return false -- mailboxes have no bounds here
	end

	function core.timeout(delay_ns)
		local session = fresh()
		world:add_timer(sv, delay_ns, session)
		return session
	end

	function core.cancel(session)
		for i, timer in ipairs(world.timers) do
			if timer.sv == sv and timer.session == session then
				table.remove(world.timers, i)
				return true
			end
		end
		return false
	end

	function core.deadlock()
		return world.deadlock
	end
	function core.calltimeout()
		return world.calltimeout
	end
end

local function add_payloads(core, world)
	function core.pack(...)
		return { payload = true, values = copy_all(...) }, 1
	end

	function core.packstring(...)
		world.packed[#world.packed + 1] = copy_all(...)
		return "packed:" .. #world.packed
	end

	function core.unpack(msg)
		if msg == nil or msg == "" then
			return
		end
		local values
		if type(msg) == "string" then
			values = world.packed[tonumber(msg:match "^packed:(%d+)$")]
		else
			values = usable(msg).values
			if values == nil and msg.text == "" then
				return
			end
		end
		if values == nil then
			error("Invalid serialize stream", 0)
		end
		values = copy_all(unpack(values, 1, values.n))
		return unpack(values, 1, values.n)
	end

	function core.unpack_counted(msg)
		local values = { n = select("#", core.unpack(msg)), core.unpack(msg) }
		if values.n > 5 then
			return values.n, values
		end
		return values.n, unpack(values, 1, values.n)
	end

	function core.post(dest, ptype, session, ...)
		if session == nil and not coroutine.isyieldable() then
			return 0
		end
		local sent, why = core.send(dest, ptype, session, core.pack(...))
		if session == nil and sent then
			return sent, world:resolve(dest)
		end
		return sent, why
	end

	function core.tostring(msg)
		if msg == nil then
			return
		end
		return type(msg) == "string" and msg or usable(msg).text or "binary"
	end

	function core.trash(msg)
		if type(msg) == "table" and not msg.moved then
			usable(msg).freed = true
		end
	end
end

local function add_control(core, world, sv)
	function core.self()
		return sv.handle
	end

	function core.query(name)
		local hex = name:match "^:(%x+)$"
		return hex and tonumber(hex, 16) or world.names[name]
	end

	function core.register(name, handle)
		if world.names[name] then
			return false
		end
		world.names[name] = handle
		return true
	end

	function core.launch(line)
		return world:launch(line)
	end

	function core.exit()
		world:write(sv, "KILL self")
		world:retire(sv)
	end

	function core.kill(addr)
		local handle = world:resolve(addr)
		local victim = world.services[handle]
		if victim == nil or not victim.alive then
			return false
		end
		world:write(sv, string.format("KILL :%x", handle))
		world:retire(victim)
		return true
	end

	function core.abort(code)
		world.exit_code = world.exit_code or code or 0
	end

	function core.reserve(handle)
		world.next_handle = math.max(world.next_handle, handle)
	end

	function core.alive(handle)
		local other = world.services[handle]
		return other ~= nil and other.alive
	end

	function core.stopping(on)
		sv.stopping = on
	end

	function core.stopped()
		sv.stopped = true
	end
end

local function add_facts(core, world, sv)
	function core.getenv(key)
		return world.env[key]
	end

	function core.setenv(key, value)
		assert(world.env[key] == nil, "Can't setenv exist key : " .. key)
		world.env[key] = value
	end

	function core.error(text)
		world:write(sv, text)
	end

	function core.blocking(f, ...)
		return f(...)
	end

	function core.log_mark(level)
		local mark = { debug = "debug: ", info = "", warn = "warn: ", error = "error: " }
		assert(mark[level], '"debug", "info", "warn" or "error" expected')
		return level ~= "debug" and mark[level] or nil
	end

	core.traceback = debug.traceback

	function core.ready()
		world.told_ready = true
	end

	function core.now()
		return math.floor(world.now_ns / NS_PER_CS)
	end

	function core.hpc()
		return world.now_ns
	end

	function core.memlimit(bytes)
		sv.memlimit = bytes
		world:write(sv, string.format("Set memory limit to %.2f M", bytes / 2 ^ 20))
	end

	function core.starttime()
		return 1700000000
	end

	function core.stat(what)
		return what == "mqlen" and #sv.queue or what == "message" and sv.handled or 0
	end

	local function info(other)
		local result = { address = other.handle, name = other.line, demoted = false, interrupts = 0,
			restarts = other.restarts or 0 }
		for key, value in pairs(other.settings) do
			result[key] = value
		end
		return result
	end

	function core.services()
		local list = {}
		for handle = 1, world.next_handle - 1 do
			local other = world.services[handle]
			if other and other.alive then
				list[#list + 1] = info(other)
			end
		end
		return list
	end

	function core.service(addr)
		local other = world.services[addr == nil and sv.handle or world:resolve(addr)]
		return other and other.alive and info(other) or nil
	end
end

local function own_table(t)
	local result = {}
	for k, v in pairs(t) do
		result[k] = v
	end
	return result
end

local PRESET = {
	interactive = { slice = 0.00025, weight = 200, credit = 0.001 },
	normal = { slice = 0.001, weight = 100, credit = 0.001 },
	batch = { slice = 0.004, weight = 25, credit = 0 },
}

local function as_time(lowest, highest) -- in ns
	return function(value)
		if type(value) == "string" then
			local unit = { us = 1e-6, ms = 1e-3, s = 1 }
			local digits, name = value:match "^([%d.]+)(%a+)$"
			value = value == "0" and 0 or unit[name] and digits * unit[name]
		end
		local ns = type(value) == "number" and math.floor(value * 1e9 + 0.5)
		return ns and ns >= lowest and ns <= highest and ns / 1e9 or nil
	end
end

local SETTING = {
	slice = as_time(50e3, 1e9),
	credit = as_time(0, 100e6),
	weight = function(value)
		return type(value) == "number" and value % 1 == 0 and value >= 1 and value <= 10000 and value or nil
	end,
	class = function(value)
		return PRESET[value] and value
	end,
	group = function(value)
		if type(value) == "boolean" then
			return value
		end
	end,
}

-- What is wrong is said less well than by the real one.
local function add_scheduling(core, world, sv)
	sv.settings = own_table(PRESET.normal)
	sv.settings.class, sv.settings.group = "normal", false

	function core.setsched(addr, settings)
		local other = world.services[addr == nil and sv.handle or world:resolve(addr)]
		if type(settings) ~= "table" then
			error("settings are a table, not " .. type(settings), 2)
		end
		local change = {}
		for key, value in pairs(settings) do
			if not SETTING[key] then
				error("unknown setting " .. tostring(key), 2)
			end
			change[key] = SETTING[key](value)
			if change[key] == nil then
				error("bad setting " .. key, 2)
			end
		end
		if not (other and other.alive) then
			return false, "no service lives at " .. (type(addr) == "number" and string.format(":%08x", addr) or addr)
		end
		for _, values in ipairs { change.class and PRESET[change.class] or {}, change } do
			for key, value in pairs(values) do
				other.settings[key] = value
			end
		end
		return true
	end

	function core.interrupt(addr)
		local handle = world:resolve(addr)
		local other = world.services[handle]
		if handle == sv.handle then
			error("a service cannot interrupt itself: raise an error instead", 2)
		elseif not (other and other.alive) then
			return false, "no service lives at " .. (type(addr) == "number" and string.format(":%08x", addr) or addr)
		end
		return false, "it handles no message now" -- here nobody runs beside the caller
	end

	function core.raised()
	end

	function core.restarts(handle, count)
		world.services[handle].restarts = count
	end

	function core.say_restart(name, handle, text, is_error)
		world.log[#world.log + 1] = string.format("[:00000000] %srestart: service %s [ :%08x ]: %s",
			is_error and "error: " or "", name, handle, text)
	end

	function core.reload()
		if world.reload_refused then
			return nil, world.reload_refused
		end
		sv.session = sv.session + 1
		world:push(sv.handle, { type = RESPONSE, session = sv.session, source = 0,
			msg = { payload = true, text = world.reload_answer } })
		return sv.session
	end
end

local function types()
	local core = {}
	for id, name in ipairs { "RESPONSE", "MULTICAST", "CLIENT", "SYSTEM", "HARBOR", "SOCKET", "ERROR", "QUEUE", "DEBUG", "LUA",
		"SNAX", "TRACE" } do
		core["PTYPE_" .. name] = id
	end
	core.PTYPE_TEXT = 0
	return core
end

-- The globals of one service

local function add_require(env, core)
	local package_ = { path = "", cpath = "", loaded = { ["skynet.core"] = core }, loaders = {}, preload = {},
		searchpath = package.searchpath }
	env.package = package_
	package_.loaders[1] = function(name)
		local path = package.searchpath(name, package_.path)
		return path and assert(env.loadfile(path)) or "\n\tno file for " .. name
	end
	env.require = function(name)
		local value = package_.loaded[name]
		if value ~= nil then
			return value
		end
		local tried = ""
		for _, searcher in ipairs(package_.loaders) do
			local loader = searcher(name)
			if type(loader) == "function" then
				value = loader(name)
				package_.loaded[name] = value == nil and true or value
				return package_.loaded[name]
			end
			tried = tried .. (loader or "")
		end
		error("module '" .. name .. "' not found:" .. tried, 2)
	end
end

local function add_files(env)
	local function localize(chunk, err)
		if chunk == nil then
			return nil, err
		end
		return setfenv(chunk, env)
	end
	env.loadfile = function(path)
		return localize(loadfile(path))
	end
	env.loadstring = function(text, name)
		return localize(loadstring(text, name))
	end
	env.dofile = function(path)
		return assert(env.loadfile(path))()
	end
end

local function exists(path)
	local file = io.open(path)
	if file then
		file:close()
	end
	return file ~= nil
end

local function embedded(world, env)
	local function load_if_there(path)
		return exists(path) and assert(env.loadfile(path)) or nil
	end
	return {
		module = function(name)
			return load_if_there(world.root .. "/luabind/lua/" .. name:gsub("%.", "/") .. ".lua")
		end,
		service = function(name)
			local text = world.sources[name]
			if text then
				return assert(env.loadstring(text, "@" .. name .. ".lua"))
			end
			return load_if_there(world.root .. "/services/" .. name .. ".lua")
		end,
		load_file = env.loadfile,
		readable = function(path)
			local file, why = io.open(path)
			if file then
				file:close()
			end
			return file ~= nil, why
		end,
		is_loaded = function() end,
		is_cached = function() end,
	}
end

-- What compat.c adds, as far as the library needs it.
local function add_compat(env)
	env.table.unpack = unpack
	env.table.pack = function(...)
		return { n = select("#", ...), ... }
	end
	env.rawlen = function(value)
		return #value
	end
	local closed = setmetatable({}, { __mode = "k" })
	env.coroutine.close = function(co) -- nobody resumes it any more
		closed[co] = true
		return true
	end
	env.coroutine.status = function(co)
		return closed[co] and "dead" or coroutine.status(co)
	end
end

-- What searcher.c adds, as far as the tests need it.
local function add_searchers(env, shipped)
	local loaders = env.package.loaders
	loaders[#loaders + 1] = function(name)
		return shipped.module(name) or "\n\tno module '" .. name .. "' that ships"
	end
	loaders[#loaders + 1] = function(name)
		return shipped.module "skynet.missing"(name, shipped.module)
	end
end

local function globals(world, sv)
	local env = setmetatable({}, { __index = _G })
	env._G = env
	env.table, env.coroutine = own_table(table), own_table(coroutine)
	add_compat(env)
	env.print = function(...)
		local words = { ... }
		for i = 1, select("#", ...) do
			words[i] = tostring(words[i])
		end
		world.output[#world.output + 1] = table.concat(words, "\t")
	end
	add_files(env)
	add_require(env, sv.core)
	local shipped = embedded(world, env)
	add_searchers(env, shipped)
	env.LUA_SERVICE, env.LUA_PRELOAD, env.EMBEDDED = world.patterns, world.preload, shipped
	return env
end

--- Create a service from a line like "snlua name args"; its chunk runs as its first message.
-- @return its handle, or nil and the reason
function World:launch(line)
	local kind, args = line:match "^(%S+)%s*(.*)$"
	if kind ~= "snlua" then
		return nil, "no such kind of service: " .. tostring(kind)
	end
	local sv = {
		handle = self.next_handle, line = line, args = args, alive = true, queue = {}, requests = {}, session = 0,
		handled = 0, max_tasks = 0,
	}
	self.next_handle = sv.handle + 1
	self.services[sv.handle] = sv
	sv.core = types()
	add_messages(sv.core, self, sv)
	add_payloads(sv.core, self)
	add_control(sv.core, self, sv)
	add_facts(sv.core, self, sv)
	add_scheduling(sv.core, self, sv)
	self:push(sv.handle, { init = true, session = 0 })
	self:write(sv, "LAUNCH " .. line)
	return sv.handle
end

-- Running

function World:add_timer(sv, delay_ns, session)
	if delay_ns <= 0 then
		self:push(sv.handle, { type = RESPONSE, session = session, source = 0 })
		return
	end
	self.timer_count = self.timer_count + 1
	local timer = { due = self.now_ns + delay_ns, order = self.timer_count, sv = sv, session = session }
	local at = #self.timers + 1 -- after those that are due at the same time
	while at > 1 and self.timers[at - 1].due > timer.due do
		at = at - 1
	end
	table.insert(self.timers, at, timer)
end

local function next_timer(world)
	local timer = table.remove(world.timers, 1)
	if timer == nil then
		return false
	end
	world.now_ns = math.max(world.now_ns, timer.due)
	world:push(timer.sv.handle, { type = RESPONSE, session = timer.session, source = 0 })
	return true
end

local function run_loader(world, sv)
	local env = globals(world, sv)
	sv.env = env
	assert(env.loadfile(world.root .. "/luabind/lua/compat.lua"))(debug.getmetatable)
	local loader = assert(env.loadfile(world.root .. "/luabind/lua/loader.lua"))
	local ok, err = xpcall(loader, debug.traceback, sv.args)
	if ok then
		return
	end
	if type(err) == "table" then -- what needs no traceback
		err = err[1]
	end
	world:write(sv, "lua loader error : " .. tostring(err))
	local launcher = world.names[".launcher"]
	if launcher then
		local reason = tostring(err):match "^[^\n]*"
		world:push(launcher, { type = 0, session = 0, source = sv.handle,
			msg = { payload = true, text = "ERROR " .. reason } })
	end
	world:retire(sv)
end

local function deliver(world, sv, item)
	sv.handled = sv.handled + 1
	if is_request(item) then
		sv.requests[request_key(item.source, item.session)] = item
	end
	local ok, err = pcall(sv.callback, item.type, item.msg, item.msg and 1 or 0, item.session, item.source)
	if item.msg and not sv.forward then
		item.msg.freed = true
	end
	if not ok then
		world:write(sv, string.format("lua call [%x to :%x : %d msgsz = 0] error : %s", item.source, sv.handle,
			item.session, tostring(err)))
	end
end

-- Of a service that may not begin more tasks: answers, errors, system, sockets, debug.
local CONTROL = { [RESPONSE] = true, [SYSTEM] = true, [6] = true, [ERROR] = true, [9] = true }

local function next_item(sv)
	for i, item in ipairs(sv.queue) do
		if not sv.full or CONTROL[item.type] then
			return table.remove(sv.queue, i)
		end
	end
end

--- Deliver one message, or let the next timer come due.
-- @return false when there is neither
function World:step()
	local ready = self.ready
	if ready.first > ready.last then
		return next_timer(self)
	end
	local sv = ready[ready.first]
	ready[ready.first] = nil
	ready.first = ready.first + 1
	sv.queued = false
	local item = next_item(sv)
	if item and sv.alive then
		if item.init then
			run_loader(self, sv)
		else
			deliver(self, sv, item)
		end
	end
	if item and #sv.queue > 0 and not sv.queued then
		sv.queued = true
		ready.last = ready.last + 1
		ready[ready.last] = sv
	end
	return true
end

--- Run until nothing is left to do, a service has called abort, or `seconds` of virtual time have
-- passed.
function World:run(seconds)
	local limit = self.now_ns + (seconds or 1000) * 1e9
	while self.exit_code == nil and self.now_ns < limit and self:step() do
	end
end

--- Ask all services with stop functions to end, as the runtime does at SIGTERM.
function World:terminate()
	for _, sv in pairs(self.services) do
		if sv.stopping then
			self:push(sv.handle, { type = SYSTEM, session = 0, source = 0, msg = { payload = true, text = "TERM" } })
		end
	end
end

--- A world that boots as the runtime does, with `text` as its start service "main".
function mock.boot(root, text)
	local world = mock.world(root)
	world.sources.main = text
	world.patterns = root .. "/tests/lua/services/?.lua"
	world.next_handle = 2 -- 1 is the logger
	assert(world:launch("snlua bootstrap"))
	return world
end

return mock
