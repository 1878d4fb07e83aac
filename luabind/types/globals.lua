---@meta

-- What every service finds among its globals beside LuaJIT's own. Say "LuaJIT" for runtime.version.

---The first word of the line that launched this service.
---@type string
SERVICE_NAME = nil

---The folder in which its file was found, with a slash at the end; "" for one that ships.
---@type string
SERVICE_PATH = nil

---_G, to be read.
---@type table
_ENV = nil

---Length of a table or string, without __len.
---@param value table|string
---@return integer
function rawlen(value) end

---The arguments as an array with their number in `n`.
---@param ... any
---@return { n: integer, [integer]: any }
function table.pack(...) end

---As unpack.
---@param list table
---@param i? integer
---@param j? integer
---@return any ...
function table.unpack(list, i, j) end

---Values as bytes, by the format language of Lua 5.4. Raises its errors.
---@param format string
---@param ... any
---@return string
function string.pack(format, ...) end

---Bytes as values. 64-bit integers that a number cannot hold are FFI int64_t.
---@param format string
---@param text string
---@param position? integer
---@return any ... the values, and the position behind them
function string.unpack(format, text, position) end

---How many bytes a format of fixed size takes.
---@param format string
---@return integer
function string.packsize(format) end

---Whether a number is whole and within 64 bits.
---@param value any
---@return "integer"|"float"|nil
function math.type(value) end

---The value as an integer, or nil.
---@param value any
---@return integer?
function math.tointeger(value) end

---Whether a is smaller than b, both as unsigned integers.
---@param a integer
---@param b integer
---@return boolean
function math.ult(a, b) end

---2^53 - 1: up to there a number is exact.
---@type integer
math.maxinteger = nil

---@type integer
math.mininteger = nil

---End a suspended coroutine. Raises an error for one that runs.
---@param co thread
---@return boolean ok
---@return any err
function coroutine.close(co) end

---@class utf8lib
utf8 = {}

---Codes as UTF-8.
---@param ... integer
---@return string
function utf8.char(...) end

---Iterate: `for position, code in utf8.codes(s)`. Raises an error at bytes that are no UTF-8.
---@param s string
---@param lax? boolean
---@return fun(s: string, position: integer): integer?, integer?
---@return string s
---@return integer first
function utf8.codes(s, lax) end

---The codes of the characters that begin between i and j. Raises an error at bytes that are no UTF-8.
---@param s string
---@param i? integer
---@param j? integer
---@param lax? boolean
---@return integer ...
function utf8.codepoint(s, i, j, lax) end

---How many characters begin between i and j.
---@param s string
---@param i? integer
---@param j? integer
---@param lax? boolean
---@return integer? count nil: there is a byte that is no UTF-8
---@return integer? position of that byte
function utf8.len(s, i, j, lax) end

---Where the n-th character counted from i begins.
---@param s string
---@param n integer
---@param i? integer
---@return integer? position
function utf8.offset(s, n, i) end
