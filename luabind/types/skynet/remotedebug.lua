---@meta skynet.remotedebug

---The debugger inside of a service.
---@class skynet.remotedebug
local remotedebug = {}

---Begin to debug this service, as the debug command REMOTEDEBUG does; the current request is answered when it is over.
---Raises `Already in debug mode`, and `new channel failed` when nobody offers that channel.
---@param sink integer|string where output goes: the number of a socket, or the address of a service, which gets text messages
---@param number lightuserdata what skynet.debugchannel's create gave, for the commands
function remotedebug.start(sink, number) end

return remotedebug
