-- SPDX-License-Identifier: MIT
--
-- Where the functions of `skynet` are that become its fields when they are first read. One string, since it stays in
-- every VM that reads one of them: a table of tables would take four times as much.

-- name, module, and its name there when that is another; "." for the module itself
local places = [[
request skynet.request .
task skynet.inspect
uniqtask skynet.inspect
killthread skynet.inspect
trace_timeout skynet.inspect
trace skynet.trace start
tracetag skynet.trace tag
tracelog skynet.trace log
traceproto skynet.trace proto
info_func skynet.debug
cache skynet.codecache .
init skynet.require
require skynet.require
init_service skynet.life
exit skynet.ending
onstop skynet.ending
newservice skynet.launch
uniqueservice skynet.launch
queryservice skynet.launch
error skynet.say
log skynet.say
address skynet.say
rawsend skynet.raw
tasklimit skynet.tasklimit
rawcall skynet.raw
calltimeout skynet.deadline
response skynet.response
context skynet.response
ignoreret skynet.response
redirect skynet.response
dispatch_message skynet.serve
dispatch_unknown_request skynet.unexpected
dispatch_unknown_response skynet.unexpected
packstring skynet.core
trash skynet.core
localname skynet.core query
genid skynet.core
hpc skynet.core
starttime skynet.core
stat skynet.core
blocking skynet.extra
setenv skynet.extra
harbor skynet.extra
term skynet.extra
mqlen skynet.extra
endless skynet.extra
tracecall skynet.extra
memlimit skynet.extra
PTYPE_TEXT skynet.core
PTYPE_RESPONSE skynet.core
PTYPE_MULTICAST skynet.core
PTYPE_CLIENT skynet.core
PTYPE_SYSTEM skynet.core
PTYPE_HARBOR skynet.core
PTYPE_SOCKET skynet.core
PTYPE_ERROR skynet.core
PTYPE_QUEUE skynet.core
PTYPE_DEBUG skynet.core
PTYPE_LUA skynet.core
PTYPE_SNAX skynet.core
PTYPE_TRACE skynet.core
]]

local require = require("skynet.require").original

local late = {}

--- What `skynet` has under this name, or nil.
function late.find(name)
	if type(name) ~= "string" or name:find "[^%w_]" then
		return nil
	end
	local module, other = ("\n" .. places):match("\n" .. name .. " ([%w.]+) ?([%w.]*)\n")
	if module == nil then
		return nil
	end
	local found = require(module)
	return other == "." and found or found[other ~= "" and other or name]
end

--- Make fields of all of them, for pairs(skynet).
function late.fill(skynet)
	for name in places:gmatch "([%w_]+) [^\n]*\n" do
		local _ = skynet[name]
	end
end

return late
