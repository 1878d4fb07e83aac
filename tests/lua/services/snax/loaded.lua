-- SPDX-License-Identifier: MIT
-- Read by clients only: the service has a loader of its own.
only_in_globals()
function response.asked() end
