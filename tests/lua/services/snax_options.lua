-- SPDX-License-Identifier: MIT
-- The options snax_loader and snax_interface_g, which e2e_lua.py sets; and what happens without the option snax.

local skynet = require "skynet"
local check = dofile(SERVICE_PATH .. "check.lua")

check.run(function()
	local snax = require "skynet.snax"
	if not skynet.getenv "snax" then
		check.raises("please set snax in config file", "without the option", snax.newservice, "loaded")
		return
	end
	local name, path = snax.newservice("loaded").req.asked()
	check.eq(name, "loaded", "the service is what snax_loader gives; clients see snax_interface_g")
	check.eq(path, skynet.getenv "snax", "the loader gets the path")
end)
