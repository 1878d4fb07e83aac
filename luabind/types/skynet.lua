---@meta skynet

-- Types for editors that speak LuaLS: equilune --types FOLDER writes these files out. Nothing of this is ever run.
-- tests/lua/services/t_types.lua compares them with the modules, so that they stay true.

---A handle, ":0000000a", ".name" of this node, or a global "NAME".
---@alias skynet.address integer|string

---What skynet.pack makes, or what came in a message: a block of C memory.
---@alias skynet.payload string|lightuserdata

---A protocol. `id` is 0 to 255; those up to 12 are skynet's own, so take yours from 20 on.
---@class skynet.protocol
---@field name string the name for skynet.send, skynet.call and skynet.dispatch
---@field id integer the type of its messages
---@field pack? fun(...: any): skynet.payload?, integer? values to a payload and its size in bytes; needed to send
---@field unpack? fun(msg: lightuserdata, sz: integer): any the other way; needed to receive
---@field dispatch? fun(session: integer, source: integer, ...: any) the handler; session 0: no answer is wanted

---How skynet.dispatch orders messages.
---@class skynet.order
---@field serial? boolean one message after the other, each to its end, across its waits
---@field key? fun(...: any): any the same among messages with the same key; nil: this message in no order. Gets the unpacked message
---@field max? integer how many messages may wait for their turn (1024); beyond it requests fail

---Several requests at once: skynet.request.
---@class skynet.requests
---@field timeout? boolean true when select met its deadline
local requests = {}

---Add a request: { address, protocol name, values... }. Calling the object does the same.
---Raises `assertion failed!` when select has begun.
---@param request table comes back with its answer
---@return skynet.requests self
function requests:add(request) end

---Send all requests and iterate over the answers as they come. An answer is an array of values, false for a
---request that failed, nil when nobody lives at its address.
---@param cs? number ends after so many 1/100 s, and `timeout` is true; nil: when all have come
---@return fun(): table?, table|false|nil iterator request, answer
---@return skynet.requests self
function requests:select(cs) end

---Nobody is interested in the answers that are missing.
function requests:close() end

---The API of a service. Where nothing else is said a function that waits is for tasks: inside of skynet.start's function,
---handlers, timers and forks, not in the main chunk.
---@class skynet
---@field PTYPE_TEXT integer 0: plain text
---@field PTYPE_RESPONSE integer 1: an answer
---@field PTYPE_MULTICAST integer 2: skynet.multicast
---@field PTYPE_CLIENT integer 3: yours, for clients; also what skynet.monitor sends
---@field PTYPE_SYSTEM integer 4: of the runtime
---@field PTYPE_HARBOR integer 5: of other nodes
---@field PTYPE_SOCKET integer 6: of the network
---@field PTYPE_ERROR integer 7: a request has failed
---@field PTYPE_QUEUE integer 8: skynet.mqueue
---@field PTYPE_DEBUG integer 9: questions that every service answers
---@field PTYPE_LUA integer 10: packed Lua values; what services usually speak
---@field PTYPE_SNAX integer 11: snax
---@field PTYPE_TRACE integer 12: the tag of a traced request, ahead of it
---@field cache skynet.codecache the module skynet.codecache
local skynet = {}

-- ---- life of a service ----

---Begin to receive messages and run `start` as the first task. Once, in the main chunk. An error in `start` ends
---the service, and its launcher is told the reason.
---@param start fun()
function skynet.start(start) end

---Run `f` before the function of skynet.start, or, in a module that is loaded later, when that module is through.
---Raises `assertion failed!` when `f` is no function.
---@param f fun() may wait
function skynet.init(f) end

---What skynet.start does in its first task: the init functions, then `start`, and the word to the launcher.
---@param start fun()
function skynet.init_service(start) end

---End this service. Does not return. Whoever waits for it gets an error.
function skynet.exit() end

---Run `f` in a task when the process is asked to end (SIGTERM), before the services end. In reverse order of
---registration; errors are logged. Raises an error when this service has replaced the protocol "system".
---@param f fun() may wait; the option `stop` says how long all of them may take
function skynet.onstop(f) end

