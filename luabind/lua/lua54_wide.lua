-- SPDX-License-Identifier: MIT
--
-- The operators of Lua 5.3 where numbers are not enough: an operand or the result lies beyond 2^53,
-- or an operand is a 64-bit cdata. The result is an int64_t when an operand was one, so that hashes
-- keep wrapping; else a number if it is within 2^53, else an int64_t.

local blame = require "lua54_blame"
local ffi = require "ffi"

local int64, uint64 = ffi.typeof "int64_t", ffi.typeof "uint64_t"
local istype, tonumber, type = ffi.istype, tonumber, type
local EXACT = int64(2 ^ 53)

local wide = {}

local function is_wide(x)
	return istype(int64, x) or istype(uint64, x)
end

local function to_integer(x)
	if type(x) == "number" then
		if math.floor(x) ~= x or x < -2 ^ 63 or x >= 2 ^ 63 then
			blame "number has no integer representation"
		end
		return int64(x)
	elseif is_wide(x) then
		return int64(x)
	end
	blame "attempt to perform bitwise operation on a cdata value"
end

local function result(value, a, b)
	value = int64(value)
	if type(a) == "number" and type(b) == "number" and value <= EXACT and value >= -EXACT then
		return tonumber(value)
	end
	return value
end

function wide.band(a, b)
	return result(bit.band(to_integer(a), to_integer(b)), a, b)
end

function wide.bor(a, b)
	return result(bit.bor(to_integer(a), to_integer(b)), a, b)
end

function wide.bxor(a, b)
	return result(bit.bxor(to_integer(a), to_integer(b)), a, b)
end

function wide.bnot(a)
	return result(bit.bnot(to_integer(a)), a, a)
end

-- Left by n, right when negative; bits beyond either end are lost. How far does not make it wide.
local function shift(a, n)
	local value, by = to_integer(a), tonumber(to_integer(n))
	if by <= -64 or by >= 64 then
		return result(int64(0), a, a)
	elseif by >= 0 then
		return result(bit.lshift(value, by), a, a)
	end
	return result(bit.rshift(value, -by), a, a)
end

function wide.shl(a, n)
	return (shift(a, n))
end

function wide.shr(a, n)
	return (shift(a, -n))
end

--- Rounded down, where cdata round towards 0.
function wide.idiv(a, b)
	local x, y = int64(a), int64(b)
	if y == 0 then
		blame "attempt to perform 'n//0'"
	elseif y == -1 then
		return -x -- the least one wraps to itself; the processor's division would trap
	end
	local quotient = x / y
	if quotient * y ~= x and (x < 0) ~= (y < 0) then
		quotient = quotient - 1
	end
	return quotient
end

return wide
