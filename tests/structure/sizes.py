# SPDX-License-Identifier: MIT
"""No function over 100 lines anywhere, no file over 500 lines outside of tests.

C functions are found by our brace style: a function's opening brace stands alone in column 0, and so
does its closing one. Lua functions run to the `end` at their own indentation.

Usage: sizes.py SOURCE_ROOT
"""
import os
import re
import sys

from rooms import ALLOWED, files, finish

FUNCTION_LINES = 100
FILE_LINES = 500
LUA_FUNCTION = re.compile(r'^(\s*)(?!--)(?:\S.*\b)?function\b')
LUA_ONE_LINE = re.compile(r'\bend\b[\s,;)}]*(--.*)?$')


def c_functions(lines):
    """(first line, length) of each function; the length counts the two braces."""
    opened = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == '{':
            opened = number
        elif line.startswith('}') and opened:
            yield opened, number - opened + 1
            opened = None


def lua_functions(lines):
    for number, line in enumerate(lines, 1):
        match = LUA_FUNCTION.match(line)
        if not match or LUA_ONE_LINE.search(line):
            continue
        closing = re.compile('^' + match.group(1) + r'end\b')
        length = next((n for n, l in enumerate(lines[number:], 2) if closing.match(l)), None)
        if length:
            yield number, length


def main(root):
    faults, lengths = [], []
    for path in files(root, [*ALLOWED, 'tests'], ('.c', '.h', '.lua')):
        with open(os.path.join(root, path), encoding='utf-8') as f:
            lines = f.read().splitlines()
        if len(lines) > FILE_LINES and not path.startswith('tests/') and not path.endswith('.h'):
            faults.append(f'{path}: {len(lines)} lines, {FILE_LINES} are allowed')
        for number, length in (lua_functions if path.endswith('.lua') else c_functions)(lines):
            lengths.append(length)
            if length > FUNCTION_LINES:
                faults.append(f'{path}:{number}: a function of {length} lines, {FUNCTION_LINES} are allowed')
    lengths.sort()
    if lengths:
        print(f'functions: median {lengths[len(lengths) // 2]}, p90 {lengths[len(lengths) * 9 // 10]}, '
              f'longest {lengths[-1]} lines')
    return finish('sizes', len(lengths), faults)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
