-- SPDX-License-Identifier: MIT
--
-- For bench_preempt: "KIND INDEX" as a message, and it does KIND for ever and counts in the program's own
-- array what it has done. No skynet here: the runtime runs without the services that ship.

local core = require "skynet.core"
local ffi = require "ffi"

ffi.cdef "uint64_t bench_count[];"
local count = ffi.C.bench_count

local hog = {}

function hog.loop(at)
	while true do
		count[at] = count[at] + 1
	end
end

function hog.tables(at)
	local keep = {}
	local i = 0
	while true do
		i = i + 1
		keep[i % 100 + 1] = { i, { name = i } }
		count[at] = count[at] + 1
	end
end

function hog.sort(at)
	local list = {}
	while true do
		for i = 1, 2000 do
			list[i] = (i * 7919 + i * i * 104729) % 10007
		end
		table.sort(list, function(a, b)
			return a > b
		end)
		count[at] = count[at] + 1
	end
end

-- Strings of which many match in part.
function hog.find(at)
	local text = string.rep("a", 100)
	while true do
		string.find(text, "a*a*b")
		count[at] = count[at] + 1
	end
end

core.callback(function(_, data, size)
	local kind, at = core.tostring(data, size):match "^(%a+) (%d+)$"
	if kind then
		hog[kind](tonumber(at))
	end
end)
