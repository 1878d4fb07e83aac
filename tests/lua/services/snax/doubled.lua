-- SPDX-License-Identifier: MIT
-- A snax service that is wrong.
function accept.x() end
function accept.x() end
