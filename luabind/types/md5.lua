---@meta md5

---@class md5
local md5 = {}

---MD5.
---@param text string
---@return string digest 16 bytes
function md5.sum(text) end

---MD5 in hexadecimal.
---@param text string
---@return string digest 32 digits
function md5.sumhexa(text) end

---HMAC with MD5.
---@param text string
---@param key string
---@return string digest 32 digits
function md5.hmacmd5(text, key) end

---Bytes of two strings of one length, xor. Raises an error when the lengths differ.
---@param a string
---@param b string
---@return string
function md5.exor(a, b) end

---Encrypt by MD5 as a stream cipher.
---@param text string
---@param key string
---@param seed? string
---@return string
function md5.crypt(text, key, seed) end

---The text that crypt was given. Raises an error for what crypt did not give.
---@param text string
---@param key string
---@return string
function md5.decrypt(text, key) end

return md5
