-- SPDX-License-Identifier: MIT
--
-- Bytes that one service writes and any number of others read without asking it: a reader has the newest state whenever
-- it looks. stm.new(msg, sz) gives the writer, which is called with the next state: writer(msg, sz). stm.copy(writer)
-- gives what is sent to readers, who make one of it: reader = stm.newcopy(copy). The work is luabind/stm.c's.

local core = require "skynet.stm.core"

local read, unpin, write = core.read, core.unpin, core.write

local function finish(pin, ...)
	unpin(pin)
	return true, ...
end

--- reader(f [, extra]): if there is a state that this reader has not read yet, f(msg, sz, extra) reads it (skynet.unpack,
-- say). msg is a pointer that is good until f returns; f may wait.
-- @return false when there is none; true and what f returns
function core.reader.__call(reader, f, extra)
	if type(f) ~= "function" then
		error(string.format("bad argument #1 to a reader (function expected, got %s)", type(f)), 2)
	end
	local pin, msg, sz = read(reader)
	if pin == nil then
		return false
	end
	return finish(pin, f(msg, sz, extra))
end

core.writer.__call = write

return {
	--- A writer with its first state: a string, or pointer and size in bytes, taken over (skynet.pack gives that).
	new = core.new,
	--- What readers are made of; to be sent to other services, as often as one likes.
	copy = core.copy,
	--- A reader of what stm.copy gave. It reads nothing any more when the writer is gone.
	newcopy = core.newcopy,
}
