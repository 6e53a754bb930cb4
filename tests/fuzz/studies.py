"""Kills and interrupts at random moments, in processes like a user's."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import world
from .cases import Fault, Result, generator, pick
from .inputs import search_path

TINY = "--values 3 --hidden-size 6 --batch-size 10 --keep none --json --store new.db".split()
STUDIES = {
    "compare": "compare --models lstm,mlp --problems echo-value,ramp --rungs 2 --seeds 2 "
    "--learning-rates 0.003,0.01 --budget 400".split(),
    "frontier": "frontier echo-value --length 3 --limit 3 --seeds 4 --budget 800 "
    "--learning-rate 0.01".split(),
}
TRIALS = {"compare": 24, "frontier": 8}
"""About how many trials a study has."""

_TIMES = "updates_per_second", "seconds_per_step"

FOREVER = ["--sequences", "100000000", "--hidden-size", "6", "--values", "4"]
COMMANDS = {
    "show": (3, "show echo-lag --framing window"),
    "audit": (4, "audit echo-lag --length 300"),
    "problems": (3, "problems"),
    "check": (8, "check echo-value"),
    "check of a model": (9, "check model.py:make"),
    "export": (5, "export echo-lag --out new --train 3000 --length 400"),
    "runs": (4, "runs --store store.db"),
    "report": (9, "report --store store.db --out new.html --figures drawings"),
    "train": (12, "train echo-lag --framing window"),
    "frame": (12, "frame good.csv --timesteps 3 --model lstm"),
    "reproduce": (14, "reproduce echo/lag-with-context"),
    "frontier": (14, "frontier echo-lag --budget 500000 --limit 2 --learning-rate 0.00001"),
    "compare": (14, " ".join(STUDIES["compare"])),
    "generalise": (14, "generalise echo-value --values 3 --hidden-size 6 --budget 3000"),
    "profile": (14, "profile --minutes 0.3 --problems echo-value,ramp --budget 400"),
}
"""Commands to interrupt, and seconds within which it happens."""

SHADOW = "print('not the one you meant', flush=True)\nraise ImportError('nor here')\n"
"""What a file says that is named like a library."""

MARK = "LONGLAG_FUZZ_CASE"


@dataclasses.dataclass
class Command:
    """A running command, its output in files."""

    name: str
    folder: Path
    arguments: Sequence[str]

    def __enter__(self) -> Command:
        self.mark = f"{os.getpid()}-{self.name}".encode()
        self.out, self.err = self.folder / "command.out", self.folder / "command.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "longlag", *self.arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "PYTHONPATH": search_path(), MARK: self.mark.decode()},
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self.process.pid, *self.others()):
            with contextlib.suppress(OSError):
                os.kill(each, signal.SIGKILL)
        self.process.wait()

    def others(self) -> list[int]:
        """Processes that it started."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                other = entry.name.isdigit() and int(entry.name) != self.process.pid
                if other and b"=" + self.mark + b"\0" in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    def end(self) -> Fault | None:
        """Wait until it has ended; a fault where it stands still instead."""
        before = self.cpu()
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
                return None
            if self.stands_still(before, now := self.cpu()):
                return Fault("hang", f"stands still at {now} CPU seconds: {self.said()}")
            before = now

    def cpu(self) -> dict[int, float]:
        """Seconds of CPU time that it and those it started have used, each."""
        return {each: cpu_seconds(each) for each in (self.process.pid, *self.others())}

    @staticmethod
    def stands_still(before: dict[int, float], now: dict[int, float]) -> bool:
        """Whether the same processes are there, and have hardly done anything since."""
        gained = sum(now.values()) - sum(before.values())
        return now.keys() == before.keys() and gained < 0.1

    def said(self) -> str:
        return self.err.read_text(errors="replace")[-1500:]

    def left_behind(self, seconds: float) -> list[Fault]:
        """Processes that have not ended with it."""
        until = time.monotonic() + seconds
        while others := self.others():
            if time.monotonic() > until:
                return [Fault("hang", f"{len(others)} processes left behind")]
            time.sleep(0.05)
        return []

    def tracebacks(self) -> list[Fault]:
        said = self.said()
        if re.search(r"Traceback \(most|Exception ignored|Fatal Python|\.py:\d+: \w*Warning", said):
            return [Fault("traceback", said[-700:])]
        return []


