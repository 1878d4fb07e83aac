-- SPDX-License-Identifier: MIT
-- snax: services as objects, their life, and new functions for those that run.

local skynet = require "skynet"
require "skynet.manager"
local snax = require "skynet.snax"
local core = require "skynet.core"
local check = dofile(SERVICE_PATH .. "check.lua")

local exit_reason
skynet.dispatch("lua", function(_, _, _, reason)
	exit_reason = reason
end)

local function objects()
	local c = snax.newservice("counter", "a b", nil, { 3 })
	check.eq(tostring(c), string.format("[counter:%x]", c.handle), "an object as text")
	check.ok(c.type == "counter" and type(c.handle) == "number", "its type and handle")
	local given = c.req.given()
	check.ok(given.n == 3 and given[1] == "a b" and given[3][1] == 3, "init gets any values")
	check.eq(select("#", c.post.add(5)), 0, "a post gives nothing")
	check.eq(select(2, c.req.get("more", "back")), "more", "a request gives what the method returns")
	check.eq(c.req.get(), 10, "after what was posted before")
	check.eq(c.req.get, c.req.get, "a method is the same function each time")
	check.raises("post counter:nothing no exist", "a method that is not there", function() c.post.nothing() end)
	check.raises("request counter:add no exist", "nor as a request", function() c.req.add() end)
	check.raises("call failed: on purpose", "an error in a method", c.req.fail)
	c.post.fail()
	check.eq(c.req.get(), 10, "in a post it is only logged")
	local name, path, text, handle = c.req.names()
	check.ok(name == "counter" and path == SERVICE_PATH .. "snax/counter/", "SERVICE_NAME and SERVICE_PATH", path)
	check.ok(text == tostring(c) and handle == c.handle, "self")
	check.eq(c.req.module(), "a module beside counter, of counter", "modules from the service's own folder")
	check.eq(snax.bind(c.handle, "counter"), c, "bind gives the object that there is")
	check.raises("assertion failed!", "of that type only", snax.bind, c.handle, "other")
	check.eq(skynet.call(c.handle, "lua", snax.interface("counter").response.get), 10, "enablecluster")
	return c
end

local function life(c)
	local info = snax.profile_info(c)
	check.ok(info.get.count >= 3 and info.get.time >= 0 and info.add.count == 1 and info.fail.count == 2,
		"how often methods ran, with errors too")
	check.eq(skynet.call(c.handle, "debug", "INFO").add.count, 1, "as INFO says too")
	check.raises("Already init", "init is once", skynet.call, c.handle, "snax", snax.interface("counter").system.init)
	check.raises("counter has no method 99", "a number that is no method", skynet.call, c.handle, "snax", 99)
	snax.kill(c, "killed", skynet.self())
	check.eq(exit_reason, "killed", "kill runs exit")
	check.soon(function()
		return not core.alive(c.handle)
	end, "and ends it")
	check.raises("call to invalid address", "nobody answers any more", c.req.get)
	c.post.add(1)
	local other = snax.newservice "counter"
	other.post.exit("by itself", skynet.self())
	check.soon(function()
		return exit_reason == "by itself" and not core.alive(other.handle)
	end, "exit in the service itself")
	snax.printf("%s and %d", "printf", 1)
end

