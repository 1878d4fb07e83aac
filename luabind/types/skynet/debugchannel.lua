---@meta skynet.debugchannel

---One end of a channel.
---@class skynet.debugchannel.channel
---@field read fun(self: skynet.debugchannel.channel, seconds?: number): string?, string? a line, or nil, and "closed" when there will be no more; with seconds it blocks the thread
---@field write fun(self: skynet.debugchannel.channel, text: string) a line for the other end

---Lines of text into another service, past its mailbox.
---@class skynet.debugchannel
local debugchannel = {}

---A channel.
---@return skynet.debugchannel.channel
---@return lightuserdata number for the other end
function debugchannel.create() end

---The other end. Raises `new channel failed` when there is no such channel, or it has one.
---@param number lightuserdata
---@return skynet.debugchannel.channel
function debugchannel.connect(number) end

---Close an end.
---@param channel skynet.debugchannel.channel
function debugchannel.release(channel) end

---A hook of one coroutine, called as those of debug.sethook; when it returns true the coroutine yields there, if it can.
---Without arguments, or with a coroutine only, the hook is taken off.
---@param ... any coroutine (the running one by default), function, mask ("c", "r", "l"), count
function debugchannel.sethook(...) end

return debugchannel
