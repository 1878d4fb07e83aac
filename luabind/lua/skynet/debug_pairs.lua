-- SPDX-License-Identifier: MIT
--
-- `debug_pairs = true`: tells of a table that another task has changed while a task waited inside of a
-- pairs loop over it, with the line of the loop and the line of the change. For finding the bug,
-- not for production: the service runs interpreted.
--
-- While a task is suspended its stack is searched for loops of pairs, and each of their tables is
-- copied, flat; when the task goes on, the table and the copy are compared. What the loop's own
-- body does to the table is thus never reported, and a loop that was broken off neither. For
-- the line of a change, a line hook compares at each line that other tasks execute meanwhile: what
-- differs was done by the line before. It is told when the loop takes its next step, since
-- only then it matters. Rejected: a proxy in the table's place, which changes what rawget, next, # and
-- C code see.

local core = require "skynet.core"
local task = require "skynet.task"
local abort = require "skynet.abort"

local debug, next, type, rawget, rawequal = debug, next, type, rawget, rawequal
local getinfo, getlocal, sethook, gethook = debug.getinfo, debug.getlocal, debug.sethook, debug.gethook
local format, ceil, status = string.format, math.ceil, coroutine.status
local plain_pairs = pairs

-- So many entries are compared at each line; with more of them, only at every second, third, ... line.
local ENTRIES_A_LINE = 1000
local TOLD_MAX = 1000 -- pairs of lines that are told, each once

local loops = setmetatable({}, { __mode = "k" }) -- step function -> { place, change }
local snaps_of = setmetatable({}, { __mode = "k" }) -- suspended task -> its snaps
local told, told_count = {}, 0

-- The line that other code executes now, and the one at the last comparison.
local here, compared_at = nil, nil
local every, left = 1, 1 -- lines from one comparison to the next; until the next

local function place_of(info)
	return info and info.currentline > 0 and format("%s:%d", info.short_src, info.currentline) or nil
end

local function shown(key)
	local text = type(key) == "string" and format("%q", key) or tostring(key)
	return #text <= 60 and text or text:sub(1, 57) .. "..."
end

-- ---- tables ----

local function copy_of(t)
	local copy, size = {}, 0
	for key, value in next, t do
		copy[key] = value
		size = size + 1
	end
	return copy, size
end

local function is_same(a, b)
	return rawequal(a, b) or a ~= a and b ~= b
end

-- How t differs from what it was, or nil.
local function difference(snap)
	local copy, count = snap.copy, 0
	for key, value in next, snap.t do
		if copy[key] == nil then
			return format("key %s was added", shown(key))
		elseif not is_same(copy[key], value) then
			return format("key %s got another value", shown(key))
		end
		count = count + 1
	end
	if count < snap.size then
		for key in next, copy do
			if rawget(snap.t, key) == nil then
				return format("key %s was removed", shown(key))
			end
		end
	end
end

-- ---- the lines that other tasks execute ----

local function compare_all()
	local by = here
	if by and every > 1 and compared_at and compared_at ~= here then
		by = format("%s to %s", compared_at, here)
	end
	for _, snaps in next, snaps_of do
		for _, snap in ipairs(snaps) do
			local what = snap.change == nil and difference(snap)
			if what then
				snap.change = { what = what, place = by }
			end
		end
	end
	compared_at, left = here, every
end

-- At a return the line goes on in which the function was called. Some functions of LuaJIT's library (table.remove) are
-- Lua without lines: what they do is done by the line that calls them.
local function on_line(event)
	left = left - 1
	if left <= 0 then
		compare_all()
	end
	here = place_of(getinfo(event == "line" and 2 or 3, "Sl")) or here
end

local function entries()
	local sum = 1
	for _, snaps in next, snaps_of do
		for _, snap in ipairs(snaps) do
			sum = sum + snap.size
		end
	end
	return sum
end

-- A hook of the user's own stays; then the line of a change is not known.
local function begin_lines()
	here, compared_at = nil, nil
	every = ceil(entries() / ENTRIES_A_LINE)
	left = every
	if gethook() == nil then
		sethook(on_line, "lr")
	end
end

local function end_lines()
	if gethook() == on_line then
		sethook()
	end
	compare_all()
end

-- ---- suspended tasks ----

local function add_snap(snaps, loop, t)
	local copy, size = copy_of(t)
	snaps[#snaps + 1] = { loop = loop, t = t, copy = copy, size = size, change = nil }
end

local scan

-- Coroutines of skynet.coroutine are suspended with their task: the library's frames name them.
local function scan_frame(co, level, snaps)
	local library = getinfo(co, level, "S").source == "@luabind/lua/skynet/coroutine.lua"
	local i = 1
	local name, value = getlocal(co, level, i)
	while name do
		local loop = name == "(for generator)" and loops[value]
		if loop then
			add_snap(snaps, loop, select(2, getlocal(co, level, i + 1)))
		elseif library and type(value) == "thread" and status(value) == "suspended" then
			scan(value, snaps)
		end
		i = i + 1
		name, value = getlocal(co, level, i)
	end
end

-- The loops that a suspended coroutine is in.
scan = function(co, snaps)
	local level = 0
	while getinfo(co, level, "l") do
		scan_frame(co, level, snaps)
		level = level + 1
	end
	return snaps
end

local function suspend(co)
	local snaps = scan(co, {})
	if #snaps > 0 then
		snaps_of[co] = snaps
	end
end

local function go_on(co)
	local snaps = snaps_of[co]
	if snaps == nil then
		return
	end
	snaps_of[co] = nil
	for _, snap in ipairs(snaps) do
		local what = snap.change == nil and difference(snap)
		snap.loop.change = snap.loop.change or snap.change or what and { what = what }
	end
end

local step_of = coroutine.resume

local function settle(co, watched, ...)
	if watched then
		end_lines()
	end
	if status(co) == "suspended" then
		suspend(co)
	end
	return ...
end

local function step(co, ...)
	go_on(co)
	local watched = next(snaps_of) ~= nil
	if watched then
		begin_lines()
	end
	return settle(co, watched, step_of(co, ...))
end

task.resume_with(step)

--- As before, below what is done here.
function task.resume_with(f)
	step_of = f
end

local end_task = abort.task

--- As before; a task that was killed does not go on with its loops.
function abort.task(co, err)
	snaps_of[co] = nil
	end_task(co, err)
end

-- ---- loops ----

local function tell(loop)
	local change = loop.change
	loop.change = nil
	local by = change.place and " at " .. change.place or ", it is not known where"
	local key = loop.place .. "\n" .. by
	if told[key] or told_count == TOLD_MAX then
		return
	end
	told[key], told_count = true, told_count + 1
	core.error(format("warn: the table of the pairs loop at %s was changed by another task while the loop waited: %s%s",
		loop.place, change.what, by))
end

--- As in Lua 5.4. Gives a function for `next`, one for each loop.
function pairs(value)
	if type(value) ~= "table" then
		return plain_pairs(value)
	end
	local iterate, state, first = plain_pairs(value)
	if iterate ~= next then
		return iterate, state, first
	end
	local loop = { place = place_of(getinfo(2, "Sl")) or "?", change = nil }
	local function advance(t, key)
		if loop.change then
			tell(loop)
		end
		return next(t, key)
	end
	loops[advance] = loop
	return advance, state, first
end
