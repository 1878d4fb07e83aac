# SPDX-License-Identifier: MIT
"""The self-checking services of tests/lua/services, each as the start service of the real executable."""
import os
import sys

from harness import END_S, HERE, PATIENCE_S, Box, Raw, Server, case, check, run_cases

SERVICES = os.path.join(os.path.dirname(HERE), 'lua', 'services')
THREADS = (1, 2)
IDLE_BYTES = 80 * 1000  # of a service that has loaded skynet and answered a request, garbage collected
LEAST_CHECKS = 200  # for each number of threads: a service that checks nothing is not a success

passed = {threads: 0 for threads in THREADS}


def run_service(name, threads, **options):
    config = {'thread': threads, 'start': name, 'harbor': 0, 'luaservice': f'{SERVICES}/?.lua',
              'deadlock': '100ms', 'snax': f'{SERVICES}/snax/?.lua',
              'service': {'t_lua54*': {'lua54': True}, 't_made': {'max_tasks': 1000},
                          't_debug_pairs': {'debug_pairs': True}}, **options}
    with Box(config) as box, Server(box) as server:
        status = server.wait_exit(PATIENCE_S + END_S)
        faults = [line for line in server.lines if line.startswith('not ok')]
        check(not faults, '\n'.join(faults))
        check(status == 0, f'exit status {status}; the output was:\n{server.output()}')
        count = sum(line.startswith('ok ') for line in server.lines)
        check(count > 0, f'no checks; the output was:\n{server.output()}')
        passed[threads] += count


names = sorted(n[:-4] for n in os.listdir(SERVICES) if n.startswith('t_') and n.endswith('.lua'))
for number in THREADS:
    for service in names:
        case(f'{service} with thread = {number}', service, number)(run_service)


@case('options of calls')
def options():
    run_service('options', 2, calltimeout='50ms', callreason=False)


@case('options of snax')
def snax_options():
    run_service('snax_options', 2, lua_path=f'{SERVICES}/snax/?.lua',
                snax_loader=f'{SERVICES}/snax/loader.lua', snax_interface_g='globals')


@case('no option of snax')
def snax_unset():
    run_service('snax_options', 2, snax=Raw('nil'))


IDLE = '''
local skynet = require "skynet"
skynet.start(function()
	skynet.dispatch("lua", function()
		collectgarbage()
		collectgarbage()
		skynet.retpack(collectgarbage "count" * 1024)
	end)
end)
'''
ASKING = '''
local skynet = require "skynet"
require "skynet.manager"
skynet.start(function()
	for _ = 1, 2 do -- the first one compiles the library, for all
		print("BYTES", skynet.call(skynet.newservice "idle", "lua"))
	end
	skynet.abort()
end)
'''


@case('what an idle service takes')
def idle_bytes():
    with Box({'thread': 1, 'start': 'main'}, {'main': ASKING, 'idle': IDLE}) as box, Server(box) as server:
        check(server.wait_exit(PATIENCE_S) == 0, server.output())
        taken = [int(match[1]) for match in server.find(r'^BYTES\s+(\d+)')]
        print(f'# {taken} bytes', flush=True)
        check(len(taken) == 2 and max(taken) <= IDLE_BYTES,
              f'{taken} bytes, at most {IDLE_BYTES} are wanted: luabind/README.md, "What an idle service takes"')


@case('the number of checks')
def enough():
    for threads, count in passed.items():
        print(f'# thread = {threads}: {count} checks passed', flush=True)
        check(count >= LEAST_CHECKS, f'only {count} checks with thread = {threads}')


if __name__ == '__main__':
    sys.exit(run_cases())
