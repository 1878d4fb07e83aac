-- SPDX-License-Identifier: MIT
require "chog".sleep_forever()
