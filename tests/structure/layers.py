# SPDX-License-Identifier: MIT
"""No room includes a room above it, and foreign libraries stay in the room that owns them.

Usage: layers.py SOURCE_ROOT
"""
import os
import re
import sys

from rooms import ALLOWED, files, finish

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# Header (as a pattern) -> the only room that may include it.
OWNED = [
    (re.compile(r'(.*/)?(lua|lualib|lauxlib|luaconf|luajit|lj_\w+)\.h(pp)?$'), 'luabind'),
    (re.compile(r'jemalloc/.*|(.*/)?ev\.h$'), 'core'),
]


def fault_of(room, quote, header):
    """What is wrong with this include in this room, or None."""
    for pattern, owner in OWNED:
        if pattern.match(header) and owner != room:
            return f'only {owner}/ includes {header}'
    if quote == '<':
        return None
    target = header.split('/')[0]
    if target not in ALLOWED or '/' not in header:
        return f'write "{room}/{header}": includes of ours start with the room'
    if target not in ALLOWED[room]:
        return f'{room}/ may include only {", ".join(sorted(ALLOWED[room]))}, not {header}'
    return None


def main(root):
    faults, paths = [], files(root, ALLOWED, ('.c', '.h', '.S'))
    for path in paths:
        with open(os.path.join(root, path), encoding='utf-8') as f:
            text = f.read()
        for match in INCLUDE.finditer(text):
            fault = fault_of(path.split('/')[0], *match.groups())
            if fault:
                line = text.count('\n', 0, match.start(2)) + 1
                faults.append(f'{path}:{line}: {fault}')
    return finish('layers', len(paths), faults)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
