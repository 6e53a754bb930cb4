"""The process that runs the inputs, one after another, each in a folder of its own.

It reads a case a line on standard input, and answers with two: what it is about to do, and what
came of it. A study's trials come out at once, by hand: nothing that a command line says depends on
how they are trained.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import commands, damage, world
from .cases import Fault, generator, local

_MEMORY = 12 * 2**30  # bytes of addresses; who asks for more is told that there are none
_FILE = 2**14  # bytes of a file, where the disk is said to be full
_TRACE = re.compile(r"Traceback \(most recent|^\S+\.py:\d+: \w*Warning|Exception ignored", re.M)
_CODES = 0, 1, 2, 130, 141


def make_case(rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    """What a case does: a command line or a file to load, and where its output goes."""
    draw = rng.random()
    case: dict[str, Any] = {"stdout": "file", "disk": False}
    if draw < 0.88 and (streams := rng.random()) < 0.13:
        case["stdout"] = ("full", "closed", "ascii")[min(2, int(streams * 25))]
        case["disk"] = streams > 0.12
    if draw < 0.5:
        case["arguments"] = commands.random_command(rng)
    elif draw < 0.53:
        case["arguments"] = damage.settings_file(rng, folder)
    elif draw < 0.7:
        case["arguments"] = damage.table_file(rng, folder)
    elif draw < 0.78:
        case["arguments"] = damage.code_file(rng, folder)
    elif draw < 0.84:
        case["arguments"] = damage.store_file(rng, folder)
    elif draw < 0.88:
        case["arguments"] = damage.bundle_file(rng, folder)
    else:
        case["load"] = str(damage.checkpoint_file(rng, folder))
    if "arguments" in case and draw >= 0.5 and rng.random() < 0.1:
        command, *rest = case["arguments"]
        commands.change(rng, command, rest)
        case["arguments"] = [command, *rest]
    if "arguments" in case:
        case["arguments"] = [local(each) for each in case["arguments"]]
    return case


def serve(files: str, seed: str) -> None:
    """Run the cases that standard input names, until it is closed."""
    template = Path(files)
    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.RLIM_INFINITY))
    prepare()
    for line in asked:
        name, folder = json.loads(line)
        world.populate(template, Path(folder))
        rng = generator(int(seed), name)
        case = make_case(rng, Path(folder))
        answers.write(json.dumps(case) + "\n")
        answers.flush()
        faults, evidence = run(case, template, Path(folder))
        shown = [(each.kind, each.text) for each in faults]
        answers.write(json.dumps({"faults": shown, "evidence": evidence}) + "\n")
        answers.flush()


def prepare() -> None:
    """Load what the commands load, and have studies answered by hand."""
    import longlag.cli._study
    import longlag.cli.app
    import longlag.report
    import longlag.trials.fit
    from longlag.cli._cache import keep_compiled_programs

    keep_compiled_programs()
    from study_cases import Scripted, outcome

    def at_once(*_: Any, **__: Any) -> Scripted:
        # What comes of a trial hangs on its name alone, as it would.
        return Scripted(lambda task: outcome(int(task.id[:2], 16) / 255))

    longlag.cli._study.Local = at_once  # type: ignore[attr-defined]
    gc.freeze()


def run(case: dict[str, Any], template: Path, folder: Path) -> tuple[list[Fault], str]:
    """Run a case in a folder; what went wrong, and what was seen."""
    # What draws pictures reserves addresses, and keeps them.
    if any(each.startswith("--figures") for each in case.get("arguments", ())):
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    done = _read_pipe(folder / "pipe")
    before, finished = world.digests(folder), world.trials(folder / "store.db")
    out, err = folder.with_suffix(".out"), folder.with_suffix(".err")
    with _streams(case, folder, out, err):
        code, trace = _load(case["load"]) if "load" in case else _call(case["arguments"])
    done.set()
    said = err.read_bytes().decode("utf-8", "replace")
    faults = []
    if trace or _TRACE.search(said):
        faults.append(Fault("traceback", _last(trace or said)))
    elif code not in _CODES:
        faults.append(Fault("unclear", f"exit code {code}"))
    elif code == 2 and "load" not in case and (wrong := _unclear(said)):
        faults.append(Fault("unclear", wrong))
    arguments = case.get("arguments", ())
    faults += world.faults(template, folder, before, finished, arguments)
    evidence = (
        f"{trace}\nexit code {code}\n{out.read_text(errors='replace')[-2000:]}\n{said[-3000:]}"
    )
    for path in (out, err):
        path.unlink()
    return faults, evidence


def _read_pipe(path: Path) -> threading.Event:
    """Read a pipe, as whoever made it would, until the event is set."""
    done, pipe = threading.Event(), os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def read() -> None:
        while not done.is_set():
            with contextlib.suppress(BlockingIOError):
                os.read(pipe, 2**16)
                continue
            done.wait(0.01)
        os.close(pipe)

    threading.Thread(target=read, daemon=True).start()
    return done


@contextlib.contextmanager
def _streams(case: dict[str, Any], folder: Path, out: Path, err: Path) -> Iterator[None]:
    """Standard output and error of a case, its folder, and how large a file may become."""
    kept = [os.dup(1), os.dup(2)]
    opened = {"full": folder / "full", "file": out, "ascii": out, "closed": out}[case["stdout"]]
    out.touch()
    os.dup2(os.open(opened, os.O_WRONLY | os.O_CREAT), 1)
    os.dup2(os.open(err, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    if case["stdout"] == "closed":
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
        os.close(writer)
    encoding = "ascii" if case["stdout"] == "ascii" else None
    before = sys.stdout, sys.stderr
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    home = os.getcwd()
    os.chdir(folder)
    if case["disk"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.detach()
        sys.stdout, sys.stderr = before
        for number, fd in zip((1, 2), kept, strict=True):
            os.dup2(fd, number)
            os.close(fd)
        os.chdir(home)


def _call(arguments: list[str]) -> tuple[int, str]:
    """Call the command line as its script does; the exit code and a traceback, if there is one."""
    from longlag.cli.app import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["longlag", *arguments]
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        return 1, traceback.format_exc()
    else:
        code = 0
    try:
        sys.stdout.flush()  # as the interpreter does on its way out
    except (OSError, ValueError):
        return code, traceback.format_exc()
    return code, ""


def _load(path: str) -> tuple[int, str]:
    """Load a checkpoint and use it; a refusal in the library's words is no fault."""
    import longlag as ll

    try:
        trained = ll.load(path)
    except (ValueError, OSError) as error:
        if "\n" in str(error) or not str(error):
            return 1, traceback.format_exc()
        return 2, ""
    except BaseException:
        return 1, traceback.format_exc()
    try:
        trained.predict([1, 2, 3])
    except ValueError:
        return 2, ""
    except BaseException:
        return 1, traceback.format_exc()
    return 0, ""


def _unclear(said: str) -> str:
    """What is wrong with the words of a refusal; empty where nothing is."""
    lines = said.splitlines()
    refusals = [line for line in lines if line.startswith("longlag: ")]
    if len(refusals) != 1 or lines[-1] != refusals[0]:
        return f"no one line: {said[-300:]!r}"
    if any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in refusals[0]):
        return f"control characters: {refusals[0][:300]!r}"
    return ""


def _last(trace: str) -> str:
    """The last frame of the package and the error: what tells one fault from another."""
    frames = re.findall(r'File "[^"]*/(longlag/[^"]*)", line (\d+), in (\w+)', trace)
    error = trace.strip().splitlines()[-1] if trace.strip() else ""
    where = ":".join(frames[-1]) if frames else "?"
    return f"{where}: {error[:200]}"