---Launch a Lua service and wait until its start function is through.
---Raises `call failed: REASON` when it cannot be started.
---@param name string of its file, as `luaservice` finds it
---@param ... any arguments, joined by blanks: it gets them as strings
---@return integer? handle nil when it ended by skynet.exit meanwhile
function skynet.newservice(name, ...) end

---The one instance of a service, launched when there is none.
---Raises the reason when it cannot be started; the next call tries again.
---@param global true|string `true` (the one of the network, which is another one) before the name, or the name
---@param ... any the name after `true`; arguments
---@return integer handle
function skynet.uniqueservice(global, ...) end

---The one instance of a service; waits until somebody has launched it.
---@param global true|string as for uniqueservice
---@param ... any
---@return integer handle
function skynet.queryservice(global, ...) end

---Treat a service as dead: the calls to it that wait here fail now.
---@param addr skynet.address
function skynet.term(addr) end

-- ---- messages ----

---Send a message that wants no answer. Does not wait. Raises what packing raises.
---@param addr skynet.address
---@param typename string name of a protocol, mostly "lua"
---@param ... any
---@return 0|false|nil sent nil: nobody lives there; false: the message is too large
function skynet.send(addr, typename, ...) end

---As send, with a payload that is packed already and is the receiver's from now on.
---@param addr skynet.address
---@param typename string
---@param msg? skynet.payload
---@param sz? integer bytes; for a block
---@return 0|false|nil sent
function skynet.rawsend(addr, typename, msg, sz) end

---Send a request and wait for the answer, as long as the option `calltimeout` says (0s: for ever).
---Raises `call to invalid address :%08x` when nobody lives there, and `call failed: REASON` when the peer raised an
---error, ended, did not answer, took too long (`timeout`) or waits for this very call (`deadlock: ...`). With
---`callreason = false` the text is `call failed`.
---@param addr skynet.address
---@param typename string name of a protocol, mostly "lua"
---@param ... any
---@return any ... what the peer answered
function skynet.call(addr, typename, ...) end

---As call, with a deadline of its own.
---@param cs number 1/100 s from now, fractions count; math.huge: none
---@param addr skynet.address
---@param typename string
---@param ... any
---@return any ...
function skynet.calltimeout(cs, addr, typename, ...) end

---As call, with request and answer packed. The block of the answer is valid until the task waits again.
---@param addr skynet.address
---@param typename string
---@param msg? skynet.payload
---@param sz? integer bytes; for a block
---@return lightuserdata? msg
---@return integer sz bytes
function skynet.rawcall(addr, typename, msg, sz) end

---As rawcall, under a trace tag, with its begin and end in the log.
---@param tag string
---@param addr skynet.address
---@param typename string
---@param msg? skynet.payload
---@param sz? integer bytes; for a block
---@return lightuserdata? msg
---@return integer sz bytes
function skynet.tracecall(tag, addr, typename, msg, sz) end

---Several calls at once.
---@param request? table a first one: { address, protocol name, values... }
---@return skynet.requests
function skynet.request(request) end

---Send a message under the name of another service. The current request, passed on this way, is the receiver's to
---answer.
---@param dest skynet.address
---@param source skynet.address
---@param typename string
---@param session? integer of the request, 0 for none; nil: a new one
---@param msg? skynet.payload
---@param sz? integer bytes; for a block
---@return integer|false|nil sent the session; nil: nobody lives there; false: too large
function skynet.redirect(dest, source, typename, session, msg, sz) end

---Answer the current request with a packed payload. Raises `No session` when there is none, or it was answered.
---@param msg? skynet.payload
---@param sz? integer bytes; for a block
---@return boolean sent false: nobody waits for it, or it is too large
function skynet.ret(msg, sz) end

---Answer the current request with values. Raises `No session` when there is none, or it was answered.
---@param ... any
---@return boolean sent
function skynet.retpack(...) end

---Detach the current request from its handler. The result answers it later, from any task: `responder(true, ...)`, or
---`responder(false, reason)` for an error; both tell whether the caller got it. `responder "TEST"` tells whether
---the caller still waits. A second use raises `Can't response more than once`. One that is collected unused fails
---the request. Raises `No session` when there is no request.
---@param packer? fun(...: any): skynet.payload?, integer? skynet.pack by default
---@return fun(ok: boolean|"TEST", ...: any): boolean? responder
function skynet.response(packer) end

