---@meta skynet.sharetable

---Tables of the process under the names of files. What a service has queried stays as it is until it says update.
---@class skynet.sharetable
local sharetable = {}

---Run a file and share the table that it returns. Raises what loading raises, and an error when it returns none.
---@param filename string
---@param ... any arguments of the file
function sharetable.loadfile(filename, ...) end

---The same of a text.
---@param filename string the name
---@param source string Lua; "@file" reads that file
---@param ... any
function sharetable.loadstring(filename, source, ...) end

---Share a copy of a table. Raises `a table expected`.
---@param filename string the name
---@param value table
function sharetable.loadtable(filename, value) end

---What was loaded last under a name.
---@param filename string
---@return skynet.shared? value
function sharetable.query(filename) end

---What was loaded under these names, or under all.
---@param filenames? string[]
---@return table<string, skynet.shared>
function sharetable.queryall(filenames) end

---All that this service holds of these names has what was loaded last from now on.
---@param ... string names
function sharetable.update(...) end

return sharetable
