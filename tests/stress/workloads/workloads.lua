-- SPDX-License-Identifier: MIT
--
-- Programs of every kind, for the tests that stop them at random moments. Each is a function of one number
-- and returns a text that is the same on every run, whatever the seed of the string hash, the addresses
-- and the moments of the collector: so nothing here depends on the order of pairs() or on a clock.
--
-- `n` sets the length; 1 takes a few milliseconds.

local bit = require("bit")
local ffi = require("ffi")
local buffer_found, buffer = pcall(require, "string.buffer")

local workloads = {}

local bxor, rol, tobit = bit.bxor, bit.rol, bit.tobit

local function mix(hash, value)
	return tobit(bxor(rol(hash, 5), value) + 0x2545)
end

local function mix_text(hash, text)
	for i = 1, #text do
		hash = mix(hash, text:byte(i))
	end
	return hash
end

-- The same pseudo-random numbers everywhere.
local function generator(seed)
	local state = seed
	return function(limit)
		state = (state * 16807) % 2147483647
		return state % limit + 1
	end
end

function workloads.integers(n)
	local hash = 1
	for i = 1, n * 400000 do
		hash = mix(hash, i % 8191)
	end
	return tostring(hash)
end

function workloads.floats(n)
	local x, sum = 0.5, 0
	for i = 1, n * 150000 do
		x = 3.99 * x * (1 - x)
		sum = sum + math.sin(x) * math.sqrt(i) / (x + 1.5)
	end
	return string.format("%.17g %.17g", x, sum)
end

function workloads.tables(n)
	local hash = 0
	for round = 1, n * 60 do
		local list = {}
		for i = 1, 150 do
			list[i] = { round, i, name = i * 2, inner = { i } }
		end
		for i = 150, 1, -3 do
			table.remove(list, i)
		end
		for i = 1, #list do
			local one = list[i]
			hash = mix(hash, one[1] + one[2] * 3 + one.name + one.inner[1])
		end
	end
	return tostring(hash)
end

