---@meta skynet.sharedtype

-- require "skynet.sharedtype" gives true: `type` says "table" of shared data in this service then. The modules for shared
-- data do it.
return true
