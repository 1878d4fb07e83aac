-- SPDX-License-Identifier: MIT
--
-- The text of a sproto schema to its bytes, which are a sproto message themselves:
--
--     schema   = { type | protocol }
--     type     = "." name "{" { field | type } "}"
--     field    = name tag ":" ["*"] typename ["(" key or digits ")"]
--     protocol = name tag "{" { ("request" | "response") (typename | "{" ... "}") } "}"
--
-- and comments from # to the end of a line. Three steps: read to a list of types and protocols, resolve
-- names, write.

local parser = {}

-- Reading

local source = {}
source.__index = source

local function open(text, name)
	local self = setmetatable({ text = text, at = 1, name = name }, source)
	self:advance()
	return self
end

function source:fail()
	local _, line = self.text:sub(1, self.start - 1):gsub("\n", "")
	error(string.format("syntax error at [%s] line (%d)", self.name, line + 1), 0)
end

-- Makes the next word, number or sign the token; nil at the end.
function source:advance()
	local text, at = self.text, self.at
	while true do
		at = text:match("^%s*()", at)
		if text:sub(at, at) ~= "#" then
			break
		end
		at = text:match("^[^\n]*()", at)
	end
	self.start = at
	self.token = text:match("^[%a_][%w_]*", at) or text:match("^%d+", at) or text:match("^[.{}:*()]", at)
	if self.token == nil and at <= #text then
		self:fail()
	end
	self.at = at + #(self.token or "")
end

function source:take(pattern)
	local token = self.token
	if token == nil or not token:match(pattern) then
		self:fail()
	end
	self:advance()
	return token
end

function source:maybe(sign)
	if self.token == sign then
		self:advance()
		return true
	end
	return false
end

local WORD, NUMBER = "^[%a_]", "^%d"

-- Without blanks around the dots: a dot after a blank begins a type.
function source:name_with_dots()
	local name = self.text:match("^[%a_][%w_.]*", self.start)
	if name == nil or name:find "%.[%d.]" or name:sub(-1) == "." then
		self:fail()
	end
	self.at = self.start + #name
	self:advance()
	return name
end

local function read_tag(self, owner)
	local tag = tonumber(self:take(NUMBER))
	if tag > 32766 then
		error(string.format("tag %d of %s is greater than 32766", tag, owner), 0)
	end
	return tag
end

local function read_field(self, typename)
	local field = { name = self:take(WORD) }
	field.tag = read_tag(self, typename .. "." .. field.name)
	self:take "^:"
	field.array = self:maybe "*"
	field.typename = self:name_with_dots()
	if self:maybe "(" then
		if field.typename == "integer" then
			field.digits = tonumber(self:take(NUMBER))
			if field.digits > 18 then
				error(string.format("%s.%s has more than 18 decimal digits", typename, field.name), 0)
			end
		elseif field.array then
			field.key = self.token == ")" and "" or self:take(WORD)
		else
			self:fail()
		end
		self:take "^%)"
	end
	return field
end

local read_struct

-- Adds the type and those inside of it to `types`.
local function read_type(self, types, prefix)
	self:take "^%."
	local name = prefix .. self:take(WORD)
	read_struct(self, types, name)
end

