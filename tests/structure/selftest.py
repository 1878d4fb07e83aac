# SPDX-License-Identifier: MIT
"""The structure checks see what they are for: each one passes a clean tree and fails on a planted fault.

Usage: selftest.py COMPILER...
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
GUARD = '#ifndef {0}\n#define {0}\n{1}\n#endif\n'
LONG_C = 'int f(void)\n{\n' + '\tg();\n' * 99 + '}\n'
LONG_LUA = 'local function f()\n' + '\tg()\n' * 99 + 'end\n'

CLEAN = {
    'core/a.h': GUARD.format('A_H', '#include <stddef.h>\nsize_t a(void);'),
    'core/a.c': '#include "core/a.h"\n#include <ev.h>\nint a1(void)\n{\n\treturn 1;\n}\n',
    'luabind/b.c': '#include "luabind/b.h"\n#include "sched/s.h"\n#include <lua.h>\n',
    'luabind/b.h': GUARD.format('B_H', '#include "core/a.h"'),
    'sched/s.h': GUARD.format('S_H', 'struct s;'),
    'tests/unit/test_a.c': '#include <lua.h>\nint main(void)\n{\n}\n' + '\n' * 600,
}

# Of thread_local: twice.c, a room, and a word of the complaint that is due, or none.
TWICE = 'void *{0}(void);\nvoid call_twice(void **p, void (*f)(void)) {{ p[0] = {0}(); f(); {1} }}\n'
SELF = '__thread void *t;\nvoid *thread_self(void) { return t; }\n'
PLANTED_TLS = [
    (TWICE.format('thread_self', 'p[1] = thread_self();'), SELF, None),
    (TWICE.format('thread_self', 'p[1] = p[0];'), SELF, '2 calls'),
    (TWICE.format('thread_self', 'p[1] = thread_self();'), SELF + '__thread int n;\nint bad(void) { return n; }\n',
     'bad uses'),
    (TWICE.format('thread_self', 'p[1] = thread_self();'), 'int n;\n', 'looks at the wrong thing'),
]

# Check, planted files, and a word of the complaint that is due.
PLANTED = [
    ('layers', {'core/x.c': '#include "sched/s.h"\n'}, 'core/x.c:1'),
    ('layers', {'luabind/x.c': '\n#include "watchdog/w.h"\n'}, 'luabind/x.c:2'),
    ('layers', {'watchdog/x.c': '# include "luabind/b.h"\n'}, 'watchdog/x.c:1'),
    ('layers', {'sched/x.c': '#include <lua.h>\n'}, 'only luabind'),
    ('layers', {'conf/x.c': '#include <luajit-2.1/lauxlib.h>\n'}, 'only luabind'),
    ('layers', {'sched/x.h': '#include <ev.h>\n'}, 'only core'),
    ('layers', {'luabind/x.c': '#include <jemalloc/jemalloc.h>\n'}, 'only core'),
    ('layers', {'sched/x.c': '#include "s.h"\n'}, 'start with the room'),
    ('layers', {'sched/x.c': '#include "../conf/c.h"\n'}, 'start with the room'),
    ('sizes', {'sched/x.c': LONG_C}, 'sched/x.c:2: a function of 101'),
    ('sizes', {'luabind/lua/x.lua': LONG_LUA}, 'x.lua:1: a function of 101'),
    ('sizes', {'services/x.lua': '\n' * 501}, 'services/x.lua: 501 lines'),
    ('headers', {'core/x.h': GUARD.format('X_H', 'size_t x(void);')}, 'core/x.h'),
    ('headers', {'core/x.h': 'struct x { int y; };\n'}, 'redefinition'),
    ('listed', {'core/x.c': ''}, 'core/x.c: not listed'),
    ('listed', {'tests/unit/test_x.c': ''}, 'test_x.c: not listed'),
    ('listed', {'tests/e2e/e2e_x.py': ''}, 'e2e_x.py: not listed'),
    ('listed', {'tests/bench/bench_x.py': ''}, 'bench_x.py: not listed'),
]


def plant(root, tree):
    for path, text in tree.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8') as f:
            f.write(text)


def plant_build(root):
    """What meson would say of a build that lists exactly the clean tree."""
    sources = [os.path.join(root, p) for p in CLEAN if p.endswith('.c')]
    plant(root, {'build/meson-info/intro-targets.json': json.dumps([{'target_sources': [{'sources': sources}]}]),
                 'build/meson-info/intro-tests.json': '[]', 'build/meson-info/intro-benchmarks.json': '[]'})


def run(check, root, compiler):
    extra = {'headers': ['/nonexistent', *compiler], 'listed': [os.path.join(root, 'build')]}.get(check, [])
    command = [sys.executable, '-B', os.path.join(HERE, check + '.py'), root, *extra]
    return subprocess.run(command, text=True, capture_output=True, timeout=120)


def right_of_tls(compiler, twice, room, word):
    """Is thread_local.py's verdict on these two sources the one that is due?"""
    with tempfile.TemporaryDirectory() as root:
        plant(root, {'twice.c': twice, 'room.c': room})
        for name in ('twice', 'room'):
            subprocess.run([*compiler, '-O2', '-fPIC', '-c', name + '.c'], cwd=root, check=True, timeout=60)
        command = [sys.executable, '-B', os.path.join(HERE, 'thread_local.py'), 'twice.o', 'room.o']
        done = subprocess.run(command, cwd=root, text=True, capture_output=True, timeout=120)
        right = done.returncode == (1 if word else 0) and (word or '') in done.stdout and not done.stderr
        if not right:
            print(f'thread_local: status {done.returncode}, due {word}\n{done.stdout}{done.stderr}')
        return right


def main(*compiler):
    failed = sum(not right_of_tls(compiler, *planted) for planted in PLANTED_TLS)
    for check, planted, word in [(c, {}, '') for c in ('layers', 'sizes', 'headers', 'listed')] + PLANTED:
        with tempfile.TemporaryDirectory() as root:
            plant(root, CLEAN)
            plant_build(root)
            plant(root, planted)
            done = run(check, root, compiler)
            right = done.returncode == (1 if planted else 0) and word in done.stdout and not done.stderr
            failed += not right
            if not right:
                print(f'{check} with {planted}: status {done.returncode}\n{done.stdout}{done.stderr}')
    print(f'selftest: {len(PLANTED) + len(PLANTED_TLS) + 4} checked, {failed} faults')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
