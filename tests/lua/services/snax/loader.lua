-- SPDX-License-Identifier: MIT
-- For the option snax_loader: says what it was asked for instead of reading the file.
return function(path, name, G)
	local chunk = setfenv(loadstring "function response.asked() return NAME, PATH end", G)
	G.NAME, G.PATH = name, path
	return chunk, "./?.lua"
end
