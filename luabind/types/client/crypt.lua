---@meta client.crypt

-- skynet.crypt under its name for clients.
return require "skynet.crypt"
