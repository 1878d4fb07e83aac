-- SPDX-License-Identifier: MIT
--
-- Running a piece of code as if it stood in a function that has been called and not returned: it sees the function's
-- local variables, those of the functions around it, its globals and its `...`, and may assign to them.
--
-- Names are looked up while the code runs, by its environment. So there is no limit on how many variables the function
-- has. What the code makes out of local variables (functions, say) keeps their values, not the variables themselves.

local getinfo, getlocal, setlocal = debug.getinfo, debug.getlocal, debug.setlocal
local getupvalue, setupvalue = debug.getupvalue, debug.setupvalue

-- The level as a function here must say it: in the running coroutine there are `own` functions of ours on top.
local function real_level(co, level, own)
	return co == coroutine.running() and level + own or level
end

local function read_locals(co, level, frame)
	level = real_level(co, level, 4)
	for i = 1, math.huge do
		local name, value = getlocal(co, level, i)
		if name == nil then
			return
		end
		if name:sub(1, 1) ~= "(" then -- a temporary
			frame.place[name], frame.value[name] = i, value
		end
	end
end

local function read_arguments(co, level, frame)
	level = real_level(co, level, 4)
	for i = 1, math.huge do
		local name, value = getlocal(co, level, -i)
		if name == nil then
			return
		end
		frame.arguments[i], frame.argument_count = value, i
	end
end

local function read_upvalues(f, frame)
	if getinfo(f, "S").what == "C" then
		return
	end
	for i = 1, math.huge do
		local name = getupvalue(f, i)
		if name == nil then
			return
		end
		frame.upvalue[name] = i
	end
end

-- What a function that has been called can see; nil when there is none at that level.
local function read_frame(co, level)
	local info = getinfo(co, real_level(co, level, 3), "f")
	if info == nil then
		return nil
	end
	local frame = { f = info.func, place = {}, value = {}, changed = {}, upvalue = {}, arguments = {}, argument_count = 0 }
	read_locals(co, level, frame)
	read_arguments(co, level, frame)
	read_upvalues(info.func, frame)
	return frame
end

local function write_locals(co, level, frame)
	level = real_level(co, level, 3)
	for name in pairs(frame.changed) do
		setlocal(co, level, frame.place[name], frame.value[name])
	end
end

local function environment_of(frame, extra)
	local globals = getfenv(frame.f)
	return setmetatable({}, {
		__index = function(_, name)
			if extra[name] ~= nil then
				return extra[name]
			elseif frame.place[name] then
				return frame.value[name]
			elseif frame.upvalue[name] then
				return (select(2, getupvalue(frame.f, frame.upvalue[name])))
			end
			return globals[name]
		end,
		__newindex = function(_, name, value)
			if frame.place[name] then
				frame.value[name], frame.changed[name] = value, true
			elseif frame.upvalue[name] then
				setupvalue(frame.f, frame.upvalue[name], value)
			else
				globals[name] = value
			end
		end,
	})
end

local function pack(...)
	return { n = select("#", ...), ... }
end

--- Run `source` in the place of a function. Local variables that it assigns to are changed there too when it is through,
-- also by an error.
-- @param co a coroutine, by default the running one
-- @param level which function of its stack: 0 is the innermost, or the caller of this
-- @param extra nil, or values that the code sees by name before all others
-- @return true and what the code returns; false and the error
return function(source, co, level, extra)
	co, level = co or coroutine.running(), level or 0
	local chunk, err = loadstring(source, "=(debug)")
	if chunk == nil then
		return false, err
	end
	local frame = read_frame(co, level)
	if frame == nil then
		return false, "Invalid level"
	end
	setfenv(chunk, environment_of(frame, extra or {}))
	local results = pack(pcall(chunk, unpack(frame.arguments, 1, frame.argument_count)))
	write_locals(co, level, frame)
	return unpack(results, 1, results.n)
end
