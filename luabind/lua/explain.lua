-- SPDX-License-Identifier: MIT
--
-- Why a file was not compiled, with the way out when it is written for a later Lua. Called with the path, LuaJIT's
-- message and the translator; gives the message.

local path, err, translate = ...

local file = io.open(path, "rb")
if not file then
	return err
end
local source = file:read "*a"
file:close()
local text, _, line, token = translate(source or "")
if not text or not token then
	return err
end
local version = token == "<" and "5.4" or token:find "^[;(b]" and "5.2" or "5.3"
return string.format("%s:%d: unexpected symbol near '%s': Lua %s syntax; set lua54 = true in the config",
	path, line, token, version)
