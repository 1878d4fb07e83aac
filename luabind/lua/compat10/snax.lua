-- SPDX-License-Identifier: MIT
return require "skynet.snax"