@contextlib.contextmanager
def _folder(template: Path, name: str, keep: bool) -> Iterator[Path]:
    """A user's folder for one case, removed after it."""
    folder = template.with_name(name.replace(":", "-"))
    world.populate(template, folder)
    yield folder
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


def kills(
    template: Path, names: Sequence[str], *, seed: int, keep: bool = False
) -> Iterator[Result]:
    """Kill studies at random moments, and ask them again."""
    answers: dict[str, Any] = {}
    for name in names:
        rng = generator(seed, name)
        kind, workers = pick(rng, list(STUDIES)), pick(rng, (1, 1, 2))
        target = pick(rng, ("command", "command", "command", "all", "worker"))
        shadow = pick(rng, ("", "", "", "", "jax.py", "queue.py", "json.py"))
        arguments = [*STUDIES[kind], *TINY, "--workers", str(workers)]
        share = max(0.0, rng.uniform(-0.2, 1.1))
        words = f"{' '.join(arguments)}: kill -9 of {target} at {share:.0%}"
        words += f", {shadow} in the folder" if shadow else ""
        with _folder(template, name, keep) as folder:
            if shadow:
                (folder / shadow).write_text(SHADOW)
            faults = _kill(name, folder, kind, arguments, target, share, rng, answers)
        yield Result(name, words, tuple(faults))


def _kill(
    name: str,
    folder: Path,
    kind: str,
    arguments: list[str],
    target: str,
    share: float,
    rng: np.random.Generator,
    answers: dict[str, Any],
) -> list[Fault]:
    faults: list[Fault] = []
    store = folder / "new.db"
    with Command(name, folder, arguments) as command:
        before, looked = command.cpu(), time.monotonic()
        while len(known := finished(store)) < share * TRIALS[kind]:
            if command.process.poll() is not None:
                break
            if time.monotonic() - looked > 15:
                if command.stands_still(before, now := command.cpu()):
                    return [Fault("hang", f"stands still at {now}: {command.said()}")]
                before, looked = now, time.monotonic()
            time.sleep(0.02)
        time.sleep(float(rng.uniform(0, 0.4 if share else 4)))
        known = finished(store) or known
        if command.process.poll() is None:
            _strike(command, target, rng)
        if target == "worker" and (fault := command.end()):
            return [fault]
        if target != "worker":
            command.process.wait()
        faults += command.left_behind(15)
        faults += command.tracebacks()
    with contextlib.suppress(sqlite3.Error):
        after = finished(store)
        faults += lost(known, after)
    stored = len(finished(store))
    with Command(name, folder, arguments) as again:
        if fault := again.end():
            return [*faults, fault]
        faults += again.left_behind(15)
        faults += again.tracebacks()
        if again.process.returncode:
            return [*faults, Fault("unclear", f"code {again.process.returncode}: {again.said()}")]
        answer = json.loads(again.out.read_text())
    usage, answer = answer.pop("usage"), _without_times(answer)
    for each in answer.values():
        if isinstance(each, list):
            each.sort(key=repr)
    if answers.setdefault(kind, answer) != answer:
        faults.append(Fault("differs", "another answer"))
    whole = finished(store)
    faults += lost(known, whole)
    if usage["ran"] > len(whole) - stored or doubled(store):
        faults.append(Fault("doubled", f"{usage['ran']} run, {stored} of {len(whole)} were stored"))
    return faults


