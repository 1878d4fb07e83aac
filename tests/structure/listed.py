# SPDX-License-Identifier: MIT
"""Every source file is part of the build and every test or benchmark script is registered: a file that is
forgotten in a list would otherwise be a test that never runs.

Usage: listed.py SOURCE_ROOT BUILD_ROOT
"""
import json
import os
import sys

from rooms import ALLOWED, files, finish

C_FOLDERS = [*ALLOWED, 'tests/unit', 'tests/stress', 'tests/fuzz', 'tests/sim', 'tests/bench',
             'tests/structure', 'tests/tools']


def load(build, name):
    with open(os.path.join(build, 'meson-info', name), encoding='utf-8') as f:
        return json.load(f)


def built(build):
    """Real paths of all sources of all targets."""
    groups = [s for t in load(build, 'intro-targets.json') for s in t['target_sources']]
    return {os.path.realpath(p) for g in groups for p in g.get('sources', [])}


def run_by_tests(build):
    words = [w for kind in ('tests', 'benchmarks') for t in load(build, f'intro-{kind}.json') for w in t['cmd']]
    return {os.path.realpath(w) for w in words if w.startswith('/')}


def is_script(path):
    name = os.path.basename(path)
    return path.endswith('.sh') or (path.endswith('.py') and name.startswith('e2e_'))


def main(root, build):
    sources = files(root, C_FOLDERS, ('.c', '.S'))
    scripts = [p for p in files(root, ['tests/e2e'], ('.sh', '.py')) if is_script(p)]
    scripts += files(root, ['tests/model'], ('.pml',))
    scripts += [p for p in files(root, ['tests/bench'], ('.py',)) if p.startswith('tests/bench/bench_')]
    scripts += [p for p in files(root, ['tests/lua'], ('.lua',)) if p == 'tests/lua/run.lua']
    faults = []
    for paths, known, where in ((sources, built(build), 'the meson.build of its folder'),
                                (scripts, run_by_tests(build), 'tests/meson.build')):
        faults += [f'{p}: not listed in {where}' for p in paths
                   if os.path.realpath(os.path.join(root, p)) not in known]
    return finish('listed', len(sources) + len(scripts), faults)


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
