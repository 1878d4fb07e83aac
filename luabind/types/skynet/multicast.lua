---@meta skynet.multicast

---@class skynet.multicast.options
---@field channel? integer number of a channel that exists; a new one by default
---@field pack? fun(...: any): skynet.payload?, integer? skynet.pack by default
---@field unpack? fun(msg: string, sz: integer): any skynet.unpack by default
---@field dispatch? fun(channel: skynet.multicast.channel, source: integer, ...: any) for what is published

---@class skynet.multicast.channel
---@field channel integer? its number, to be given to other services; nil after delete
local Channel = {}

---Send values to all subscribers; returns when they have been passed on. Raises `assertion failed!` after delete, and
---when another service has deleted the channel nobody receives it.
---@param ... any
function Channel:publish(...) end

---Receive from now on what is published. A channel that is collected is unsubscribed.
function Channel:subscribe() end

---Receive nothing any more.
function Channel:unsubscribe() end

---End the channel, for all services.
function Channel:delete() end

---@class skynet.multicast
local multicast = {}

---An object for a channel. Waits for a new one.
---@param conf? skynet.multicast.options
---@return skynet.multicast.channel
function multicast.new(conf) end

return multicast