def _without_times(part: Any) -> Any:
    """A part of an answer without what is measured anew in each run."""
    if isinstance(part, list):
        return [_without_times(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {name: _without_times(each) for name, each in part.items() if name not in _TIMES}


def _strike(command: Command, target: str, rng: np.random.Generator) -> None:
    others = command.others()
    struck = {"command": [command.process.pid], "all": [command.process.pid, *others]}
    struck["worker"] = [pick(rng, others)] if others else []
    for each in struck[target]:
        with contextlib.suppress(OSError):
            os.kill(each, signal.SIGKILL)


def interrupts(
    template: Path,
    names: Sequence[str],
    *,
    seed: int,
    patience: float,
    keep: bool = False,
) -> Iterator[Result]:
    """Interrupt commands at random moments."""
    for name in names:
        rng = generator(seed, name)
        seconds, line = COMMANDS[pick(rng, list(COMMANDS))]
        arguments = line.split()
        if arguments[0] in ("train", "frame"):
            arguments += FOREVER[: 4 if arguments[0] == "frame" else 6]
        if arguments[0] in ("compare", "frontier", "generalise", "profile"):
            arguments += ["--store", "new.db", "--workers", str(rng.integers(1, 3))]
        moment = float(rng.uniform(0.1, seconds))
        twice = float(rng.uniform(0, 0.5)) if rng.random() < 0.2 else None
        words = f"{' '.join(arguments)}: Ctrl-C after {moment:.2f} s"
        words += "" if twice is None else f" and {twice:.2f} s later"
        with _folder(template, name, keep) as folder:
            before = world.digests(folder)
            faults = _interrupt(name, folder, arguments, moment, twice, patience)
            faults += world.faults(template, folder, before, {}, arguments)
        yield Result(name, words, tuple(faults))


def _interrupt(
    name: str,
    folder: Path,
    arguments: list[str],
    moment: float,
    twice: float | None,
    patience: float,
) -> list[Fault]:
    store = folder / "new.db"
    with Command(name, folder, arguments) as command:
        with contextlib.suppress(subprocess.TimeoutExpired):
            command.process.wait(moment)
            return command.tracebacks()  # it was over before
        known, began = finished(store), time.monotonic()
        os.killpg(command.process.pid, signal.SIGINT)
        if twice is not None:
            time.sleep(twice)
            with contextlib.suppress(OSError):
                os.killpg(command.process.pid, signal.SIGINT)
        try:
            code = command.process.wait(patience)
        except subprocess.TimeoutExpired:
            return [Fault("hang", f"goes on after {patience} s: {command.said()[-300:]}")]
        took = time.monotonic() - began
        faults = command.left_behind(15) + command.tracebacks()
    # What had all but ended may end as if nothing was; what had not begun has no handler yet.
    ended = code == 130 or (code == 0 and took < 0.5) or (code == -signal.SIGINT and moment < 1)
    if not ended:
        faults.append(Fault("crash" if code < 0 else "unclear", f"exit code {code}"))
    return faults + lost(known, finished(store))


def finished(store: Path) -> dict[str, str]:
    """The finished trials of a store; none where there is none yet."""
    if not store.exists() or not store.stat().st_size:
        return {}
    try:
        return world.trials(store)
    except sqlite3.OperationalError:  # its tables are not there yet
        return {}


def lost(before: dict[str, str], after: dict[str, str]) -> list[Fault]:
    """Trials that were finished before, and are not, or are other ones."""
    gone = [trial for trial in before if after.get(trial) != before[trial]]
    return [Fault("lost", f"{len(gone)} of {len(before)} finished trials")] if gone else []


def doubled(store: Path) -> bool:
    """Whether a store has a trial twice."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        query = "SELECT count(*) > count(DISTINCT setting || ' ' || seed) FROM trials"
        return bool(connection.execute(query).fetchone()[0])


def cpu_seconds(process: int) -> float:
    """Seconds of CPU time that a process has used."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
