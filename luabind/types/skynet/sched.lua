---@meta skynet.sched

---What sched.set takes. A class brings its values; what stands beside it goes before them.
---@class skynet.sched.settings
---@field class? "interactive"|"normal"|"batch"
---@field slice? number|string seconds, or "500us": how long a turn is, 50us to 1s
---@field weight? integer 1 to 10000, 100 is normal: its share of the CPU relative to others
---@field credit? number|string seconds, or "1ms": how far one that slept may run ahead
---@field group? boolean whether all services of its name share one weight

---Settings and figures of a service.
---@class skynet.sched.service
---@field address integer its handle
---@field name string
---@field status string what the scheduler does with it: "running", "idle", ...
---@field class string
---@field weight number
---@field slice number seconds
---@field credit number seconds
---@field group boolean
---@field cpu number seconds of CPU
---@field messages number that were handled
---@field mqlen number messages that wait
---@field preemptions number parks_compiled + parks_library
---@field parks_compiled number stops in compiled code
---@field parks_library number stops in the Lua library
---@field handoffs number how often its worker went on without it
---@field holds number stops in C modules
---@field share_1s number of a worker, over the last second
---@field share_10s number of a worker, over the last ten
---@field lag number seconds of CPU that it is owed, or has had ahead of its turn
---@field waits number how often it waited for a worker
---@field wait_p50 number seconds
---@field wait_p99 number seconds
---@field wait_max number seconds
---@field memory number bytes of Lua memory
---@field jit? "on"|"off"|"short" short: no room for machine code
---@field mcode? number bytes of machine code
---@field mcode_flushes? number how often all of it was dropped
---@field tasks number begun and not ended, within an eighth or 64
---@field max_tasks number tasks that may be begun and not ended, 0: as many as come
---@field mailbox_max? number messages that its mailbox holds at the most; nil: no bound
---@field mailbox_policy? "reject"|"drop_new"|"drop_old"|"block" what becomes of more
---@field rejected? number messages that did not get in
---@field dropped? number
---@field blocked? number messages that waited for a place
---@field blocked_now? number that wait for one
---@field demoted boolean it has less than its settings say, until it behaves
---@field interrupts number errors that the watchdog, or somebody by hand, has raised in its handlers
---@field restarts number how often it was started again, by its policy

---Where the time of the workers went: services + overhead + idle + taken = workers * wall. Seconds.
---@class skynet.sched.cpu
---@field services number in services
---@field overhead number in the scheduler
---@field idle number no work
---@field taken number the host or other processes had the core
---@field asleep number part of idle: a service slept in a system call on a worker
---@field detached number beside the sum: services whose worker went on without them
---@field ended number of services: those that have ended
---@field wall number since the start
---@field workers number

---@class skynet.sched.totals
---@field cpu skynet.sched.cpu
---@field workers number
---@field waiting number services that wait for a worker
---@field signals number sent for preemption
---@field handoffs number workers taken over from stuck threads
---@field holds number stops in C modules
---@field interrupted_syscalls number that our signals ended early
---@field not_aside number times that skynet.blocking found no spare thread
---@field spares number threads that could take over a worker
---@field threads number of the runtime
---@field abandoned number VMs that could not be closed
---@field mcode number bytes of machine code
---@field mcode_areas number
---@field mcode_failures number areas that found no place
---@field allocated number bytes

---The scheduler's side of services.
---@class skynet.sched
local sched = {}

---All services that live.
---@return skynet.sched.service[]
function sched.list() end

---One service.
---@param addr? skynet.address the calling one by default
---@return skynet.sched.service? service nil when nobody lives there
function sched.get(addr) end

---Change settings, from now on; what is not named stays. Raises an error for an unknown key, a wrong type or a value out of
---range, and changes nothing then.
---@param addr? skynet.address the calling one by default
---@param settings skynet.sched.settings
---@return boolean found
---@return string? why not
function sched.set(addr, settings) end

---Raise an error in the handler of the message that a service is at. Where no hook can fire the service is killed after
---100 ms of CPU. Raises an error for what is no address, and for the caller's own.
---@param addr skynet.address
---@return boolean asked
---@return string? why not
function sched.interrupt(addr) end

---End a service at once, whatever it does. Raises an error for what is no address, and for the caller's own.
---@param addr skynet.address
---@return boolean killed
---@return string? why not
function sched.kill(addr) end

---Read the config file again, as SIGHUP does. Waits for the outcome.
---@return integer? changed services with new settings; nil: the file has errors, nothing is changed
---@return string[]|string restart keys that need a restart; or the errors, a line each
function sched.reload() end

---Totals of the process.
---@return skynet.sched.totals
function sched.totals() end

return sched
