---@meta skynet.crypt

---Hashes, DES and skynet's own key functions. Keys, challenges and secrets are strings of 8 bytes. An argument of a wrong
---length raises an error.
---@class skynet.crypt
---@field padding { iso7816_4: integer, pkcs7: integer } how desencode fills the last block
local crypt = {}

---skynet's hash of a text.
---@param text string
---@return string key 8 bytes
function crypt.hashkey(text) end

---A random key.
---@return string key 8 bytes
function crypt.randomkey() end

---Encrypt by DES, block by block. Raises `Invalid key size`.
---@param key string 8 bytes
---@param text string
---@param padding? integer crypt.padding.iso7816_4 by default
---@return string
function crypt.desencode(key, text, padding) end

---Decrypt. Raises `Invalid key size`, `Invalid des crypt text length`, `Invalid des crypt text`.
---@param key string 8 bytes
---@param text string
---@param padding? integer as it was encrypted
---@return string
function crypt.desdecode(key, text, padding) end

---Bytes as hexadecimal digits.
---@param text string
---@return string
function crypt.hexencode(text) end

---Hexadecimal digits as bytes. Raises an error for what is none.
---@param text string
---@return string
function crypt.hexdecode(text) end

---Bytes as base64.
---@param text string
---@return string
function crypt.base64encode(text) end

---Base64 as bytes. Raises an error for what is none.
---@param text string
---@return string
function crypt.base64decode(text) end

---The answer to a challenge.
---@param challenge string 8 bytes
---@param secret string 8 bytes
---@return string hmac 8 bytes
function crypt.hmac64(challenge, secret) end

---The same by another function.
---@param challenge string 8 bytes
---@param secret string 8 bytes
---@return string hmac 8 bytes
function crypt.hmac64_md5(challenge, secret) end

---hmac64 of the hash of a text.
---@param key string 8 bytes
---@param text string
---@return string hmac 8 bytes
function crypt.hmac_hash(key, text) end

---What to send to the peer for a shared secret. Raises `Can't be 0`.
---@param key string 8 random bytes of one's own
---@return string
function crypt.dhexchange(key) end

---The shared secret. Raises `Can't be 0`.
---@param theirs string 8 bytes: what the peer's dhexchange gave
---@param key string 8 bytes: one's own
---@return string secret 8 bytes
function crypt.dhsecret(theirs, key) end

---SHA-1.
---@param text string
---@return string digest 20 bytes
function crypt.sha1(text) end

---HMAC with SHA-1.
---@param key string
---@param text string
---@return string digest 20 bytes
function crypt.hmac_sha1(key, text) end

---Every byte xor the key's, which is repeated.
---@param text string
---@param key string
---@return string
function crypt.xor_str(text, key) end

return crypt
