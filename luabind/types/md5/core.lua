---@meta md5.core

-- md5 under the name of its C part.
return require "md5"