function read_struct(self, types, name)
	if types[name] then
		error("redefined " .. name, 0)
	end
	local fields, names, tags = {}, {}, {}
	types[name] = fields
	self:take "^{"
	while not self:maybe "}" do
		if self.token == "." then
			read_type(self, types, name .. ".")
		else
			local field = read_field(self, name)
			if names[field.name] then
				error(string.format("redefine %s in type %s", field.name, name), 0)
			elseif tags[field.tag] then
				error(string.format("redefine tag %d in type %s", field.tag, name), 0)
			end
			names[field.name], tags[field.tag] = true, true
			fields[#fields + 1] = field
		end
	end
	table.sort(fields, function(a, b)
		return a.tag < b.tag
	end)
end

local function read_part(self, types, protocol)
	local part = self.token
	if part ~= "request" and part ~= "response" then
		self:fail()
	end
	self:advance()
	if protocol[part] then
		error(string.format("redefine %s in protocol %s", part, protocol.name), 0)
	end
	if self.token == "{" then
		protocol[part] = protocol.name .. "." .. part
		read_struct(self, types, protocol[part])
	else
		local typename = self:name_with_dots()
		if typename == "nil" then
			protocol.confirm = protocol.confirm or part == "response"
		else
			protocol[part] = typename
		end
	end
end

local function read_protocol(self, types, protocols)
	local protocol = { name = self:take(WORD) }
	protocol.tag = read_tag(self, protocol.name)
	if protocols[protocol.name] then
		error("redefined " .. protocol.name, 0)
	end
	protocols[protocol.name] = protocol
	protocols[#protocols + 1] = protocol
	self:take "^{"
	while not self:maybe "}" do
		read_part(self, types, protocol)
	end
end

-- Resolving

local BUILTIN = { integer = 0, boolean = 1, string = 2, binary = 2, double = 3 }

-- A type that is named in `scope` ("a.b"): one inside of it, then inside of "a", then at the top.
local function resolve(types, scope, name)
	while scope do
		local full = scope .. "." .. name
		if types[full] then
			return full
		end
		scope = scope:match "^(.+)%."
	end
	return types[name] and name
end

-- The field that a table is by: its name, or for `()` the first of exactly two.
local function key_of(field, fields)
	if field.key == "" then
		if #fields ~= 2 then
			error(string.format("Invalid map definition: %s, must only have two fields", field.name), 0)
		end
		field.map = true
		field.key = fields[1].name
	end
	for _, each in ipairs(fields) do
		if each.name == field.key and BUILTIN[each.typename] and not each.array then
			return each.tag
		end
	end
	error("Invalid map index :" .. field.key, 0)
end

local function resolve_types(types)
	for name, fields in pairs(types) do
		for _, field in ipairs(fields) do
			if not BUILTIN[field.typename] then
				field.struct = resolve(types, name, field.typename)
					or error(string.format("Undefined type %s in type %s", field.typename, name), 0)
			end
		end
	end
	for _, fields in pairs(types) do
		for _, field in ipairs(fields) do
			if field.key then
				field.key_tag = key_of(field, types[field.struct] or {})
			end
		end
	end
end

local function check_protocols(types, protocols)
	table.sort(protocols, function(a, b)
		return a.tag < b.tag
	end)
	for i, protocol in ipairs(protocols) do
		if i > 1 and protocols[i - 1].tag == protocol.tag then
			error(string.format("redefined protocol tag %d at %s", protocol.tag, protocol.name), 0)
		end
		for _, part in ipairs { "request", "response" } do
			if protocol[part] and not types[protocol[part]] then
				error(string.format("Undefined %s type %s in protocol %s", part, protocol[part], protocol.name), 0)
			end
		end
	end
end

-- Writing

local function word(number)
	return string.char(number % 256, math.floor(number / 256))
end

local function value(number)
	return word((number + 1) * 2)
end

local SKIP, IN_DATA = word(1), word(0)

local function block(bytes)
	local size = #bytes
	return string.char(size % 256, math.floor(size / 2 ^ 8) % 256, math.floor(size / 2 ^ 16) % 256,
		math.floor(size / 2 ^ 24)) .. bytes
end

local function struct(words, data)
	return word(#words) .. table.concat(words) .. data
end

local function write_field(field, number_of)
	local words = { IN_DATA }
	if field.struct then
		words[2], words[3] = SKIP, value(number_of[field.struct])
	else
		local extra = field.typename == "binary" and 1 or field.digits
		words[2], words[3] = value(BUILTIN[field.typename]), extra and value(extra) or SKIP
	end
	words[4] = value(field.tag)
	words[5] = field.array and value(1) or nil
	words[6] = field.key_tag and value(field.key_tag) or nil
	words[7] = field.map and value(1) or nil
	return struct(words, block(field.name))
end

local function write_type(name, fields, number_of)
	local written = {}
	for i, field in ipairs(fields) do
		written[i] = block(write_field(field, number_of))
	end
	if #fields == 0 then
		return struct({ IN_DATA }, block(name))
	end
	return struct({ IN_DATA, IN_DATA }, block(name) .. block(table.concat(written)))
end

local function write_protocol(protocol, number_of)
	local request, response = protocol.request, protocol.response
	local words = { IN_DATA, value(protocol.tag) }
	if request or response or protocol.confirm then
		words[3] = request and value(number_of[request]) or SKIP
	end
	if response then
		words[4] = value(number_of[response])
	elseif protocol.confirm then
		words[4], words[5] = SKIP, value(1)
	end
	return struct(words, block(protocol.name))
end

local function write(types, protocols)
	local names, number_of = {}, {}
	for name in pairs(types) do
		names[#names + 1] = name
	end
	table.sort(names)
	for i, name in ipairs(names) do
		number_of[name] = i - 1
	end
	local written, written_protocols = {}, {}
	for i, name in ipairs(names) do
		written[i] = block(write_type(name, types[name], number_of))
	end
	for i, protocol in ipairs(protocols) do
		written_protocols[i] = block(write_protocol(protocol, number_of))
	end
	if #names == 0 and #protocols == 0 then
		return word(0)
	elseif #protocols == 0 then
		return struct({ IN_DATA }, block(table.concat(written)))
	end
	return struct({ IN_DATA, IN_DATA }, block(table.concat(written)) .. block(table.concat(written_protocols)))
end

--- The bytes of a schema, from its text. An error says what is wrong: "syntax error at [name] line (n)".
function parser.parse(text, name)
	local from, types, protocols = open(text, name or "=text"), {}, {}
	while from.token do
		if from.token == "." then
			read_type(from, types, "")
		else
			read_protocol(from, types, protocols)
		end
	end
	resolve_types(types)
	check_protocols(types, protocols)
	return write(types, protocols)
end

--- Print bytes in hexadecimal, sixteen a line.
function parser.dump(bytes)
	for at = 1, #bytes, 16 do
		local line = bytes:sub(at, at + 15):gsub(".", function(byte)
			return string.format("%02X ", byte:byte())
		end)
		print(#line > 24 and line:sub(1, 24) .. "- " .. line:sub(25) or line)
	end
end

return parser