---The current request will not be answered by this handler, and that is intended.
function skynet.ignoreret() end

---The request that the running task serves.
---@return integer? session 0 for a message that wants no answer; nil when answered, or outside of requests
---@return integer? source its handle
function skynet.context() end

---Set the handler of a protocol, or read it. A handler that neither answers a request nor detaches it fails it.
---Raises an error when the protocol is not registered.
---@param name string
---@param f? fun(session: integer, source: integer, ...: any) nil: only read
---@param options? skynet.order one message after the other, or those of one key
---@return fun(session: integer, source: integer, ...: any)? before the handler until now
function skynet.dispatch(name, f, options) end

---Add a protocol. Raises `assertion failed!` when its name or number is taken or out of range.
---@param class skynet.protocol
function skynet.register_protocol(class) end

---Handle one message as if it had come; for services that receive by their own callback.
---Raises the errors of all tasks that ended by one meanwhile.
---@param ptype integer
---@param msg? lightuserdata
---@param sz integer bytes
---@param session integer
---@param source integer
function skynet.dispatch_message(ptype, msg, sz, session, source) end

---What is done with a message of an unknown type that wants no answer.
---@param f fun(session: integer, source: integer, msg: lightuserdata, sz: integer, prototype: any)
---@return function before
function skynet.dispatch_unknown_request(f) end

---What is done with an answer that nobody waits for.
---@param f fun(session: integer, source: integer, msg: lightuserdata, sz: integer)
---@return function before
function skynet.dispatch_unknown_response(f) end

-- ---- tasks ----

---Run `f` in a task of its own after a while. Does not wait. Raises if `f` is nil.
---@param cs number 1/100 s, fractions count: 0.1 is 1 ms; 0 or less: as the next message
---@param f fun()
---@return thread task for skynet.killthread
function skynet.timeout(cs, f) end

---Suspend the task for a while, or until skynet.wakeup. Raises `token duplicative` when another task has that token.
---@param cs number 1/100 s, fractions count
---@param token? any what wakeup names; the coroutine by default
---@return "BREAK"? woken nil when the time is over
function skynet.sleep(cs, token) end

---Let the other messages of this service go first.
---@return "BREAK"? woken
function skynet.yield() end

---Suspend the task until skynet.wakeup. Raises `token duplicative` when another task has that token.
---@param token? any the coroutine by default
function skynet.wait(token) end

---Wake the task that sleeps or waits on a token; it runs when this one suspends.
---@param token any
---@return true? woken nil when there is none
function skynet.wakeup(token) end

---Run `f(...)` in a task of its own, after the current message and before the next one. Raises if `f` is nil.
---@param f function
---@param ... any
---@return thread task
function skynet.fork(f, ...) end

---Run `f(...)`, which may block its thread (a file, a database driver, os.execute), without keeping a worker from
---others. Nothing in it may wait, and this service handles nothing meanwhile. Errors of `f` are raised.
---@param f function
---@param ... any
---@return any ... what f returns
function skynet.blocking(f, ...) end

---End a task that has not begun or is suspended. Its request fails, its timer is taken back, its locks go to others.
---@param thread thread|string the coroutine, or a part of its address as tostring shows it
---@return thread? task nil when there is none
function skynet.killthread(thread) end

---Look at the suspended tasks: with nil how many there are; a table is filled with "thread session" -> traceback; a session:
---its traceback or "No session"; a coroutine: its session; "init": the traceback of the start function.
---@param what? table|integer|thread|"init"
---@return integer|string|nil
function skynet.task(what) end

---The suspended tasks by what they do.
---@return table<string, string> stacks "count\tsessions:[a,b]\n" -> traceback
function skynet.uniqtask() end

---Whether timers remember who began them, for skynet.task.
---@param on boolean
function skynet.trace_timeout(on) end

---pcall; tasks can wait in it.
---@param f function
---@param ... any
---@return boolean ok
---@return any ...
function skynet.pcall(f, ...) end

---require for modules that wait while they load; the global one is the same. Raises what the module raises.
---@param name string
---@return any module
function skynet.require(name) end

-- ---- values and payloads ----

