-- SPDX-License-Identifier: MIT
-- What is loaded by its first use looks as if it had been there all the time, and files of the user's still come first.

local skynet = require "skynet"
local codecache = require "skynet.codecache"
local check = dofile(SERVICE_PATH .. "check.lua")

local FUNCTIONS = [[address blocking cache call calltimeout context dispatch dispatch_message dispatch_unknown_request
	dispatch_unknown_response endless error exit fork genid getenv harbor hpc ignoreret info_func init init_service
	killthread localname log memlimit mqlen newservice now onstop pack packstring pcall queryservice rawcall rawsend
	redirect register_protocol request require response ret retpack self send setenv sleep start starttime stat task
	term time timeout tostring trace trace_timeout tracecall tracelog traceproto tracetag trash uniqtask uniqueservice
	unpack wait wakeup yield]]
local TYPES = { TEXT = 0, RESPONSE = 1, MULTICAST = 2, CLIENT = 3, SYSTEM = 4, HARBOR = 5, SOCKET = 6, ERROR = 7, QUEUE = 8,
	DEBUG = 9, LUA = 10, SNAX = 11, TRACE = 12 }

local function in_pairs()
	local seen = {}
	for name, value in pairs(skynet) do
		seen[name] = value
	end
	local missing = {}
	for name in FUNCTIONS:gmatch "%S+" do
		local callable = type(seen[name]) == "function" or name == "cache" and type(seen[name]) == "table"
		if not callable then
			missing[#missing + 1] = name
		end
	end
	check.eq(table.concat(missing, " "), "", "pairs(skynet) has every function")
	for name, id in pairs(TYPES) do
		check.eq(seen["PTYPE_" .. name], id, "and PTYPE_" .. name)
	end
end

local function compiled_chunks()
	check.eq(skynet.cache, codecache, "skynet.cache is the module skynet.codecache")
	check.eq(codecache.mode(), "ON", "codecache.mode")
	for _, mode in ipairs { "OFF", "EXIST", "ON" } do
		check.eq(codecache.mode(mode), nil, "it is set to " .. mode)
		check.eq(codecache.mode(), mode, "and is " .. mode)
		local chunk = codecache.loadfile(SERVICE_PATH .. "shared_table.lua")
		check.eq(type(chunk("x")), "table", "loadfile, " .. mode)
	end
	check.raises("invalid option 'SOME'", "another mode", codecache.mode, "SOME")
	local chunk, why = codecache.loadfile "/no/such/file.lua"
	check.ok(chunk == nil and why == "cannot open /no/such/file.lua: No such file or directory", "a file that is not there", why)
	chunk, why = codecache.loadfile(SERVICE_PATH .. "stm.sproto")
	check.ok(chunk == nil and why:find("stm.sproto:1:", 1, true), "a file that is no Lua", why)
	check.eq(select("#", codecache.clear()), 0, "clear gives nothing")
end

local function other_names()
	check.eq(skynet.no_such_name, nil, "an unknown name is nil")
	check.eq(skynet["a b"], nil, "so is one that is no name")
	check.eq(skynet["."], nil, "nor a pattern")
	check.eq(skynet[1], nil, "nor a number")
	check.eq(skynet[nil], nil, "nor nil")
	skynet.my_own = 5
	check.eq(skynet.my_own, 5, "a field of the service's own")
	check.eq(skynet.time, skynet.time, "a function is the same each time")
	skynet.memlimit(1024 * 1024 * 1024)
	check.eq(skynet.memlimit, nil, "memlimit is gone after its use")
end

local write = check.write

local function load_anew(name)
	package.loaded[name] = nil
	return require(name)
end

local function files_of_the_user()
	local dir = os.tmpname()
	os.remove(dir)
	assert(os.execute("mkdir -p " .. dir .. "/skynet") == 0)
	package.path = dir .. "/?.lua;" .. package.path
	check.eq(type(load_anew "skynet.harbor"), "table", "a module that ships")
	check.eq(type(load_anew "skynet.harbor"), "table", "and again")
	write(dir .. "/skynet/harbor.lua", "local name, path = ... return { name, path, 'mine' }")
	check.eq(load_anew "skynet.harbor"[2], nil, "a file that appears later is not looked for")
	codecache.clear()
	local mine = load_anew "skynet.harbor"
	check.eq(mine[1] .. mine[3], "skynet.harbormine", "but after codecache.clear")
	check.eq(mine[2], dir .. "/skynet/harbor.lua", "and gets its path")
	write(dir .. "/skynet/mqueue.lua", "return 'mine'")
	check.eq(load_anew "skynet.mqueue", "mine", "one that was there before comes first")
	os.execute("rm -r " .. dir)
end

check.run(function()
	in_pairs()
	compiled_chunks()
	other_names()
	files_of_the_user()
end)
