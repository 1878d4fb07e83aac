-- SPDX-License-Identifier: MIT
--
-- The loader of a module that was found in a file: it gets its path as the second argument, as in Lua 5.2. Called with
-- the file's chunk and the path.

local chunk, path = ...

return function(...)
	return chunk(..., path)
end