---Values as the payload of a message, in skynet's format. Raises an error for a function, a table in itself, and
---others that cannot travel.
---@param ... any
---@return lightuserdata msg whoever sends it gives it away; else skynet.trash
---@return integer sz bytes
function skynet.pack(...) end

---As pack, as a string.
---@param ... any
---@return string msg
function skynet.packstring(...) end

---The values of a payload. Raises an error for bytes that are none. Frees nothing.
---@param msg? skynet.payload
---@param sz? integer bytes; for a block
---@return any ...
function skynet.unpack(msg, sz) end

---A payload as a string. Frees nothing.
---@param msg? skynet.payload
---@param sz? integer bytes
---@return string text
function skynet.tostring(msg, sz) end

---Free a block that skynet.pack made and nobody was given.
---@param msg? skynet.payload
---@param sz? integer bytes
function skynet.trash(msg, sz) end

-- ---- names and figures ----

---The handle of this service.
---@return integer handle
function skynet.self() end

---The handle of a service of this node.
---@param name string ".name" or ":hex"
---@return integer? handle
function skynet.localname(name) end

---A handle as text, ":0000000a"; anything else by tostring.
---@param addr skynet.address
---@return string
function skynet.address(addr) end

---The harbor number of a handle, and whether it is another node: never.
---@param handle integer
---@return integer harbor
---@return boolean remote
function skynet.harbor(handle) end

---A session that this service has not used yet.
---@return integer session
function skynet.genid() end

---Time since the process began.
---@return number cs 1/100 s
function skynet.now() end

---The monotonic clock, for differences.
---@return number ns nanoseconds
function skynet.hpc() end

---When the process began.
---@return integer s seconds since 1970, UTC
function skynet.starttime() end

---The time of day.
---@return number s seconds since 1970, UTC, in steps of 1/100
function skynet.time() end

---A value of the config, or of skynet.setenv. Options that the file leaves open give their default.
---@param key string
---@return string? value
function skynet.getenv(key) end

---Set a config value, for all services. Raises `Can't setenv exist key : KEY` when there is one already, and an error for
---nil.
---@param key string
---@param value string|number|boolean
function skynet.setenv(key, value) end

---A figure of this service: "mqlen" (messages that wait), "cpu" (seconds), "time" (CPU seconds of the present message),
---"message" (how many were handled), "endless" (0 or 1, see skynet.endless).
---@param what "mqlen"|"cpu"|"time"|"message"|"endless"|string
---@return number value 0 for what is unknown
function skynet.stat(what) end

---How many messages wait in the mailbox of this service.
---@return integer
function skynet.mqlen() end

---Whether the watchdog has found this service in a long loop since this was asked last.
---@return boolean
function skynet.endless() end

---Let no more than `n` tasks of this service be begun and not ended. Beyond that new messages wait in the mailbox, in
---their order; answers, errors and the system, debug and socket protocols are handled as ever.
---@param n? integer 0: as many as come; nil: as before
---@return integer before the limit that was there, 0: none
---@return integer tasks that have not ended
function skynet.tasklimit(n) end

---Limit the Lua memory of this service, from now on. Once: the function is gone then.
---@param bytes integer
function skynet.memlimit(bytes) end

-- ---- log and trace ----

---Write a line to the log, whatever `log_level` says: the arguments as text, joined by blanks.
---@param ... any
function skynet.error(...) end

---Write a line of a level. Not written, and nothing turned into text, when `log_level` is above it. Raises an error for
---another level.
---@param level "debug"|"info"|"warn"|"error"
---@param ... any
function skynet.log(level, ...) end

---Trace the request that this task serves, under a new tag. Nothing happens when the protocol forbids it.
---@param info? any added to the line in the log
function skynet.trace(info) end

---The trace tag of this task; false: it is not to be traced.
---@return string|false|nil tag
function skynet.tracetag() end

---Write a line under a trace tag.
---@param tag string
---@param info any
function skynet.tracelog(tag, info) end

---For a protocol: true traces every request, false none, nil those that come traced.
---Raises `assertion failed!` for one that is not registered.
---@param name string
---@param flag? boolean
function skynet.traceproto(name, flag) end

---Let `f` answer the debug command INFO.
---@param f fun(...: any): any
function skynet.info_func(f) end

return skynet
