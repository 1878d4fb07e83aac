-- SPDX-License-Identifier: MIT
-- Modules in C: those that ship, and those of the system, in the order in which they are looked for.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

local function that_ship()
	local crypt = require "skynet.crypt"
	check.eq(crypt.hexencode(crypt.sha1 "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d", "skynet.crypt")
	check.eq(crypt.desdecode("12345678", crypt.desencode("12345678", "text")), "text", "DES without a legacy provider")
	check.eq(require("client.crypt").hashkey "x", crypt.hashkey "x", "client.crypt is the same")
	local md5 = require "md5"
	check.eq(md5.sumhexa "", "d41d8cd98f00b204e9800998ecf8427e", "md5")
	check.eq(require("md5.core").sum "x", md5.sum "x", "md5.core is the same")
end

-- What netpack makes travels as a message, and what the receiver gets from one is its to free.
local function blocks()
	local netpack = require "skynet.netpack"
	local got
	skynet.register_protocol {
		name = "text",
		id = skynet.PTYPE_TEXT,
		unpack = skynet.tostring,
		dispatch = function(_, _, text)
			got = text
		end,
	}
	skynet.redirect(skynet.self(), skynet.self(), "text", 0, netpack.pack "over the wire")
	check.soon(function()
		return got
	end, "a block of netpack is sent like any other")
	check.eq(got, "\0\13over the wire", "with its length in front")
	check.eq(netpack.tostring(netpack.pack "x"), "\0\1x", "netpack.tostring")
end

-- A service that is preempted within and between calls of C modules computes what it would alone.
local function under_preemption()
	local crypt = require "skynet.crypt"
	local done = 0
	local text = ("0123456789abcdef"):rep(4096)
	local want = crypt.sha1(crypt.desencode("12345678", text))
	for _ = 1, 4 do
		skynet.fork(function()
			local same = true
			for _ = 1, 10 do
				same = same and crypt.sha1(crypt.desencode("12345678", text)) == want
				same = same and crypt.base64decode(crypt.base64encode(text)) == text
				skynet.yield()
			end
			done = done + (same and 1 or 0)
		end)
	end
	check.soon(function()
		return done == 4
	end, "the same results in every task")
end

local function of_the_system()
	local has_lpeg, lpeg = pcall(require, "lpeg")
	if has_lpeg then
		check.eq(lpeg.match(lpeg.C(lpeg.R "az" ^ 1), "abc1"), "abc", "lpeg")
	else
		check.ok(tostring(lpeg):find("not found", 1, true), "lpeg is not installed: skipped", lpeg)
	end
	local has_cjson, cjson = pcall(require, "cjson")
	if has_cjson then
		check.eq(cjson.encode(cjson.decode "[1,\"x\",null,{\"k\":true}]"), "[1,\"x\",null,{\"k\":true}]", "cjson")
	else
		check.ok(tostring(cjson):find("not found", 1, true), "cjson is not installed: skipped", cjson)
	end
end

-- One service saves a schema, the others share it.
local function sproto_shared()
	local loader = require "sprotoloader"
	loader.save(require("sprotoparser").parse [[
		.package { type 0 : integer session 1 : integer }
		get 1 { request { what 0 : string } response { result 0 : string } }
	]], 7)
	local host = loader.load(7):host()
	local request = host:attach(loader.load(7))
	skynet.dispatch("lua", function(_, _, bytes)
		local _, name, args, respond = host:dispatch(bytes)
		skynet.ret(skynet.pack(respond { result = name .. " " .. args.what }))
	end)
	local kind, session, got = host:dispatch(skynet.call(skynet.self(), "lua", request("get", { what = "it" }, 1)))
	check.ok(kind == "RESPONSE" and session == 1 and got.result == "get it", "sproto over skynet.call", got.result)
end

-- skynet's names from before there were prefixes, for which lua_path has to ask.
local function old_names()
	check.raises("module 'crypt' not found", "an old name", require, "crypt")
	package.path = package.path .. ";./lualib/compat10/?.lua"
	for name in ("crypt netpack sharedata sharemap snax stm"):gmatch "%S+" do
		check.eq(require(name), require("skynet." .. name), "lua_path asks for old names: " .. name)
	end
end

local function order()
	local ok, why = pcall(require, "no.such_module")
	check.ok(not ok, "what does not exist is not found")
	for _, part in ipairs { "no field package.preload", "no module 'no.such_module' that ships", "/no/such_module.so" } do
		check.ok(why:find(part, 1, true), "the error names where was looked: " .. part, why)
	end
	check.ok(why:find("that ships", 1, true) < why:find("/usr/", 1, true), "the system comes last", why)
	package.preload["md5.core"], package.loaded["md5.core"] = function()
		return "mine"
	end, nil
	check.eq(require "md5.core", "mine", "the user's own comes first")
end

check.run(function()
	that_ship()
	blocks()
	under_preemption()
	of_the_system()
	sproto_shared()
	order()
	old_names()
end)
