-- SPDX-License-Identifier: MIT
-- A hog under another name, so that the config can give it other settings (jit = false).

loadfile(SERVICE_PATH .. "hog.lua")(...)
