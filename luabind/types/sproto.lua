---@meta sproto

---Takes messages of peers apart: sproto:host.
---@class sproto.host
local host = {}

---Take a message apart. Raises `session not found`, `Unknown session`, `NAME not found`, and what decoding raises.
---@param ... any a string; or a block and its bytes
---@return "REQUEST"|"RESPONSE" kind
---@return string|integer name of the protocol; or the session
---@return table? values
---@return any respond of a request that wants a response: fun(values, ud): string; of a response: ud
---@return any ud of a request
function host:dispatch(...) end

---A function that makes requests whose responses come to this host.
---@param peer sproto the schema of the peer
---@return fun(name: string, values?: table, session?: integer, ud?: any): string
function host:attach(peer) end

---@class sproto.protocol
---@field name string
---@field tag integer
---@field request? userdata
---@field response? userdata

---A schema, and structs in bytes by it. Methods that take a name of a type raise `type not found`.
---@class sproto
local sproto = {}

---Of a schema that may be shared (sproto.core).
---@param schema userdata
---@return sproto
function sproto.sharenew(schema) end

---Of the bytes of a schema. Raises an error for others.
---@param bytes string
---@return sproto
function sproto.new(bytes) end

---Of the text of a schema. Raises an error with the line for what is none.
---@param text string
---@return sproto
function sproto.parse(text) end

---Whether there is such a type.
---@param name string
---@return boolean
function sproto:exist_type(name) end

---Whether there is such a protocol.
---@param key string|integer name or tag
---@return boolean
function sproto:exist_proto(key) end

---A protocol. Raises `KEY not found`.
---@param key string|integer name or tag
---@return sproto.protocol
function sproto:queryproto(key) end

---A struct as bytes. Raises an error for a value that the type does not have.
---@param name string of the type
---@param value table
---@return string
function sproto:encode(name, value) end

---Bytes as a struct. Raises an error for bytes that are none.
---@param name string of the type
---@param ... any a string; or a block and its bytes
---@return table value
---@return integer size how many bytes it took
function sproto:decode(name, ...) end

---encode, packed.
---@param name string
---@param value table
---@return string
function sproto:pencode(name, value) end

---decode of packed bytes.
---@param name string
---@param ... any
---@return table value
---@return integer size
function sproto:pdecode(name, ...) end

---The request of a protocol as bytes. Raises `NAME not found`.
---@param name string|integer
---@param value? table
---@return string bytes
---@return integer tag
function sproto:request_encode(name, value) end

---The response of a protocol as bytes. Raises `NAME not found`.
---@param name string|integer
---@param value? table
---@return string
function sproto:response_encode(name, value) end

---Bytes as the request of a protocol. Raises `NAME not found`.
---@param name string|integer
---@param ... any
---@return table? values nil when the request has none
---@return string name of the protocol
function sproto:request_decode(name, ...) end

---Bytes as the response of a protocol. Raises `NAME not found`.
---@param name string|integer
---@param ... any
---@return table? values
function sproto:response_decode(name, ...) end

---Pack zeros away.
---@param bytes string
---@return string
function sproto.pack(bytes) end

---The other way. Raises an error for what is not packed.
---@param bytes string
---@return string
function sproto.unpack(bytes) end

---A table with the default values. Raises `Invalid type`.
---@param name string of a type; or of a protocol
---@param which? "REQUEST"|"RESPONSE" of a protocol
---@return table?
function sproto:default(name, which) end

---What takes messages of peers apart. Raises `type package not found`.
---@param package_name? string the type of their head, "package" by default
---@return sproto.host
function sproto:host(package_name) end

return sproto
