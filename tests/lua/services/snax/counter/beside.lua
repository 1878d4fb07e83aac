-- SPDX-License-Identifier: MIT
return "a module beside " .. SERVICE_NAME .. ", " .. a_global
