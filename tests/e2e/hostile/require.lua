-- SPDX-License-Identifier: MIT
-- It loops while it is loaded.
require "endless_module"
