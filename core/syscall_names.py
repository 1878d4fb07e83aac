# SPDX-License-Identifier: MIT
"""Writes the names of the system calls by number, as the compiler's preprocessor finds them in <sys/syscall.h>: rows
of a C array.

Usage: syscall_names.py OUTPUT COMPILER [ARGUMENT...]
"""
import re
import subprocess
import sys


def main(output, *compiler):
    macros = subprocess.run([*compiler, '-E', '-dM', '-x', 'c', '-'], input='#include <sys/syscall.h>\n',
                            capture_output=True, text=True, check=True).stdout
    # A number may have two names; the one that is shorter is the usual one.
    names = {}
    for name, number in re.findall(r'^#define __NR_(\w+) (\d+)$', macros, re.MULTILINE):
        names.setdefault(int(number), []).append(name)
    with open(output, 'w', encoding='utf-8') as f:
        f.write('/* Written by core/syscall_names.py; do not edit. */\n')
        for number, several in sorted(names.items()):
            f.write(f'[{number}] = "{min(several, key=len)}",\n')
    return 0 if names else 'no system call found in <sys/syscall.h>'


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
