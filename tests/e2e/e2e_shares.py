# SPDX-License-Identifier: MIT
"""Busy services share the CPU by weight. What they get is compared with what they get together, since
nobody knows how much of the machine is ours."""
import sys

from harness import SLOW, SERVICES, Box, Failure, Raw, Server, case, check, run_cases

TRIES = 3  # other users of the machine disturb a measurement

MAIN = '''
local skynet = require "skynet"
local sched = require "skynet.sched"
skynet.start(function()
	local burns = {}
	for name in skynet.getenv("burns"):gmatch "%S+" do
		burns[#burns + 1] = skynet.newservice(name)
	end
	for _, burn in ipairs(burns) do
		skynet.send(burn, "lua", "go")
	end
	local set = skynet.getenv "set"
	if set then
		skynet.sleep(50) -- they run as configured before they are changed
		for i, settings in ipairs(loadstring("return " .. set)()) do
			assert(sched.set(burns[i], settings))
		end
	end
	skynet.sleep(20)
	local before = {}
	for i, burn in ipairs(burns) do
		before[i] = sched.get(burn).cpu
	end
	skynet.sleep(tonumber(skynet.getenv "window_cs"))
	local used, weights, all = {}, {}, 0
	for i, burn in ipairs(burns) do
		local s = sched.get(burn)
		used[i] = s.cpu - before[i]
		weights[i] = s.weight
		all = all + used[i]
	end
	for i in ipairs(burns) do
		used[i] = string.format("%.4f", used[i] / all)
	end
	print("WEIGHTS " .. table.concat(weights, " "))
	print("SHARES " .. table.concat(used, " "))
end)
'''


def measure(threads, names, rules, at_run_time=None):
    burn = f'dofile("{SERVICES}/burn.lua")'
    config = {'thread': threads, 'start': 'main', 'burns': ' '.join(names), 'window_cs': 300,
              'watchdog': {'demote': 0}, 'service': Raw(rules)}
    if at_run_time:
        config['set'] = at_run_time
    with Box(config, {'main': MAIN, **{name: burn for name in names}}) as box, Server(box) as server:
        weights = server.wait_line('^WEIGHTS (.*)')[1].split()
        shares = [float(share) for share in server.wait_line('^SHARES (.*)')[1].split()]
        return [int(float(w)) for w in weights], shares


@case('100 and 300 on one worker', 1, ['busy', 'heavy'], '{ heavy = { weight = 300 } }',
      [100, 300], 0.02)
@case('100 and 300 by globs', 1, ['eq_a', 'eq_b'],
      '{ ["*_b"] = { weight = 300 }, ["eq_*"] = { weight = 100 }, ["*"] = { weight = 50 } }',
      [100, 300], 0.02)
@case('10 and 990 on one worker', 1, ['small', 'large'],
      '{ small = { weight = 10 }, large = { weight = 990, slice = "500us" } }', [10, 990], 0.02)
@case('three equal ones on two workers', 2, ['one', 'two', 'three'], '{}', [100, 100, 100], 0.03)
@case('classes', 1, ['front', 'back'],
      '{ front = { class = "interactive" }, back = { class = "batch" } }', [200, 25], 0.03)
@case('a class of its own values', 1, ['front', 'back'],
      '{ front = { class = "interactive", weight = 100, slice = "1ms" }, back = { class = "normal" } }',
      [100, 100], 0.03)
@case('two of one group and another', 1, ['bot', 'bot', 'other'], '{ bot = { group = true } }',
      [100, 100, 100], 0.03, None, [0.25, 0.25, 0.5])
@case('changed at run time', 1, ['one', 'two'], '{ two = { weight = 900 } }', [300, 100], 0.02,
      '{ { weight = 300, slice = "500us" }, { weight = 100 } }')
@case('changed to classes at run time', 1, ['one', 'two'], '{}', [25, 200], 0.03,
      '{ { class = "batch" }, { class = "interactive" } }')
def run_shares(threads, names, rules, wanted, tolerance, at_run_time=None, parts=None):
    parts = parts or [w / sum(wanted) for w in wanted]
    for attempt in range(1, TRIES + 1):
        weights, shares = measure(threads, names, rules, at_run_time)
        check(weights == wanted, f'the weights are {weights}, configured were {wanted}')
        off = max(abs(share - part) for share, part in zip(shares, parts))
        print(f'# {names}: shares {shares}, {off * 100:.2f} points off (try {attempt})', flush=True)
        if SLOW or off <= tolerance:
            return
    raise Failure(f'{TRIES} times more than {tolerance * 100:.0f} points off: {shares}')


if __name__ == '__main__':
    sys.exit(run_cases())