local function names_of(list)
	local names = {}
	for address, line in pairs(list) do
		names[#names + 1] = line:find "snaxd" and address or nil
	end
	return #names
end

local function failures()
	local before = names_of(skynet.call(".launcher", "lua", "LIST"))
	check.raises("call failed: init fails", "an init that fails", snax.newservice, "counter", "fail")
	check.eq(names_of(skynet.call(".launcher", "lua", "LIST")), before, "leaves no service behind")
	check.raises("init fails", "nor a unique one", snax.uniqueservice, "counter", "fail")
	check.raises("cannot open", "a file that is not there", snax.newservice, "nothing")
	check.raises("nolua.lua:1:", "one that is no Lua", snax.newservice, "nolua")
	check.raises("accept.x duplicate definition", "a method that is there twice", snax.interface, "doubled")
	local read = require "snax.interface"
	local function source(text)
		return pcall(read, "x", {}, function(_, _, G)
			return setfenv(loadstring(text), G), ""
		end)
	end
	check.ok(select(2, source "accept.x = 1"):find "accept.x must be function", "methods are functions")
	check.ok(select(2, source "response[1] = function() end"):find "response method only support string", "with names")
	check.ok(select(2, source "init = 1"):find "init must be a function", "and so is init")
	local ok, methods = source "local x = y function exit() end function response.z() end y = 1"
	check.ok(ok and methods[2][4] and #methods == 5 and methods[5][3] == "z", "the numbers of methods")
	check.eq(methods[1][4], nil, "init may be left out")
end

local function unique()
	local queried
	skynet.fork(function()
		queried = snax.queryservice "counter"
	end)
	local first = snax.uniqueservice("counter", { "a table" })
	check.eq(first.req.given()[1][1], "a table", "a unique one gets any values too")
	check.eq(snax.uniqueservice "counter", first, "there is one")
	check.soon(function()
		return queried
	end, "query waits for it")
	local global = snax.globalservice("counter", 1)
	check.ok(queried == first and global ~= first and snax.queryglobal "counter" == global, "the global one is another one")
	snax.kill(first)
	check.soon(function()
		return not core.alive(first.handle)
	end, "it ends")
	local second = snax.uniqueservice "counter"
	check.ok(second ~= first and second.req.get() == 0, "a new one when it is dead")
	snax.kill(second)
end

local PATCH = [[
local count, given, new
local function helper(n) return n * 100 end
function accept.add(n)
	count = count + helper(n)
	given.patched = a_global
	new = n
end
function response.power(n)
	return count, power, SERVICE_NAME
end
function hotfix(...)
	local before = count
	count = 0
	return before, ...
end
]]

local function hotfix()
	local c = snax.newservice "counter"
	c.post.add(1)
	local before, extra = snax.hotfix(c, PATCH, "extra")
	check.ok(before == 2 and extra == "extra", "hotfix gives what the patch's function gives", before)
	c.post.add(3)
	check.eq(c.req.get(), 300, "new functions see the old variables, and their own")
	check.eq(c.req.given().patched, "of counter", "and the service's globals")
	local count, power, name = c.req.power(1)
	check.ok(count == 300 and power == nil and name == "counter", "a global that is not there is nil")
	check.raises("Patch mismatch accept.nothing", "a method that is not there", snax.hotfix, c, [[
		function accept.add() end
		function accept.nothing() end
	]])
	c.post.add(1)
	check.eq(c.req.get(), 400, "then nothing has changed")
	check.raises("patch:1:", "a patch that is no Lua", snax.hotfix, c, "this is no Lua")
	check.raises("in it", "a hotfix that fails", snax.hotfix, c, "function hotfix() error 'in it' end")
	check.eq(snax.hotfix(c, "function response.power(n) return n end"), nil, "a patch without one")
	check.eq(c.req.power(7), 7, "a second patch")
	snax.hotfix(c, "local function f(n) return n == 0 and 0 or f(n - 1) end function response.power(n) return f(n) end")
	check.eq(c.req.power(7), 0, "functions that call themselves")
	local s = snax.newservice "shadows"
	check.raises("ambiguity local value value", "two variables of one name", snax.hotfix, s, "")
	snax.kill(s)
	return c
end

-- LuaJIT has compiled the value of `step` into the loop, and would drop the assignment.
local function hotfix_of_constants(c)
	check.eq(c.req.hot(10000), 10000, "a compiled loop")
	check.eq(snax.hotfix(c, "local step function hotfix() for i = 1, 1000 do step = step + 1 end return step end"), 1001,
		"assignments are not dropped")
	check.eq(c.req.hot(10000), 10010000, "and seen by what was compiled")
	snax.hotfix(c, "local step function accept.add() step = step + 1 end")
	for _ = 1, 200 do
		c.post.add()
	end
	check.eq(c.req.hot(1000), 1201000, "in later patches too")
	snax.kill(c)
end

check.run(function()
	local c = objects()
	life(c)
	failures()
	unique()
	hotfix_of_constants(hotfix())
end)
