"""Runs inputs in child processes, and sees to it that each comes to an end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .cases import Fault, Result

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from tests.fuzz.child import serve; serve(*sys.argv[1:])"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
_EVERY = 400  # cases that one process runs
_LONG = 8.0  # seconds that a case may take before it is interrupted
_IDLE = 0.05  # seconds of CPU time below which a process stands still


class Child:
    """A process that runs cases.

    Args:
        template: The files that a case begins with.
        seed: The seed of the run.
        environment: Variables of its own.
    """

    def __init__(self, template: Path, seed: int, environment: dict[str, str]):
        self.ran = 0
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lasts as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(template), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, **environment, "PYTHONPATH": search_path()},
            start_new_session=True,
        )
        self.rest = b""
        self.words = ""  # the end of what it said outside of cases, once it has ended

    def ask(self, name: str, folder: Path) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([name, str(folder)]).encode() + b"\n")
        self.process.stdin.flush()

    def line(self, seconds: float) -> dict[str, Any] | None:
        """Its next line; None where none comes in time.

        Raises:
            EOFError: It has ended.
        """
        assert self.process.stdout is not None
        until = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            content = os.read(self.process.stdout.fileno(), 65536)
            if not content:
                raise EOFError
            self.rest += content
        first, _, self.rest = self.rest.partition(b"\n")
        return json.loads(first)

    def cpu(self) -> float:
        """Seconds of CPU time that it and those it started have used."""
        return cpu_seconds(self.process.pid)

    def end(self) -> int:
        """End it and all that it started; its exit code."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.seek(0)
        self.words = self.errors.read().decode("utf-8", "replace").strip()[-300:]
        self.errors.close()
        return code


def run(
    template: Path,
    cases: Sequence[str],
    *,
    seed: int,
    patience: float,
    keep: bool = False,
    listen: Callable[[str], object] = lambda _: None,
) -> Iterator[Result]:
    """The results of the inputs of these names, each in a folder beside the template."""
    children: dict[bool, Child] = {}
    try:
        for name in cases:
            plain = int(name.partition(":")[2]) % 8 != 7
            child = children.get(plain)
            if child is None or child.ran >= _EVERY:
                if child is not None:
                    child.end()
                child = children[plain] = Child(template, seed, {} if plain else ASCII)
            folder = template.with_name(name.replace(":", "-"))
            result, alive = _one(child, name, folder, patience, listen)
            if not alive:
                del children[plain]
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)
            yield result
    finally:
        for child in children.values():
            child.end()


def _one(
    child: Child, name: str, folder: Path, patience: float, listen: Callable[[str], object]
) -> tuple[Result, bool]:
    """What comes of one case, and whether the process can go on."""
    words = "?"
    child.ran += 1
    slow = False
    try:
        child.ask(name, folder)
        case = child.line(120)  # it may have to start first
        if case is None:
            child.end()
            return Result(name, words, (Fault("hang", "nothing begun"),)), False
        words = in_words(case)
        answer = child.line(_LONG)
        if answer is None:
            before = child.cpu()
            answer = child.line(2.0)
            if answer is None and child.cpu() - before < _IDLE:
                child.end()
                return Result(name, words, (Fault("hang", "stands still"),)), False
        if answer is None:
            slow = True
            os.kill(child.process.pid, signal.SIGINT)
            answer = child.line(patience)
            if answer is None:
                child.end()
                return Result(name, words, (Fault("hang", "goes on after Ctrl-C"),), slow), False
    except (EOFError, OSError):
        code, last = child.end(), child.words
        if slow and code == 130:  # as it should
            return Result(name, words, (), slow), False
        return Result(name, words, (Fault("crash", f"exit code {code}: {last}"),), slow), False
    listen(answer["evidence"])
    return Result(name, words, tuple(Fault(*each) for each in answer["faults"]), slow), True


def in_words(case: dict[str, Any]) -> str:
    """A case as a reader can repeat it."""
    import shlex

    streams = {"full": " > full", "closed": " | true", "ascii": " (an ASCII terminal)", "file": ""}
    if "load" in case:
        return f"ll.load({Path(case['load']).name!r})"
    arguments = " ".join(ascii(shlex.quote(each[:80]))[1:-1] for each in case["arguments"])
    return f"longlag {arguments}{streams[case['stdout']]}" + " (full disk)" * case["disk"]


def search_path() -> str:
    """Where a process finds this package, the helpers of the tests, and longlag."""
    before = os.environ.get("PYTHONPATH", "")
    own = (str(ROOT / part) for part in ("", "tests", "src"))
    return os.pathsep.join([*filter(None, [before]), *own])


def cpu_seconds(group: int) -> float:
    """Seconds of CPU time of the processes of a session."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            if not entry.name.isdigit():
                continue
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == group:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
