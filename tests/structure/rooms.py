# SPDX-License-Identifier: MIT
"""The order of the rooms, for the scripts of this folder. DESIGN: a room uses itself and what is below."""
import os

# Room -> the rooms that it may include. watchdog and luabind are side by side: neither knows the other.
ALLOWED = {
    'core': {'core'},
    'sched': {'core', 'sched'},
    'watchdog': {'core', 'sched', 'watchdog'},
    'luabind': {'core', 'sched', 'luabind'},
    'services': {'core', 'sched', 'luabind', 'services'},
    'conf': {'core', 'sched', 'watchdog', 'luabind', 'services', 'conf'},
}


def files(root, folders, endings):
    """Paths relative to root of the files in the folders with one of the endings, sorted."""
    found = []
    for folder in folders:
        for here, below, names in os.walk(os.path.join(root, folder)):
            below[:] = [b for b in below if not b.startswith(('.', '__'))]
            found += [os.path.relpath(os.path.join(here, n), root) for n in names if n.endswith(endings)]
    return sorted(found)


def finish(what, checked, faults):
    """Prints the faults and the count of things checked; the exit status."""
    for fault in faults:
        print(fault)
    print(f'{what}: {checked} checked, {len(faults)} faults')
    return 1 if faults or checked == 0 else 0
