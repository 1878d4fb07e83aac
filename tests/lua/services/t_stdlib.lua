-- SPDX-License-Identifier: MIT
-- Lua's libraries, of which some are opened by their first use: nobody can tell, whatever that use is.

local check = dofile(SERVICE_PATH .. "check.lua")

local names = { "bit", "debug", "io", "math", "os", "utf8" }
local own = {} -- what we add to each, before anything else

local function first_uses()
	bit.of_our_own, math.of_our_own = own, own
	check.eq(bit.of_our_own, own, "a field that was set first")
	check.eq(bit.band(7, 2), 2, "is beside the others")
	local found = {}
	for name, f in pairs(math) do
		found[name] = f
	end
	check.eq(found.of_our_own, own, "pairs finds a field that was set first")
	check.eq(found.floor, math.floor, "and the others")
	bit.of_our_own, math.of_our_own = nil, nil
	check.eq(rawget(bit, "of_our_own"), nil, "fields can be taken out")
	local co = coroutine.wrap(function()
		return os.time()
	end)
	check.eq(type(co()), "number", "in a coroutine")
end

local function afterwards()
	for _, name in ipairs(names) do
		local library = _G[name]
		check.eq(library.nothing, nil, name .. " has no such field")
		check.eq(getmetatable(library), nil, name .. " has no metatable")
		check.ok(next(library), name .. " has fields")
		check.eq(package.loaded[name], library, name .. " is the module of its name")
	end
end

check.run(function()
	first_uses()
	afterwards()
	check.eq(math.type(1), "integer", "what Lua 5.3 has is there")
end)
