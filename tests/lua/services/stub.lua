-- SPDX-License-Identifier: MIT
--
-- Reads a file of type stubs (luabind/types): dofile(SERVICE_PATH .. "stub.lua"). It knows the part of LuaLS's
-- annotations that ours use, and takes everything else for a mistake.

local stub = {}

--- The names of types that need no declaration.
stub.known = {}
for name in ("any nil boolean string number integer function table thread userdata lightuserdata unknown true false self")
	:gmatch "%S+" do
	stub.known[name] = true
end

-- ---- types ----

local parse_type

-- Each takes the text and a position and gives the position behind what it has read; errors are raised.
local function skip(text, at)
	return text:match("^%s*()", at)
end

local function take(text, at, sign)
	local behind = skip(text, at) + #sign
	return text:sub(behind - #sign, behind - 1) == sign and behind or nil
end

local function need(text, at, sign)
	return take(text, at, sign) or error(string.format("'%s' expected at: %s", sign, text:sub(at)), 0)
end

local function parse_list(text, at, names)
	repeat
		at = parse_type(text, at, names)
		local comma = take(text, at, ",")
		at = comma or at
	until not comma
	return at
end

local function parse_parameter(text, at, names)
	local behind = take(text, at, "...") or text:match("^%s*[%a_][%w_]*%??()", at)
	if behind == nil then
		error("a parameter expected at: " .. text:sub(at), 0)
	end
	local colon = take(text, behind, ":")
	return colon and parse_type(text, colon, names) or behind
end

local function parse_function(text, at, names)
	at = need(text, at, "(")
	local close = take(text, at, ")")
	while not close do
		at = parse_parameter(text, at, names)
		close = take(text, at, ")")
		at = close or need(text, at, ",")
	end
	local colon = take(text, close, ":")
	return colon and parse_list(text, colon, names) or close
end

local function parse_table(text, at, names)
	repeat
		local bracket = take(text, at, "[")
		if bracket then
			at = need(text, parse_type(text, bracket, names), "]")
		else
			at = text:match("^%s*[%a_][%w_]*%??()", at) or error("a field expected at: " .. text:sub(at), 0)
		end
		at = parse_type(text, need(text, at, ":"), names)
		local comma = take(text, at, ",")
		at = comma or at
	until not comma
	return need(text, at, "}")
end

local function parse_name(text, at, names)
	local name, behind = text:match("^%s*([%a_][%w_.]*)()", at)
	if name == nil then
		error("a type expected at: " .. text:sub(at), 0)
	end
	names[#names + 1] = name
	local list = text:sub(behind, behind) == "<" and behind + 1
	return list and need(text, parse_list(text, list, names), ">") or behind
end

local function parse_primary(text, at, names)
	local literal = text:match('^%s*"[^"]*"()', at) or text:match("^%s*%-?%d+()", at)
	if literal then
		return literal
	end
	local inner = take(text, at, "(")
	if inner then
		return need(text, parse_type(text, inner, names), ")")
	end
	inner = take(text, at, "{")
	if inner then
		return parse_table(text, inner, names)
	end
	inner = text:match("^%s*fun()%(", at)
	return inner and parse_function(text, inner, names) or parse_name(text, at, names)
end

parse_type = function(text, at, names)
	at = parse_primary(text, at, names)
	while true do
		local behind = text:match("^%[%]()", at) or text:match("^%?()", at)
		if behind then
			at = behind
		elseif text:match("^|", at) then
			return parse_type(text, at + 1, names)
		else
			return at
		end
	end
end

-- ---- blocks of comments ----

-- The types that a line names are kept, to be looked up when all files are read.
local function read_type(self, text)
	local names = {}
	local behind = parse_type(text, 1, names)
	for _, name in ipairs(names) do
		self.used[#self.used + 1] = { name = name, line = self.line }
	end
	return text:sub(behind)
end

local tag = {}

function tag.meta()
end

function tag.class(self, block, text)
	local name = text:match "^[%a_][%w_.]*$" or error("a name of a class expected: " .. text, 0)
	block.class = self.classes[name] or { name = name, fields = {} }
	self.classes[name] = block.class
end

function tag.field(self, block, text)
	local name, optional, rest = text:match "^([%a_][%w_]*)(%??) (.+)$"
	assert(name and block.class, "a field of a class expected: " .. text)
	read_type(self, rest)
	block.class.fields[name] = optional == "?" and "optional" or "there"
end

function tag.alias(self, _, text)
	local name, rest = text:match "^([%a_][%w_.]*) (.+)$"
	assert(name, "a name and a type expected: " .. text)
	self.aliases[name] = true
	read_type(self, rest)
end

function tag.type(self, block, text)
	read_type(self, text)
	block.type = true
end

function tag.overload(self, _, text)
	read_type(self, text)
end

function tag.param(self, block, text)
	local name, rest = text:match "^([%a_][%w_]*)%?? (.+)$"
	if not name then
		name, rest = text:match "^(%.%.%.) (.+)$"
	end
	assert(name, "a name and a type expected: " .. text)
	assert(not block.returns, "@param after @return")
	read_type(self, rest)
	block.params[#block.params + 1] = name
end

tag["return"] = function(self, block, text)
	read_type(self, text)
	block.returns = true
end

local function add_line(self, line)
	local block = self.block or { params = {} }
	self.block = block
	local name, text = line:match "^%-%-%-@(%a+)%s*(.-)$"
	if name then
		assert(tag[name], "unknown tag @" .. name)
		tag[name](self, block, text)
	else
		assert(#block.params == 0 and not block.returns, "text after the tags")
		block.text = true
	end
end

-- ---- statements ----

local function add_function(self, owner, name, parameters, method)
	local block = self.block or { params = {} }
	assert(block.text, "no text says what " .. name .. " does")
	local list = {}
	for parameter in parameters:gmatch "[^,%s]+" do
		list[#list + 1] = parameter
	end
	local told, there = table.concat(block.params, ", "), table.concat(list, ", ")
	assert(told == there, string.format("%s has the parameters (%s), and @param for (%s)", name, there, told))
	if method then
		table.insert(list, 1, "self")
	end
	self.functions[#self.functions + 1] = { owner = owner, name = name, params = list, line = self.line }
end

local statements = {
	{ "^local ([%w_]+) = {}$", function(self, name)
		assert(self.block and self.block.class, "a table without @class")
		self.owners[name] = self.block.class.name
	end },
	{ "^function ([%w_.]+)([.:])([%w_]+)%((.-)%) end$", function(self, owner, sign, name, parameters)
		add_function(self, owner, name, parameters, sign == ":")
	end },
	{ "^local function ([%w_]+)%((.-)%) end$", function(self, name, parameters)
		add_function(self, "local", name, parameters)
	end },
	{ "^function ([%w_]+)%((.-)%) end$", function(self, name, parameters)
		add_function(self, "_G", name, parameters)
	end },
	{ "^([%w_.]+) = nil$", function(self, name)
		assert(self.block and self.block.type, "a value without @type")
		self.values[#self.values + 1] = name
	end },
	{ "^([%w_]+) = {}$", function(self, name)
		assert(self.block and self.block.class, "a table without @class")
		self.values[#self.values + 1] = name
	end },
	{ "^return (.+)$", function(self, what)
		self.returned = what
	end },
}

local function read_line(self, line)
	if line:find "^%-%-%-" then
		return add_line(self, line)
	elseif not line:find "%S" or line:find "^%-%-" then
		self.block = nil
		return
	end
	for _, statement in ipairs(statements) do
		local found = { line:match(statement[1]) }
		if found[1] then
			statement[2](self, unpack(found))
			self.block = nil
			return
		end
	end
	error("not understood: " .. line, 0)
end

--- Read one file of stubs.
-- @return what is in it: functions, classes, aliases, owners (local name -> class), values, used (types), returned;
-- and an array of mistakes
function stub.read(text, name)
	local self = { functions = {}, classes = {}, aliases = {}, owners = {}, values = {}, used = {}, line = 0 }
	local mistakes = {}
	local chunk, err = loadstring(text, "=" .. name)
	if not chunk then
		mistakes[1] = err
	end
	for line in (text .. "\n"):gmatch "(.-)\n" do
		self.line = self.line + 1
		local ok, why = pcall(read_line, self, line)
		if not ok then
			mistakes[#mistakes + 1] = string.format("%s:%d: %s", name, self.line, why)
		end
	end
	return self, mistakes
end

return stub
