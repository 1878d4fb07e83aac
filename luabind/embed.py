# SPDX-License-Identifier: MIT
"""Writes the Lua sources that ship as one C file: see luabind/embedded.h for the table.

    luabind/lua/**/*.lua        kind "module",  name by path: skynet/manager.lua is "skynet.manager"
    luabind/lua/loader.lua ...  kind "chunk",   what luabind runs itself, out of reach of require: see CHUNKS
    services/*.lua              kind "service", name by path: sub/x.lua is "sub.x"
    luabind/types/**/*.lua      kind "types",   type stubs, name as the file: "skynet/manager.lua"

Usage: embed.py SOURCE_ROOT OUTPUT.c DEPFILE
"""
import os
import sys

CHUNKS = ('loader', 'explain', 'with_path', 'installed', 'finalizer')

HEAD = """/* Written by luabind/embed.py; do not edit. */
#include "luabind/embedded.h"

#include <string.h>
"""

FIND = """
static int compare(const struct embedded *e, const char *kind, const char *name)
{
	int order = strcmp(e->kind, kind);
	return order ? order : strcmp(e->name, name);
}

const struct embedded *embedded_find(const char *kind, const char *name)
{
	size_t low = 0, high = embedded_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(&embedded_table[middle], kind, name);
		if (order == 0)
			return &embedded_table[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
"""


def walk(root, folder):
    """All folders and .lua files below root/folder, as paths relative to root."""
    folders, sources = [], []
    for here, below, names in os.walk(os.path.join(root, folder)):
        below.sort()
        folders.append(os.path.relpath(here, root))
        sources += [os.path.relpath(os.path.join(here, n), root) for n in names if n.endswith('.lua')]
    return folders, sorted(sources)


def describe(path):
    """(kind, name) of one source, from where it lies."""
    if path.startswith('luabind/types/'):
        return 'types', path[len('luabind/types/'):]
    for chunk in CHUNKS:
        if path == f'luabind/lua/{chunk}.lua':
            return 'chunk', chunk
    for kind, folder in (('module', 'luabind/lua/'), ('service', 'services/')):
        if path.startswith(folder):
            return kind, path[len(folder):-len('.lua')].replace('/', '.')
    raise SystemExit('embed.py: no kind for ' + path)


def as_bytes(data):
    """A C initializer: decimal numbers, twenty a line, with a closing NUL."""
    numbers = [str(b) for b in data] + ['0']
    lines = [','.join(numbers[i:i + 20]) for i in range(0, len(numbers), 20)]
    return ',\n\t'.join(lines)


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def render(root, sources):
    entries, arrays = [], []
    for path in sources:
        with open(os.path.join(root, path), 'rb') as f:
            data = f.read()
        entries.append((*describe(path), path, len(data)))
        arrays.append((path, data))
    number = {path: i for i, (path, _) in enumerate(arrays)}
    out = [HEAD]
    for path, data in arrays:
        out.append(f'\nstatic const unsigned char source_{number[path]}[] = {{\n\t{as_bytes(data)}}};\n')
    out.append('\nconst struct embedded embedded_table[] = {\n')
    # strcmp's order is the order of bytes, which is not that of str for characters beyond ASCII.
    for kind, name, path, size in sorted(entries, key=lambda e: (e[0].encode(), e[1].encode())):
        out.append(f'\t{{{quoted(kind)}, {quoted(name)}, {quoted("@" + path)}, source_{number[path]}, {size}}},\n')
    out.append('\t{NULL, NULL, NULL, NULL, 0}};\n')
    out.append(f'const size_t embedded_count = {len(entries)};\n')
    out.append(FIND)
    return ''.join(out)


def main():
    root, output, depfile = sys.argv[1:4]
    folders, sources = [], []
    for top in ('luabind/lua', 'luabind/types', 'services'):
        f, s = walk(root, top)
        folders += f
        sources += s
    with open(output, 'w') as f:
        f.write(render(root, sources))
    with open(depfile, 'w') as f:
        inputs = [os.path.join(root, p).replace(' ', '\\ ') for p in folders + sources]
        f.write(output.replace(' ', '\\ ') + ': ' + ' '.join(inputs) + '\n')


if __name__ == '__main__':
    main()
