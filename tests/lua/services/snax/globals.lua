-- SPDX-License-Identifier: MIT
-- For the option snax_interface_g: what a snax service's file sees when it is only read.
return { only_in_globals = function() end }
