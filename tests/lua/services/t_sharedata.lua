-- SPDX-License-Identifier: MIT
-- sharedata: reading, updates at the borders of messages, and who holds what when a service ends.

local skynet = require "skynet"
require "skynet.manager"
local sharedata = require "skynet.sharedata"
local core = require "skynet.sharedata.core"
local check = dofile(SERVICE_PATH .. "check.lua")

local function keys(t)
	local found = {}
	for k, v in pairs(t) do
		found[#found + 1] = tostring(k) .. "=" .. tostring(type(v) == "table" and "table" or v)
	end
	table.sort(found)
	return table.concat(found, " ")
end

local function reading()
	local long = ("x"):rep(100000)
	sharedata.new("read", { a = 1, [2.5] = "half", yes = true, no = false, ["a b"] = "c", [""] = "empty",
		list = { "one", "two", { three = 3 } }, none = {}, long = long, [-1] = "minus", [2 ^ 53] = "big" })
	local t = sharedata.query "read"
	check.ok(t.a == 1 and t[2.5] == "half" and t.yes == true and t.no == false and t["a b"] == "c", "values")
	check.ok(t[""] == "empty" and t.long == long and t[-1] == "minus" and t[2 ^ 53] == "big", "odd keys, long strings")
	check.ok(t.nothing == nil and t[1] == nil and t[0 / 0] == nil and t[true] == nil and t[t] == nil, "what is not there")
	check.ok(#t == 0 and #t.list == 3 and t.list[3].three == 3 and #t.none == 0, "lists")
	check.eq(keys(t.list), "1=one 2=two 3=table", "pairs of a list")
	check.eq(keys(t.none), "", "pairs of nothing")
	check.eq(select(2, keys(t):gsub("=", "")), 11, "pairs of all")
	local values = {}
	for i, v in ipairs(t.list) do
		values[i] = v
	end
	check.ok(values[1] == "one" and values[3] == t.list[3] and #values == 3, "ipairs")
	check.ok(type(t) == "table" and tostring(t.list):find "^table: 0x", "it says that it is a table", tostring(t.list))
	check.raises("bad argument #1 to", "type wants a value", type)
	local unpacked = skynet.unpack(skynet.packstring(t))
	check.ok(unpacked.list[3].three == 3 and unpacked.long == long and unpacked[-1] == "minus", "it is packed like one")
	check.ok(t.list == t.list and sharedata.query "read" == t, "the same table is the same value")
	check.raises("Error newindex, the key [.list.3]", "it cannot be written", function()
		t.list[3].three = 4
	end)
	check.raises("Error newindex, the key []", "nor at the top", function()
		t.new = 1
	end)
	local copy = sharedata.deepcopy("read", "list")
	copy[3].three = 4
	check.ok(copy[1] == "one" and t.list[3].three == 3 and sharedata.deepcopy("read", "list", 2) == "two", "deepcopy")
	check.eq(sharedata.deepcopy("read", "x"), nil, "deepcopy of what is not there")
	check.eq(sharedata.deepcopy("read").long, long, "deepcopy of all")
	local many = {}
	for i = 1, 5000 do
		many["k" .. i] = i
	end
	sharedata.new("many", many)
	local sum, shared = 0, sharedata.query "many"
	for k, v in pairs(shared) do
		sum = sum + (shared[k] == v and many[k] == v and v or 0)
	end
	check.eq(sum, 5000 * 5001 / 2, "many keys")
	sharedata.delete "many"
end

local function sources()
	sharedata.new("chunk", "a = ... b = { string.rep('x', 2) }", 7)
	check.ok(sharedata.query("chunk").a == 7 and sharedata.query("chunk").b[1] == "xx", "the globals of a chunk")
	sharedata.update("chunk", "return { a = 8 }")
	check.eq(sharedata.query("chunk").a, 8, "or the table that it returns; the updater sees it at once")
	sharedata.update "chunk"
	check.eq(next(sharedata.deepcopy "chunk"), nil, "nothing is an empty table")
	collectgarbage()
	collectgarbage()
	local before = core.tables()
	for _, bad in ipairs { { print }, { a = { [{}] = 1 } }, { [true] = 1 }, { coroutine.create(print) } } do
		check.ok(not pcall(sharedata.update, "chunk", bad), "what cannot be shared")
	end
	local loop = {}
	loop.loop = loop
	check.raises("too deep", "a table in itself", sharedata.update, "chunk", loop)
	check.raises("Unknown data type", "a number is no data", sharedata.new, "n", 5)
	check.raises("exists already", "new wants a new name", sharedata.new, "chunk", {})
	check.raises("no shared data", "a name that is not there", sharedata.query, "not there")
	check.raises("no shared data", "nor to be deleted", sharedata.delete, "not there")
	collectgarbage()
	collectgarbage()
	check.eq(core.tables(), before, "what failed is gone")
	sharedata.delete "chunk"
end

local function publish(version)
	local list = {}
	for i = 1, version do
		list[i] = i
	end
	sharedata.update("state", { version = version, deep = { version = version }, list = list,
		["only" .. version] = { x = version } })
end

local function updates()
	publish(10)
	local t = sharedata.query "state"
	local deep, only = t.deep, t.only10
	local reader = skynet.newservice "shared_reader"
	check.eq(skynet.call(reader, "lua", "hold", "state"), 10, "another service reads it")
	publish(11)
	check.ok(t.version == 11 and deep.version == 11 and deep == t.deep, "branches follow")
	check.raises("The key [.only10] doesn't exist after update", "a branch that is gone", function()
		return only.x
	end)
	check.eq(t.only11.x, 11, "a branch that is new")
	check.eq(skynet.call(reader, "lua", "read"), 11, "the other has it with its next message")
	local torn
	skynet.fork(function()
		torn = { skynet.call(reader, "lua", "torn", 300000) }
	end)
	for version = 12, 400 do
		publish(version)
		if version % 20 == 0 then
			skynet.sleep(1)
		end
	end
	check.soon(function()
		return torn
	end, "the reader comes back")
	check.eq(torn[1], false, "one message reads one state", torn[2])
	sharedata.delete "state"
	check.eq(skynet.call(reader, "lua", "read"), 400, "what was queried stays after delete")
	check.raises("no shared data", "but cannot be queried", sharedata.query, "state")
	publish(3)
	check.eq(sharedata.query("state").version, 3, "a new one under the old name")
	check.eq(t.version, 400, "the old one is the old one")
	skynet.kill(reader)
	sharedata.delete "state"
end

-- How many tables there are when services that were killed before are gone, and what they held.
local function settled()
	local count
	repeat
		count = core.tables()
		collectgarbage()
		skynet.sleep(10)
	until core.tables() == count
	return count
end

-- An update shares what is the same with what it replaces.
local function sharing()
	local before = settled()
	local function data(changed, extra)
		local rows = {}
		for i = 1, 100 do
			rows[i] = { id = i, values = { i, "x" .. i, i == changed }, [0.5] = -0.0, [i + 0.5] = "" }
		end
		return { rows = rows, same = { deep = { deeper = { 0 / 0, false, nil, 4 } } }, extra = extra }
	end
	sharedata.new("grown", data())
	check.eq(core.tables(), before + 205, "the tables of the first state")
	local reader = skynet.newservice "shared_reader"
	skynet.call(reader, "lua", "keep", "grown")
	sharedata.update("grown", data())
	check.eq(core.tables(), before + 205, "an update without a change makes none")
	check.eq(skynet.call(reader, "lua", "is_newest"), true, "and nobody has to notice")
	sharedata.update("grown", data(50))
	check.eq(core.tables(), before + 205 + 4, "one value that changes makes its table, and those around it")
	check.eq(skynet.call(reader, "lua", "kept"), "false true", "they are old until the reader looks, as they are kept")
	check.eq(core.tables(), before + 205, "then the old ones are gone")
	sharedata.update("grown", data(50, { 1 }))
	check.eq(core.tables(), before + 206 + 1, "one more at the top: the reader has the old top")
	local t = sharedata.query "grown"
	check.ok(t.rows[50].values[3] == true and t.rows[51].values[3] == false and t.extra[1] == 1, "all is as it was given")
	check.ok(1 / t.rows[1][0.5] == -math.huge and t.same.deep.deeper[1] ~= t.same.deep.deeper[1], "to the bit")
	local list = { t.rows, t.rows[7], t.rows[7].values, t.same.deep }
	sharedata.update("grown", data(7, { 1 }))
	check.ok(list[3][3] == true and list[4].deeper[4] == 4 and list[2].id == 7 and t.rows[7] == list[2], "proxies follow")
	sharedata.update("grown", { rows = { { id = 5 } }, same = 1 })
	check.eq(list[1][1].id, 5, "into a state that has little in common")
	check.raises("doesn't exist after update", "not to what is gone", function() return list[3][1] end)
	check.raises("doesn't exist after update", "nor to what is no table any more", function() return list[4].deeper end)
	sharedata.update("grown", data(7))
	check.ok(list[3][3] == true and list[4].deeper[4] == 4, "what is there again is found again")
	check.raises("Invalid key type", "a build that fails half way", sharedata.update, "grown",
		{ rows = data().rows, same = { deep = { [print] = 1 } } })
	check.eq(list[2].id, 7, "changes nothing")
	skynet.kill(reader)
	sharedata.delete "grown"
	t, list = nil, nil -- luacheck: ignore
	check.soon(function()
		collectgarbage()
		return core.tables() == before
	end, "and all is gone in the end")
end

-- sharetable stays as it is until this service says `update`.
local function sharetables()
	local sharetable = require "skynet.sharetable"
	sharetable.loadtable("one", { v = 1, deep = { v = 1 }, gone = {} })
	local old = sharetable.query "one"
	local deep, gone = old.deep, old.gone
	sharetable.loadstring("one", "return { v = ..., deep = { v = ... } }", 2)
	skynet.sleep(1)
	check.ok(old.v == 1 and deep.v == 1, "what was queried stays")
	check.ok(sharetable.query("one").v == 2 and sharetable.query "one" == sharetable.query "one", "query gives the new")
	sharetable.update("one", "not loaded")
	check.ok(old.v == 2 and deep.v == 2 and old.deep == deep, "update moves everything")
	check.raises("The key [.gone] doesn't exist after update", "but what is gone", function()
		return gone.x
	end)
	check.eq(sharetable.query "none", nil, "nothing was loaded under that name")
	sharetable.loadfile(SERVICE_PATH .. "shared_table.lua", "argument")
	local all = sharetable.queryall()
	check.ok(all.one.v == 2 and all[SERVICE_PATH .. "shared_table.lua"][1] == "argument", "a file; queryall")
	check.eq(next(sharetable.queryall { "one", "none" }), "one", "queryall of some")
	check.raises("returns no table", "a file must return one", sharetable.loadstring, "x", "return 1")
end

local function datasheets()
	local datasheet, builder = require "skynet.datasheet", require "skynet.datasheet.builder"
	builder.new("sheet", { rows = { { id = 1 }, { id = 2 } } })
	local sheet = datasheet.query "sheet"
	local row = sheet.rows[2]
	check.eq(row.id, 2, "a row")
	builder.update("sheet", builder.compile { rows = { { id = 1 }, { id = 20 } } })
	check.ok(row.id == 20 and sheet.rows[2] == row and datasheet.query "sheet" == sheet, "it follows the update")
	check.raises("exists already", "new wants a new name", builder.new, "sheet", {})
	check.raises("no datasheet", "a sheet that is not there", datasheet.query, "none")
	check.raises("expected", "a sheet is a table", builder.new, "x", 5)
end

-- Services that end in every way let go of what they held.
local function ends()
	local before = settled()
	for _, last in ipairs { "read", "loop", "loop_at_the_end" } do
		sharedata.new("held", { version = 1, deep = { version = 1 }, list = { 1, 2 } })
		local reader = skynet.newservice "shared_reader"
		skynet.call(reader, "lua", "hold", "held")
		skynet.call(reader, "lua", last)
		sharedata.delete "held"
		check.eq(core.tables(), before + 3, "it is held after delete: " .. last)
		skynet.kill(reader)
		check.soon(function()
			return core.tables() == before
		end, "and gone with the service that was killed: " .. last)
	end
	sharedata.delete "read"
	sharedata.flush()
end

check.run(function()
	reading()
	sources()
	updates()
	sharing()
	sharetables()
	datasheets()
	ends()
end)
