---@meta compat_gc

-- require "compat_gc" gives true: from then on setmetatable honours __gc of tables in this service.
return true
