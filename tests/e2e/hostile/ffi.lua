-- SPDX-License-Identifier: MIT
local ffi = require "ffi"
local box = ffi.new "struct { uint64_t sum; int32_t v[16]; }"
local i = 0
while true do -- here
	i = i + 1 -- here
	box.v[i % 16] = i % 1000 -- here
	box.sum = box.sum + box.v[(i * 7) % 16] -- here
end -- here
