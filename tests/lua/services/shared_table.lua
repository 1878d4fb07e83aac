-- SPDX-License-Identifier: MIT
return { ... }
