-- SPDX-License-Identifier: MIT
-- luabind/lua/loader.lua: which file becomes the service, and what it may rely on.

local function write(path, text)
	local file = assert(io.open(path, "w"))
	file:write(text)
	file:close()
end

local function folder_with(files)
	local dir = os.tmpname()
	os.remove(dir)
	assert(os.execute("mkdir -p " .. dir .. "/pkg") == 0)
	for name, text in pairs(files) do
		write(dir .. "/" .. name, text)
	end
	return dir
end

return function(t)
	local function run_line(line, patterns, preload)
		local world = t.mock.world(t.root)
		world.patterns, world.preload = patterns, preload
		world.sources.embedded = "print('embedded', SERVICE_NAME, SERVICE_PATH == '', ...)"
		world:launch("snlua " .. line)
		world:run(1)
		return table.concat(world.output, "|"), world:log_text()
	end

	local dir = folder_with {
		["plain.lua"] = "print('plain', SERVICE_NAME, SERVICE_PATH, ...)",
		["broken.lua"] = "this is no Lua",
		["embedded.lua"] = "print 'the user comes first'",
		["raises.lua"] = "error 'in the chunk'",
		["pkg/main.lua"] = "print('pkg', SERVICE_PATH, require 'part', package.path:sub(-6))",
		["pkg/pkg.lua"] = "print('pkg', SERVICE_PATH, package.path)",
		["pkg/part.lua"] = "return 'part of pkg'",
		["preload.lua"] = "preloaded = table.concat({ ... }, ',')",
		["shows.lua"] = "print(preloaded, LUA_SERVICE, LUA_PATH, LUA_CPATH, LUA_PRELOAD, EMBEDDED)",
		["module.lua"] = "print(require 'skynet.protocol'.types.PTYPE_LUA, pcall(require, 'no.such'))",
	}
	local patterns = dir .. "/?.lua;" .. dir .. "/?/main.lua"

	t.eq(run_line("plain a  b", patterns), "plain\tplain\t" .. dir .. "/\ta\tb", "name, folder and arguments")
	t.eq(run_line("embedded x", "./nowhere/?.lua"), "embedded\tembedded\ttrue\tx", "an embedded service")
	t.eq(run_line("embedded", patterns), "the user comes first", "the user's file hides an embedded service")
	t.has(run_line("pkg", patterns), "pkg\t" .. dir .. "/pkg/\tpart of pkg", "dir/?/main.lua sets SERVICE_PATH and path")
	t.eq(run_line("pkg", dir .. "/?/?.lua"), "pkg\t" .. dir .. "/pkg/\t", "dir/?/?.lua does not set the path")
	t.eq(run_line("shows p q", patterns, dir .. "/preload.lua"), "shows,p,q\tnil\tnil\tnil\tnil\tnil",
		"the preload file runs with all words, helper globals are gone")
	t.has(run_line("module", patterns), "10\tfalse", "an embedded module")
	t.has(run_line("module", patterns), "no module 'no.such' that ships", "a module that is not there")

	local _, log = run_line("broken", patterns)
	t.has(log, "lua loader error : ", "a syntax error is reported")
	t.has(log, "broken.lua:1:", "with its place")
	t.hasnot(log, "cannot open", "and ends the search")
	_, log = run_line("nothing", patterns)
	t.has(log, "service nothing not found: cannot open " .. dir .. "/nothing.lua: No such file", "the first path that was tried")
	t.has(log, "\ncannot open " .. dir .. "/nothing/main.lua: No such file", "the second one")
	t.has(log, "and none that ships", "and ours")
	_, log = run_line("raises", patterns)
	t.has(log, "raises.lua:1: in the chunk", "an error in the main chunk")
	_, log = run_line("", patterns)
	t.has(log, "no service name given", "an empty line")
	os.execute("rm -r " .. dir)
end
