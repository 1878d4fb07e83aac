# SPDX-License-Identifier: MIT
"""Every header compiles alone, and twice in a row.

Only luabind's headers are given LuaJIT's include folder, so a LuaJIT include that leaks into another
room's header is an error here as well.

Usage: headers.py SOURCE_ROOT LUAJIT_INCLUDE_DIR COMPILER...
"""
import concurrent.futures
import subprocess
import sys

from rooms import ALLOWED, files, finish

FLAGS = ['-fsyntax-only', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-Wundef',
         '-Wstrict-prototypes', '-Wmissing-prototypes', '-Wno-unused-parameter', '-x', 'c', '-']


def fault_of(root, luajit, compiler, header):
    """The compiler's complaint about this header, or None."""
    include = ['-I', root] + (['-isystem', luajit] if header.startswith('luabind/') else [])
    text = f'#include "{header}"\n#include "{header}"\n'
    run = subprocess.run(compiler + include + FLAGS, input=text, text=True, capture_output=True, timeout=60)
    return None if run.returncode == 0 else f'{header}: does not compile alone\n{run.stderr}'


def main(root, luajit, *compiler):
    headers = files(root, ALLOWED, ('.h',))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda h: fault_of(root, luajit, list(compiler), h), headers)
        return finish('headers', len(headers), [r for r in results if r])


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
