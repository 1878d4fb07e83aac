-- SPDX-License-Identifier: MIT
-- A snax service for t_snax.

local skynet = require "skynet"
local snax = require "skynet.snax"

local count = 0
local step = 1 -- never assigned here: LuaJIT compiles its value in
local given

local function helper(n)
	return n * 2
end

local function power(n)
	return n == 0 and 1 or 2 * power(n - 1)
end

function accept.add(n)
	count = count + helper(n)
end

function accept.fail()
	error("posted", 0)
end

function accept.exit(...)
	snax.exit(...)
end

function response.get(...)
	return count, ...
end

function response.given()
	return given
end

function response.names()
	return SERVICE_NAME, SERVICE_PATH, tostring(snax.self()), snax.self().handle
end

function response.hot(n)
	local sum = 0
	for _ = 1, n do
		sum = sum + step
	end
	return sum
end

function response.power(n)
	return power(n)
end

function response.sleep(cs)
	skynet.sleep(cs)
	return "slept"
end

function response.fail()
	error("on purpose", 0)
end

function response.module()
	return require "beside"
end

function init(...)
	given = { n = select("#", ...), ... }
	if given[1] == "fail" then
		error("init fails", 0)
	end
	snax.enablecluster()
end

function exit(reason, watcher)
	if watcher then
		skynet.send(watcher, "lua", "exit", reason)
	end
end

a_global = "of counter"
