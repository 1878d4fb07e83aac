-- SPDX-License-Identifier: MIT
--
-- Variables that are closed (`local x <close>`). Each coroutine has a list of those that are open,
-- the last one first; the running coroutine's is `head`. Translated code opens (tbc) and closes
-- (close) at each regular exit. An error is the affair of whoever catches it: pcall, xpcall and the
-- resume of a coroutine note where the list stood and close what is above. That costs nothing where
-- nothing is open, and needs no protected call where something is.

local raw_pcall, raw_xpcall = pcall, xpcall
local create, raw_close, raw_resume, status = coroutine.create, coroutine.close, coroutine.resume, coroutine.status
local getmetatable, type = debug.getmetatable, type

local head
local heads = setmetatable({}, { __mode = "k" }) -- coroutine -> its list, while it does not run

local failures = setmetatable({}, { __mode = "k" }) -- coroutine -> the error that ended it

local close = {}

local function call_close(value, err)
	getmetatable(value).__close(value, err)
end

-- Takes the last variable off the list before its metamethod runs: it is closed once, whatever happens.
local function take()
	local node = head
	head, node.open = node.below, false
	return node.value
end

--- Open: value is closed with all that is opened after it. nil and false are let pass.
-- @return what close wants
function close.tbc(value, name)
	if value ~= nil and value ~= false then
		local meta = getmetatable(value)
		if type(meta) ~= "table" or meta.__close == nil then
			error(string.format("variable '%s' got a non-closable value", name), 2)
		end
	end
	head = { value = value or nil, below = head, open = true }
	return head
end

--- Close `node` and what was opened after it, at a regular exit. If one raises, the others are left
-- to whoever catches that error.
-- @return the other arguments
function close.close(node, ...)
	while node.open do
		local value = take()
		if value then
			call_close(value, nil)
		end
	end
	return ...
end

local pcall

-- Close down to `mark` because of an error. Returns the error, or what a metamethod made of it.
local function unwind(mark, err)
	while head ~= mark and head ~= nil do
		local value = take()
		if value then
			local ok, new = pcall(call_close, value, err)
			if not ok then
				err = new
			end
		end
	end
	return err
end

-- The same for the list of a coroutine that will not run any more.
local function unwind_all(list, err)
	local outer = head
	head = list
	err = unwind(nil, err)
	head = outer
	return err
end

--- Close all that is open in the running coroutine, which will not go on.
function close.leave()
	unwind(nil, nil)
end

local function after_pcall(mark, ok, ...)
	if ok or head == mark then
		return ok, ...
	end
	return false, unwind(mark, (...))
end

function pcall(...)
	return after_pcall(head, raw_pcall(...))
end

-- Lua 5.4 would wait with the closing until coroutine.close, which hardly anybody calls.
local function after_failure(co, list, err)
	if list then
		err = unwind_all(list, err)
	end
	failures[co] = { err }
end

local function after_resume(co, outer, ok, ...)
	local inner = head
	head = outer
	if not ok then
		after_failure(co, inner, (...))
	elseif inner then
		heads[co] = inner
	end
	return ok, ...
end

local function resume(co, ...)
	if type(co) ~= "thread" or status(co) ~= "suspended" then
		return raw_resume(co, ...) -- which refuses it
	end
	local outer = head
	head = heads[co]
	if head then
		heads[co] = nil
	end
	return after_resume(co, outer, raw_resume(co, ...))
end

local function after_wrap(ok, ...)
	if ok then
		return ...
	end
	local err = ...
	error(err, type(err) == "string" and 2 or 0)
end

local function close_coroutine(co)
	local state = status(co)
	if state == "running" or state == "normal" then
		error("cannot close a " .. state .. " coroutine", 3)
	end
	local list = heads[co]
	local failure = failures[co]
	if list and state == "suspended" then
		heads[co] = nil
		local err = unwind_all(list, nil)
		failure = err ~= nil and { err } or nil
	end
	raw_close(co)
	if failure then
		failures[co] = nil -- reported once
		return false, failure[1]
	end
	return true
end

--- Put the catching functions in place of the VM's own, before anything else has taken a copy.
function close.open()
	_G.pcall = pcall
	function xpcall(f, handler, ...)
		return after_pcall(head, raw_xpcall(f, handler, ...))
	end
	coroutine.resume = resume
	function coroutine.wrap(f)
		local co = create(f)
		return function(...)
			return after_wrap(resume(co, ...))
		end
	end
	coroutine.close = function(co)
		if type(co) ~= "thread" then
			return raw_close(co) -- which raises
		end
		local ok, err = close_coroutine(co) -- no tail call: errors name the line two levels up
		if ok then
			return true
		end
		return false, err
	end
end

return close
