# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: a box (a folder of its own) with a config and services, the real
executable running in it, and a list of cases that print `ok NAME` or `not ok NAME: why`.

Nothing here sleeps and then looks: conditions are waited for until a deadline, which is so far away that
only a process that hangs meets it.

Environment: EQUILUNE, the executable (or the first argument); EQUILUNE_MODULES, the folder with chog.so;
EQUILUNE_SLOW=1 in sanitizer builds: deadlines are longer, and what is measured is not judged.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
SERVICES = os.path.join(HERE, 'services')
BINARY = os.path.abspath(os.environ.get('EQUILUNE') or sys.argv[1])
MODULES = os.environ.get('EQUILUNE_MODULES') or os.path.join(os.path.dirname(BINARY), 'tests')
SLOW = os.environ.get('EQUILUNE_SLOW') == '1'
PATIENCE_S = 120 if SLOW else 30  # for what should take a moment
END_S = 60 if SLOW else 20        # for the end of the process


class Failure(Exception):
    """A case has failed; the text says why."""


def check(condition, why):
    if not condition:
        raise Failure(why)


class Box:
    """A folder that lives as long as the `with` block. `config` is a dict, or a text taken as it is."""

    def __init__(self, config=None, services=None):
        self.path = tempfile.mkdtemp(prefix='equilune-e2e-')
        for name, text in (services or {}).items():
            self.write(f'{name}.lua', text)
        if config is not None:
            self.write('config', config if isinstance(config, str) else self.text_of(config))

    def text_of(self, config):
        """Services of the box come before those of tests/e2e/services."""
        full = {
            'luaservice': f'./?.lua;{SERVICES}/?.lua',
            'lua_cpath': f'{MODULES}/?.so',
            **config,
        }
        return ''.join(f'{key} = {lua(value)}\n' for key, value in full.items())

    def write(self, name, text):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def read(self, name):
        try:
            with open(os.path.join(self.path, name), encoding='utf-8', errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Raw(str):
    """A piece of Lua for a config value, not a string."""


def lua(value):
    """A Python value as Lua source."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, dict):
        return '{ ' + ', '.join(f'[{lua(k)}] = {lua(v)}' for k, v in value.items()) + ' }'
    if isinstance(value, (int, float)):
        return str(value)
    return '"' + value.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n') + '"'


class Server:
    """The executable with its output in pipes, killed at the end of the `with` block in any case. `program` is another
    one in its place, for benchmarks."""

    def __init__(self, box, *arguments, config='config', environment=None, program=BINARY):
        self.lines = []    # of stdout, without the newline
        self.errors = []   # of stderr
        self.times = []    # when each line of stdout came
        self._news = threading.Condition()
        self.started = time.monotonic()
        words = list(arguments) + ([config] if config else [])
        self.process = subprocess.Popen(
            [program, *words], cwd=box.path, stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._readers = [threading.Thread(target=self._read, args=a, daemon=True)
                         for a in ((self.process.stdout, self.lines, self.times),
                                   (self.process.stderr, self.errors, None))]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, into, times):
        for raw in iter(stream.readline, b''):
            with self._news:
                into.append(raw.decode('utf-8', 'replace').rstrip('\n'))
                if times is not None:
                    times.append(time.monotonic())
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def pid(self):
        return self.process.pid

    def wait_until(self, what, condition, timeout_s=PATIENCE_S):
        """Waits until condition() is true, which is asked again at each new line; returns its value."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                value = condition()
                if value:
                    return value
                left = deadline - time.monotonic()
                ended = not any(r.is_alive() for r in self._readers)
                if left <= 0 or ended:
                    why = 'the process has ended' if ended else f'not within {timeout_s} s'
                    raise Failure(f'{what}: {why}; the output was:\n{self.output()}')
                self._news.wait(min(left, 0.2))

    def wait_line(self, pattern, count=1, timeout_s=PATIENCE_S):
        """The match of the count-th line of stdout in which the pattern is found."""
        found = re.compile(pattern)

        def matches():
            all_matches = [m for m in map(found.search, self.lines) if m]
            return all_matches[count - 1] if len(all_matches) >= count else None
        times = f' ({count} times)' if count > 1 else ''
        return self.wait_until(f'no line like {pattern}{times}', matches, timeout_s)

    def find(self, pattern):
        """The matches of all lines of stdout so far."""
        found = re.compile(pattern)
        with self._news:
            return [m for m in map(found.search, self.lines) if m]

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout_s=END_S):
        """The exit status (negative: ended by that signal), with all output read."""
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise Failure(f'still runs after {timeout_s} s; the output was:\n{self.output()}') from None
        for reader in self._readers:
            reader.join(5)
        return status

    def stop(self, timeout_s=END_S):
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(timeout_s)

    def cpu_s(self):
        """CPU time of all its threads so far."""
        with open(f'/proc/{self.pid}/stat', encoding='ascii') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def output(self, last=40):
        """The end of the output, for messages."""
        text = [*self.lines[-last:], *(f'stderr: {line}' for line in self.errors[-last:])]
        return '\n'.join('    ' + (line if len(line) < 300 else line[:300] + ' ...') for line in text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()


CASES = []


def case(name, *arguments):
    """Decorator: the function is a case of this script. May be given several times."""
    def add(function):
        CASES.append((name, function, arguments))
        return function
    return add


def run_cases():
    """Runs all cases, or those whose name contains one of the words in E2E_ONLY; the exit status."""
    only = os.environ.get('E2E_ONLY', '').split()
    failed = ran = 0
    for name, function, arguments in CASES:
        if only and not any(word in name for word in only):
            continue
        ran += 1
        began = time.monotonic()
        try:
            function(*arguments)
            print(f'ok {name} ({time.monotonic() - began:.1f} s)', flush=True)
        except Failure as failure:
            failed += 1
            print(f'not ok {name}: {failure}', flush=True)
        except Exception:  # a fault of the test itself must not hide the other cases
            failed += 1
            print(f'not ok {name}: {traceback.format_exc()}', flush=True)
    print(f'{ran - failed} of {ran} cases passed', flush=True)
    return 1 if failed or ran == 0 else 0