function workloads.strings(n)
	local hash = 0
	for round = 1, n * 25 do
		local parts, seen, distinct = {}, {}, 0
		for i = 1, 120 do
			parts[#parts + 1] = "k" .. i .. "/" .. (i * round % 97)
		end
		local text = table.concat(parts, ",")
		for word in text:gmatch("[^,]+") do
			if not seen[word] then
				seen[word] = true
				distinct = distinct + 1
			end
		end
		hash = mix_text(mix(hash, distinct), text:sub(1, 40):upper():reverse():rep(2, "-"))
	end
	return tostring(hash)
end

function workloads.sort(n)
	local hash = 0
	for round = 1, n * 8 do
		local random, list = generator(round), {}
		for i = 1, 600 do
			list[i] = { key = random(1000), place = i }
		end
		table.sort(list, function(a, b)
			if a.key ~= b.key then
				return a.key < b.key
			end
			return a.place < b.place
		end)
		for i = 1, #list do
			hash = mix(hash, list[i].key * 1000 + list[i].place)
		end
	end
	return tostring(hash)
end

function workloads.gsub(n)
	local hash, text = 0, ("the quick brown fox jumps over the lazy dog "):rep(20)
	for round = 1, n * 15 do
		local count = 0
		local changed = text:gsub("%a+", function(word)
			count = count + 1
			if count % 3 == 0 then
				return (word:gsub(".", function(letter)
					return string.char((letter:byte() + round - 97) % 26 + 97)
				end))
			end
			return count % 5 == 0 and word:upper() or nil
		end)
		hash = mix_text(mix(hash, count), changed:sub(round, round + 60))
	end
	return tostring(hash)
end

function workloads.coroutines(n)
	local function permutations(list, size)
		if size == 0 then
			coroutine.yield(list)
		end
		for i = 1, size do
			list[i], list[size] = list[size], list[i]
			permutations(list, size - 1)
			list[i], list[size] = list[size], list[i]
		end
	end
	local hash = 0
	for round = 1, n * 6 do
		for list in coroutine.wrap(function() permutations({ 1, 2, 3, 4, round }, 5) end) do
			hash = mix(hash, list[1] * 100 + list[3] * 10 + list[5])
		end
		local task = coroutine.create(function(a)
			for _ = 1, 300 do
				local inner = coroutine.wrap(function(x) coroutine.yield(x + 1) end)
				a = coroutine.yield(inner(a))
			end
			error({ code = a })
		end)
		local alive, value = true, round
		while coroutine.status(task) ~= "dead" do
			alive, value = coroutine.resume(task, value)
		end
		hash = mix(hash, (not alive and value.code) or -1)
	end
	return tostring(hash)
end

function workloads.errors(n)
	local hash = 0
	local function fail(depth, kind)
		if depth > 0 then
			return (fail(depth - 1, kind)) + 1
		end
		if kind == 0 then
			error("plain")
		elseif kind == 1 then
			error({ value = 77 })
		elseif kind == 2 then
			return nil + 1
		end
		return 5
	end
	for i = 1, n * 150 do
		local ok, what = pcall(fail, i % 7, i % 4)
		if ok then
			hash = mix(hash, what)
		elseif type(what) == "table" then
			hash = mix(hash, what.value)
		else
			hash = mix_text(hash, what:match("[^:]*$"))
		end
		local _, trace = xpcall(fail, function(message)
			return type(message) == "string" and #message:match("[^:]*$") or 3
		end, i % 3, i % 3)
		hash = mix(hash, trace)
	end
	return tostring(hash)
end

function workloads.metamethods(n)
	local vector = {}
	vector.__index = function(_, key) return #key end
	vector.__add = function(a, b) return setmetatable({ rawget(a, 1) + rawget(b, 1) }, vector) end
	vector.__mul = function(a, k) return setmetatable({ rawget(a, 1) * k % 65537 }, vector) end
	vector.__eq = function(a, b) return rawget(a, 1) == rawget(b, 1) end
	vector.__lt = function(a, b) return rawget(a, 1) < rawget(b, 1) end
	vector.__concat = function(a, b) return tostring(rawget(a, 1)) .. tostring(b) end
	vector.__call = function(self, x) return rawget(self, 1) + x end
	vector.__newindex = function(t, key, value) rawset(t, key, value * 2) end
	local one, sum, hash = setmetatable({ 1 }, vector), setmetatable({ 0 }, vector), 0
	for i = 1, n * 8000 do
		sum = (sum + one) * (i % 13 + 1)
		hash = mix(hash, sum(i) + sum.four + (sum == one and 1 or 0) + (sum < one and 2 or 0))
		if i % 50 == 0 then
			sum.extra = i
			hash = mix_text(mix(hash, sum.extra), sum .. "x")
		end
	end
	return tostring(hash)
end

ffi.cdef([[
typedef struct { double x, y; int32_t id; uint8_t tag[12]; } stress_point;
typedef struct { int64_t total; stress_point point[16]; } stress_cloud;
]])

function workloads.ffi_arithmetic(n)
	local a, b = 1LL, 0x9e3779b97f4a7c15ULL
	for i = 1, n * 60000 do
		a = a * 6364136223846793005LL + i
		b = bxor(rol(b, 7), ffi.cast("uint64_t", a)) + 1
		if i % 1000 == 0 then
			a = a / 3 + tonumber(b % 1000ULL)
		end
	end
	return tostring(a) .. tostring(b)
end

function workloads.ffi_structs(n)
	local hash = 0
	local numbers = ffi.new("int32_t[?]", 256)
	for round = 1, n * 80 do
		local cloud = ffi.new("stress_cloud")
		for i = 0, 15 do
			local p = cloud.point[i]
			p.x, p.y, p.id = i * 0.5, round / (i + 1), i * round
			p.tag[i % 12] = i
			cloud.total = cloud.total + p.id
		end
		for i = 0, 255 do
			numbers[i] = numbers[(i * 7 + round) % 256] + i
		end
		ffi.copy(cloud.point[3].tag, "abcdef")
		local text = ffi.string(cloud.point[3].tag)
		local copy = ffi.new("stress_point", cloud.point[round % 16])
		hash = mix_text(mix(hash, tonumber(cloud.total) + copy.id + numbers[round % 256]), text)
		hash = mix_text(hash, string.format("%.17g", copy.x + copy.y))
	end
	return tostring(hash)
end

function workloads.buffers(n)
	if not buffer_found then
		return "none"
	end
	local hash = 0
	for round = 1, n * 40 do
		local out = buffer.new()
		for i = 1, 80 do
			out:put("item ", i, ";"):putf("%d-%s", i * round, "x")
		end
		local size = #out
		hash = mix_text(mix(hash, size), out:get(50))
		out:skip(size % 100)
		local packed = buffer.encode({ round, "text", { 1.5, true } })
		local back = buffer.decode(packed)
		hash = mix(hash, back[1] + #back[2] + back[3][1] * 2 + #out)
	end
	return tostring(hash)
end

-- Many small functions, each compiled, flushed by the collector, and loops with side exits.
function workloads.compile(n)
	local hash = 0
	for i = 1, n * 25 do
		local make = assert(loadstring(string.format(
			[[local x, y = ..., %d
			for i = 1, 120 do
				if i %% %d == 0 then x = x + y elseif i %% %d == 1 then x = x * 3 %% 10007
				elseif i %% 11 == 2 then x = x - i else x = (x + i * %d) %% 65521 end
			end
			return x]],
			i,
			i % 5 + 2,
			i % 3 + 4,
			i % 17
		)))
		hash = mix(hash, make(i) + make(i * 2) + #string.dump(make) % 2)
	end
	return tostring(hash)
end

function workloads.patterns(n)
	local hash, text = 0, ("a"):rep(24) .. "b" .. ("xyz"):rep(30)
	for round = 1, n * 3 do
		local from = text:find("a*a*a*a*c", 1 + round % 3)
		local first, last = text:find("(x?y?z?)*%1b?$")
		hash = mix(hash, (from or 1) + (first or 2) + (last or 3))
		hash = mix(hash, select("#", ("k=v, k2 = v2"):match("^(%w+)%s*=%s*(%w+),%s*(%w+)%s*=%s*(%w+)$")))
		hash = mix_text(hash, ("f(a(b)c)d"):match("%b()") .. (text:match("^(.-)b") or ""))
		hash = mix(hash, #text:gsub("%f[%a]%a", "Q"))
	end
	return tostring(hash)
end

function workloads.recursion(n)
	local function ackermann(m, k)
		if m == 0 then
			return k + 1
		elseif k == 0 then
			return ackermann(m - 1, 1)
		end
		return ackermann(m - 1, ackermann(m, k - 1))
	end
	local function depth(k)
		if k == 0 then
			return 0
		end
		return 1 + depth(k - 1)
	end
	local function endless(k)
		return 1 + endless(k + 1)
	end
	local sum = 0
	for _ = 1, n * 2 do
		sum = sum + ackermann(2, 40) + depth(8000)
		local ok, why = pcall(endless, 1)
		sum = sum + ((not ok and why:find("stack overflow", 1, true)) and 1 or 1000)
	end
	return tostring(sum)
end

function workloads.closures(n)
	local hash = 0
	for round = 1, n * 300 do
		local adders = {}
		for i = 1, 20 do
			local total = i
			adders[i] = {
				add = function(x)
					total = total + x
					return total
				end,
				get = function() return total end,
			}
		end
		for i = 1, 20 do
			adders[i].add(round)
			adders[21 - i].add(i)
			hash = mix(hash, adders[i].get())
		end
	end
	return tostring(hash)
end

function workloads.varargs(n)
	local function count(...)
		return select("#", ...), ...
	end
	local function fold(first, ...)
		if first == nil then
			return 0
		end
		return first + fold(...)
	end
	local hash, list = 0, {}
	for i = 1, 40 do
		list[i] = i * 3
	end
	for i = 1, n * 1500 do
		local size, a, b = count(unpack(list, 1, i % 40))
		hash = mix(hash, size + (a or 0) + (b or 0))
		hash = mix(hash, fold(unpack(list, 1, i % 12)) + select(-1, i, 5))
		hash = mix(hash, math.max(unpack(list)) + #{ count(i, nil, i) })
	end
	return tostring(hash)
end

function workloads.collector(n)
	local finalized, made = 0, 0
	for round = 1, n * 30 do
		for _ = 1, 10 do
			local proxy = newproxy(true)
			getmetatable(proxy).__gc = function()
				finalized = finalized + 1
				local garbage = {}
				for k = 1, 5 do
					garbage[k] = { k, tostring(k) }
				end
			end
			made = made + 1
		end
		local weak = setmetatable({}, { __mode = "v" })
		for i = 1, 60 do
			weak[i] = { i }
		end
		collectgarbage("step", round % 50)
		local object = ffi.gc(ffi.new("int32_t[4]"), function() finalized = finalized + 1 end)
		object[0] = round
		made = made + 1
	end
	collectgarbage()
	collectgarbage()
	-- A dead object may still be named by a stack slot of this function.
	return made - finalized <= 4 and "collected" or ("left " .. made - finalized .. " of " .. made)
end

function workloads.numbers(n)
	local hash, random = 0, generator(4711)
	for i = 1, n * 1500 do
		local x = (random(1000000) - 500000) / random(1000) * 10 ^ (i % 40 - 20)
		local text = string.format("%.17g", x)
		if tonumber(text) ~= x then
			return "lost " .. text
		end
		hash = mix_text(hash, text)
		hash = mix_text(hash, string.format("%5d|%-8s|%08x|%q|%.3f|%g", i, "ab", i, "q\n", x % 7, i / 8))
		hash = mix(hash, tonumber(string.format("%x", i), 16) + #tostring(x))
	end
	return tostring(hash)
end

function workloads.bits(n)
	local a, b = 0x12345678, 0
	for i = 1, n * 150000 do
		a = bxor(bit.lshift(a, 13), a)
		a = bxor(bit.rshift(a, 17), a)
		a = bxor(bit.lshift(a, 5), a)
		b = bit.bor(bit.band(a, 0xff00ff), bit.bnot(bit.arshift(b, i % 31)))
		b = bxor(bit.bswap(b), bit.ror(a, i % 32))
	end
	return bit.tohex(a) .. bit.tohex(b)
end

-- errno belongs to the program: it may not see another thread's or the handler's.
function workloads.errno(n)
	local wrong, x = 0, 1
	for i = 1, n * 60 do
		ffi.errno(i % 100 + 1)
		for k = 1, 3000 do
			x = (x * 31 + k) % 65521
		end
		if ffi.errno() ~= i % 100 + 1 then
			wrong = wrong + 1
		end
	end
	return wrong .. " wrong, " .. x
end

return workloads
