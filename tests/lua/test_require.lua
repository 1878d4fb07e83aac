-- SPDX-License-Identifier: MIT
-- skynet/require.lua: modules that wait while they load.

return function(t)
	t.eq(t.output [[
		local skynet = require "skynet"
		local loads = 0
		package.loaders[#package.loaders + 1] = function(name)
			if name == "slow" then
				return function()
					loads = loads + 1
					skynet.sleep(1)
					return { "slow module" }
				end
			elseif name == "fails" then
				return function()
					skynet.sleep(1)
					error "no good"
				end
			elseif name == "circle" then
				return function() return skynet.require "circle" end
			end
		end
		skynet.start(function()
			local results = {}
			for i = 1, 3 do
				skynet.fork(function() results[i] = skynet.require "slow" end)
			end
			skynet.sleep(5)
			print(loads, results[1][1], results[1] == results[2] and results[2] == results[3])
			print(skynet.require "slow" == results[1], require "slow" == results[1])
			for i = 1, 2 do
				skynet.fork(function() results[i] = select(2, pcall(skynet.require, "fails")) end)
			end
			skynet.sleep(5)
			print(results[1]:match "no good", results[2]:match "require fails failed")
			print(tostring(select(2, pcall(skynet.require, "circle"))):match "circular dependency")
			print(tostring(select(2, pcall(skynet.require, "none"))):match "module 'none' not found")
		end)
	]], "1\tslow module\ttrue true\ttrue no good\trequire fails failed circular dependency module 'none' not found",
		"modules that wait, fail, and depend on themselves")
end
