-- SPDX-License-Identifier: MIT
-- stm and sharemap: what one service writes and others read, and that nothing is left of it when they end.

local skynet = require "skynet"
require "skynet.manager"
local stm = require "skynet.stm"
local core = require "skynet.stm.core"
local sharemap = require "skynet.sharemap"
local check = dofile(SERVICE_PATH .. "check.lua")

local function values(...)
	local words = { ... }
	for i = 1, select("#", ...) do
		words[i] = tostring(words[i])
	end
	return table.concat(words, " ")
end

local function collect()
	collectgarbage()
	collectgarbage()
end

local function in_one_service()
	local writer = stm.new(skynet.pack(1, nil, "x"))
	local copy = stm.copy(writer)
	check.eq(type(copy), "userdata", "what copy gives")
	local first, second = stm.newcopy(copy), stm.newcopy(copy)
	check.eq(values(first(skynet.unpack)), "true 1 nil x", "a reader reads")
	check.eq(values(first(skynet.unpack)), "false", "each state once")
	writer(skynet.pack "second")
	writer "third"
	check.eq(values(first(skynet.tostring)), "true third", "the newest counts, strings too")
	check.eq(values(second(function(msg, sz, extra)
		return skynet.tostring(msg, sz), extra
	end, 7)), "true third 7", "another reader; a value that is passed on")
	writer ""
	check.eq(values(first(function(_, sz) return sz end)), "true 0", "nothing is a state")
	writer "fourth"
	check.raises("in f", "an error in what reads", first, function() error "in f" end)
	check.eq(values(first(skynet.tostring)), "false", "it has been read all the same")
	check.raises("function expected", "what reads is a function", first, 1)
	check.raises("invalid param", "what is written is a string or a pointer", writer, true)
	check.raises("expected", "a reader is not copied", stm.copy, first)
	check.raises("userdata expected", "nor is a number a copy", stm.newcopy, 12345)
	writer "fifth"
	local outer = {}
	first(function(msg, sz)
		writer "sixth"
		outer[2] = select(2, first(skynet.tostring))
		outer[1] = skynet.tostring(msg, sz)
	end)
	check.eq(table.concat(outer, " "), "fifth sixth", "what is read stays while it is read")
	writer = nil -- luacheck: ignore
	collect()
	check.eq(values(second(skynet.tostring)), "false", "nothing from a writer that is gone")
	check.eq(values(stm.newcopy(copy)(skynet.tostring)), "false", "nor by its copy")
end

local function between_services()
	local writer = stm.new(skynet.pack "one")
	local reader = skynet.newservice "stm_reader"
	local copy = stm.copy(writer)
	check.eq(values(skynet.call(reader, "lua", "take", copy)), "true one", "another service reads")
	check.eq(values(skynet.call(reader, "lua", "read")), "false", "nothing new")
	writer(skynet.pack { deep = { 1 } })
	check.eq(select(2, skynet.call(reader, "lua", "read")).deep[1], 1, "something new")
	writer(skynet.pack "held")
	local held
	skynet.fork(function()
		held = values(skynet.call(reader, "lua", "hold", 5))
	end)
	skynet.sleep(1)
	writer(skynet.pack "later")
	check.eq(values(skynet.call(reader, "lua", "read")), "true later", "while another task reads what was there")
	check.soon(function()
		return held
	end, "which comes back")
	check.eq(held, "true held", "with that")
	skynet.kill(reader)
end

-- However services end, nothing stays behind. What was sent to nobody holds nothing.
local function ends()
	local function left(count)
		return function()
			collect()
			return core.blocks() == count
		end
	end
	check.soon(left(0), "nothing is left of what was before")
	for _, way in ipairs { "read", "loop" } do
		local writer = stm.new(skynet.pack(way))
		local reader = skynet.newservice "stm_reader"
		skynet.call(reader, "lua", "take", stm.copy(writer))
		writer(skynet.pack(way, 2))
		skynet.call(reader, "lua", way)
		writer(skynet.pack(way, 3))
		check.soon(left(2), "the reader holds what it has read last: " .. way)
		skynet.kill(reader)
		check.soon(left(1), "and lets go when it is killed")
		skynet.send(":ffff", "lua", stm.copy(writer))
		writer = nil -- luacheck: ignore
		check.soon(left(0), "and the writer too")
	end
end

local function records()
	sharemap.register(SERVICE_PATH .. "stm.sproto")
	local writer = sharemap.writer("record", { x = 1, s = "one" })
	local reader = skynet.newservice "stm_reader"
	check.eq(values(skynet.call(reader, "lua", "record", "record", writer:copy())), "1 one", "a record")
	check.eq(values(skynet.call(reader, "lua", "update")), "false 1 one nil", "nothing new")
	writer.x = 2
	writer.list = { 5, 6 }
	writer.s = nil
	check.ok(writer.x == 2 and writer.list[2] == 6, "the writer reads what it has written")
	check.eq(values(skynet.call(reader, "lua", "update")), "false 1 one nil", "others not before commit")
	writer:commit()
	check.eq(values(skynet.call(reader, "lua", "update")), "true 2 nil 6", "but then, and what is gone is gone")
	local own = sharemap.reader("record", writer:copy())
	check.raises("cannot be written", "a reader is not written", function() own.x = 5 end)
	check.eq(own.x, 2, "a reader in the same service")
	skynet.kill(reader)
end

check.run(function()
	in_one_service()
	between_services()
	ends()
	records()
end)
