-- SPDX-License-Identifier: MIT
--
-- For t_errors: raises error objects whose __tostring is no help, where its argument or a message says.

local skynet = require "skynet"

local where = ...

local object = {
	raises = setmetatable({}, { __tostring = function()
		error "inner"
	end }),
	raises_itself = setmetatable({}, {}),
	no_text = setmetatable({}, { __tostring = function()
		return {}
	end }),
}
getmetatable(object.raises_itself).__tostring = function(self)
	error(self)
end

if where == "mute" then
	return
end

skynet.start(function()
	if object[where] then
		error(object[where])
	end
	skynet.dispatch("lua", function(_, _, kind)
		if kind == "fork" then
			skynet.fork(error, object.raises)
			skynet.fork(skynet.fork, skynet.retpack, "ran") -- nothing to answer: another error
			skynet.fork(skynet.wakeup, object)
			skynet.wait(object)
		elseif object[kind] then
			error(object[kind])
		end
		skynet.retpack "fine"
	end)
end)
