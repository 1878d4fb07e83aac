-- SPDX-License-Identifier: MIT
--
-- For services with `lua54 = true`: what translated chunks call (lua54.c rewrites the syntax), and
-- load, loadfile, loadstring and dofile that translate. Other VMs never load this file.
--
-- Bit operators work on 64-bit two's complement integers, as in Lua 5.4. Up to 2^53 numbers are
-- enough for that; beyond it, and when an operand is a 64-bit cdata, lua54_wide.lua takes over.

local blame = require "lua54_blame"
local close = require "lua54_close"

local band, bnot, bor, bxor, tobit = bit.band, bit.bnot, bit.bor, bit.bxor, bit.tobit
local floor, getmetatable, require, tonumber, type = math.floor, debug.getmetatable, require, tonumber, type

local EXACT = 2 ^ 53
local WORD = 2 ^ 32
local POWER = {}
for i = 0, 63 do
	POWER[i] = 2 ^ i
end

local helpers = { tbc = close.tbc, close = close.close }

local operations

-- The rare cases, loaded with the FFI when one comes up.
local function wide(operation, a, b)
	operations = operations or require "lua54_wide"
	return (operations[operation](a, b))
end

local function metamethod(a, event)
	local meta = getmetatable(a)
	return type(meta) == "table" and meta[event] or nil
end

local function number_of(a, what)
	local number = type(a) == "string" and tonumber(a) or a
	if type(number) ~= "number" and type(number) ~= "cdata" then
		blame(string.format("attempt to perform %s on a %s value", what, type(a)))
	end
	return number
end

-- The operands are not both numbers.
local function other(operation, a, b, what)
	local event = "__" .. operation
	local f = metamethod(a, event) or metamethod(b, event)
	if f then
		return (f(a, b))
	end
	local x, y = number_of(a, what), number_of(b, what)
	if type(x) == "number" and type(y) == "number" then
		return (helpers[operation](x, y))
	end
	return (wide(operation, x, y))
end

local function other_bits(operation, a, b)
	return (other(operation, a, b, "bitwise operation"))
end

-- Integers of up to 54 bits, sign included, are handled as two words. The floor around `a % WORD`
-- changes no value: it keeps the compiler from pulling the 32-bit conversion in front of the `%`,
-- where it is wrong beyond 2^51 (found by e2e_lua54.py).
local function fits(a)
	return floor(a) == a and a <= EXACT and a >= -EXACT
end

--- a & b
function helpers.band(a, b)
	if type(a) ~= "number" or type(b) ~= "number" then
		return (other_bits("band", a, b))
	elseif tobit(a) == a and tobit(b) == b then
		return band(a, b)
	elseif fits(a) and fits(b) then
		return band(floor(a / WORD), floor(b / WORD)) * WORD + band(floor(a % WORD), floor(b % WORD)) % WORD
	end
	return (wide("band", a, b))
end

--- a | b
function helpers.bor(a, b)
	if type(a) ~= "number" or type(b) ~= "number" then
		return (other_bits("bor", a, b))
	elseif tobit(a) == a and tobit(b) == b then
		return bor(a, b)
	elseif fits(a) and fits(b) then
		return bor(floor(a / WORD), floor(b / WORD)) * WORD + bor(floor(a % WORD), floor(b % WORD)) % WORD
	end
	return (wide("bor", a, b))
end

--- a ~ b
function helpers.bxor(a, b)
	if type(a) ~= "number" or type(b) ~= "number" then
		return (other_bits("bxor", a, b))
	elseif tobit(a) == a and tobit(b) == b then
		return bxor(a, b)
	elseif fits(a) and fits(b) then
		return bxor(floor(a / WORD), floor(b / WORD)) * WORD + bxor(floor(a % WORD), floor(b % WORD)) % WORD
	end
	return (wide("bxor", a, b))
end

