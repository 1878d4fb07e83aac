-- SPDX-License-Identifier: MIT
--
-- The keeper of skynet.datacenter's tree (DATACENTER).

local skynet = require "skynet"

local database = {}
-- Who waits, as a tree of { waiters = array of responders or nil, below = key -> node or nil }. A
-- node has one of the two: nobody can wait for a value and for something inside of it.
local root = { below = {} }

local command = {}

local function find(db, key, ...)
	if key == nil then
		return db
	elseif db == nil then
		return nil
	elseif type(db) ~= "table" then
		error("the path goes on behind a value", 0)
	end
	return find(db[key], ...)
end

local function put(db, value, key, ...)
	if select("#", ...) == 0 then
		local old = db[key]
		db[key] = value
		return old
	end
	if db[key] == nil then
		db[key] = {}
	elseif type(db[key]) ~= "table" then
		error("the path goes on behind a value", 0)
	end
	return put(db[key], value, ...)
end

local function answer(waiters, ok, value)
	for _, responder in ipairs(waiters) do
		responder(ok, value)
	end
end

-- The value at this path has come. Who waited for a part of the path only has waited for a branch.
local function wake(node, value, key, ...)
	local next_node = node.below and node.below[key]
	if next_node == nil then
		return
	elseif next_node.waiters then
		node.below[key] = nil
		local is_branch = select("#", ...) > 0
		answer(next_node.waiters, not is_branch, is_branch and "it is a branch" or value)
	elseif select("#", ...) > 0 then
		wake(next_node, value, ...)
	end
end

local function wait_at(node, key, ...)
	if node.waiters then
		error("others wait for a value above it", 0)
	end
	node.below = node.below or {}
	node.below[key] = node.below[key] or {}
	if select("#", ...) > 0 then
		return wait_at(node.below[key], ...)
	end
	node = node.below[key]
	if node.below then
		error("it is a branch", 0)
	end
	node.waiters = node.waiters or {}
	table.insert(node.waiters, skynet.response())
end

--- (key, ...) -> value
function command.QUERY(...)
	skynet.retpack(find(database, ...))
end

--- (key, ..., value) -> value before; a key alone removes its value
function command.UPDATE(...)
	local path = { ... }
	local n = math.max(select("#", ...), 2)
	assert(path[1] ~= nil, "a key expected")
	local value = path[n]
	local old = put(database, value, unpack(path, 1, n - 1))
	if value ~= nil then
		wake(root, value, unpack(path, 1, n - 1))
	end
	skynet.retpack(old)
end

--- (key, ...) -> value, when there is one
function command.WAIT(...)
	assert(select("#", ...) > 0, "a key expected")
	local value = find(database, ...)
	if value ~= nil then
		skynet.retpack(value)
	else
		wait_at(root, ...)
	end
end

skynet.dispatch("lua", function(_, _, cmd, ...)
	local f = command[cmd]
	if f == nil then
		error("Unknown command " .. tostring(cmd), 0)
	end
	f(...)
end)

skynet.start(function()
end)
