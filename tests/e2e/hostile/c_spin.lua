-- SPDX-License-Identifier: MIT
require "chog".spin() -- here
