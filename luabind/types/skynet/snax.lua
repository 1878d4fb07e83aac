---@meta skynet.snax

---A snax service, for those who use it.
---@class skynet.snax.object
---@field handle integer
---@field type string name of its file
---@field post table<string, function> post.x(...) sends to accept.x of the service; another name raises `post TYPE:x no exist`
---@field req table<string, function> req.x(...) calls response.x; another name raises `request TYPE:x no exist`, failures as skynet.call

---The numbers of the methods of a type.
---@class skynet.snax.interface
---@field name string
---@field accept table<string, integer>
---@field response table<string, integer>
---@field system table<string, integer> init, exit, hotfix, profile

---Services whose requests look like functions.
---@class skynet.snax
---@field enablecluster? fun() in a snax service: takes its requests by the lua protocol too
local snax = {}

---The methods of a type of snax services. Raises `please set snax in config file`, and what is wrong with the file.
---@param name string
---@return skynet.snax.interface
function snax.interface(name) end

---Launch a snax service and run its init(...). Raises what goes wrong; a service whose init fails is ended.
---@param name string
---@param ... any
---@return integer handle
function snax.rawnewservice(name, ...) end

---As rawnewservice, with the object for it.
---@param name string
---@param ... any
---@return skynet.snax.object
function snax.newservice(name, ...) end

---The object for a snax service. Raises `assertion failed!` when it was bound as another type.
---@param handle integer
---@param name string its type
---@return skynet.snax.object
function snax.bind(handle, name) end

---The one instance in this process, launched when there is none. Raises what goes wrong.
---@param name string
---@param ... any
---@return skynet.snax.object
function snax.uniqueservice(name, ...) end

---The one instance in the network: there is one node.
---@param name string
---@param ... any
---@return skynet.snax.object
function snax.globalservice(name, ...) end

---Like uniqueservice, but waits until somebody else has launched it.
---@param name string
---@return skynet.snax.object
function snax.queryservice(name) end

---Like globalservice, but waits until somebody else has launched it.
---@param name string
---@return skynet.snax.object
function snax.queryglobal(name) end

---Run the service's exit(...) and end it. Raises as skynet.call.
---@param object skynet.snax.object
---@param ... any
function snax.kill(object, ...) end

---The object of the snax service that this is.
---@return skynet.snax.object
function snax.self() end

---End the snax service that this is, as kill.
---@param ... any
function snax.exit(...) end

---Put the functions that `source` defines in the place of those of a running service. Raises what is wrong with it; then
---nothing has changed.
---@param object skynet.snax.object
---@param source string Lua
---@param ... any for the source's own function hotfix
---@return any ... what that returns
function snax.hotfix(object, source, ...) end

---skynet.error with a format.
---@param format string as for string.format
---@param ... any
function snax.printf(format, ...) end

---How often each method of a service ran, and its CPU time in seconds.
---@param object skynet.snax.object
---@return table<string, {count: integer, time: number}>
function snax.profile_info(object) end

return snax