--- ~a
function helpers.bnot(a)
	if type(a) ~= "number" then
		return (other_bits("bnot", a, a))
	elseif tobit(a) == a then
		return bnot(a)
	elseif fits(a) then
		return -a - 1
	end
	return (wide("bnot", a, a))
end

--- a << n
function helpers.shl(a, n)
	if type(a) ~= "number" or type(n) ~= "number" then
		return (other_bits("shl", a, n))
	end
	local power = POWER[n]
	if power and fits(a) then
		local shifted = a * power
		if shifted <= EXACT and shifted >= -EXACT then
			return shifted
		end
	end
	return (wide("shl", a, n))
end

--- a >> n, zeros coming in
function helpers.shr(a, n)
	if type(a) ~= "number" or type(n) ~= "number" then
		return (other_bits("shr", a, n))
	end
	local power = POWER[n]
	if power and a >= 0 and fits(a) then
		return floor(a / power)
	end
	return (wide("shr", a, n))
end

--- a // b: division rounded down. Integral numbers are integers here: by 0 they raise.
function helpers.idiv(a, b)
	if type(a) ~= "number" or type(b) ~= "number" then
		return (other("idiv", a, b, "arithmetic"))
	elseif b == 0 and floor(a) == a then
		blame "attempt to perform 'n//0'"
	end
	return floor(a / b)
end

--- The step of a numeric `for`.
function helpers.step(n)
	if n == 0 then
		blame "'for' step is zero"
	end
	return n
end

-- Loading

local raw_load, raw_loadfile = load, loadfile

-- How LuaJIT names the chunk in its messages.
local function shown(name)
	local _, err = raw_load("?", name)
	return err:match "^(.*):%d+: " or name
end

local function is_bytecode(text)
	return text:byte() == 27
end

-- A dumped function has lost its upvalues, and so the helpers.
local function load_bytecode(text, name, ...)
	local chunk, err = raw_load(text, name, ...)
	for i = 1, chunk and debug.getinfo(chunk, "u").nups or 0 do
		if debug.getupvalue(chunk, i) == "__lua54" then
			debug.setupvalue(chunk, i, helpers)
		end
	end
	return chunk, err
end

local function compile(translate, text, name, ...)
	if is_bytecode(text) then
		return load_bytecode(text, name, ...)
	end
	local translated, wrapped, line = translate(text)
	if translated == nil then
		return nil, string.format("%s:%d: %s", shown(name), line, wrapped)
	end
	local chunk, err = raw_load(translated, name, ...)
	if chunk and wrapped then
		chunk = chunk(helpers)
	end
	return chunk, err
end

local function read_all(reader)
	local pieces = {}
	for piece in reader do
		if type(piece) ~= "string" then
			error("reader function must return a string", 3)
		elseif piece == "" then
			break
		end
		pieces[#pieces + 1] = piece
	end
	return table.concat(pieces)
end

-- Called with the translator: see lua54_for_lua.
return function(translate)
	close.open()

	--- As in Lua 5.4.
	function load(chunk, name, ...)
		if type(chunk) == "function" then
			local ok, text = pcall(read_all, chunk)
			if not ok then
				return nil, text
			end
			return compile(translate, text, name or "=(load)", ...)
		elseif type(chunk) ~= "string" then
			return raw_load(chunk, name, ...) -- which refuses it
		end
		return compile(translate, chunk, name or chunk, ...)
	end

	function loadstring(text, name)
		return load(text, name)
	end

	--- As in Lua 5.4.
	function loadfile(path, ...)
		local file = path and io.open(path, "rb")
		if not file then
			return raw_loadfile(path, ...)
		end
		local text = file:read "*a"
		file:close()
		if text == nil then
			return raw_loadfile(path, ...)
		end
		return compile(translate, text, "@" .. path, ...)
	end

	function dofile(path)
		local chunk, err = loadfile(path)
		if chunk == nil then
			error(err, 0)
		end
		return chunk()
	end
end
