-- SPDX-License-Identifier: MIT
return require "skynet.stm"
