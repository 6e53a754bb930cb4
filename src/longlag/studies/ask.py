"""Run a study from Python."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from longlag.adapters import user_code
from longlag.arguments import short_repr
from longlag.checks.model import require_valid
from longlag.knobs import require
from longlag.notices import notice
from longlag.progress import bars
from longlag.store.store import STORE, Store
from longlag.studies.conduct import Listen, conduct
from longlag.studies.study import Study
from longlag.studies.watch import showing, tracking
from longlag.trackers import Track, Tracking
from longlag.trials import documents
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor
from longlag.workers.local import Local
from longlag.workers.threads import Threads

S = TypeVar("S", bound="Study")

planning = contextvars.ContextVar("planning", default=False)
"""Whether `run_study` raises `Planned` in place of running anything."""


class Planned(Exception):  # noqa: N818 - no error
    """A study that was asked for, its store, and who would run it."""

    def __init__(self, study: Study, store: Path | None, executor: Executor | None):
        self.study, self.store = study, store
        self.executor = executor or (Local() if _portable(study.examples()) else Threads())


Progress = bool | Listen
"""Whether to show the progress of a study, or a function that takes it."""


def run_study(
    study: S,
    *,
    store: str | os.PathLike[str] | None = STORE,
    executor: Executor | None = None,
    until: float | None = None,
    progress: Progress = True,
    track: Track = (),
) -> S:
    """Run a study from Python.

    Args:
        study: The study.
        store: File of the finished trials, none of which runs twice; None keeps none.
        executor: Who runs the trials; by default one process for each core, or threads of this
            process where a model's function, or a problem's class, is not in a file.
        until: Time of `time.monotonic` at which running trials are stopped.
        progress: Whether to show the progress; or a function, called a few times a second with the
            events since (`longlag.events`) and the progress (`longlag.studies.conduct`).
        track: Where each finished trial is logged (`longlag.trackers`).

    Returns:
        The same study, with the outcomes of its trials; after Ctrl-C of those that finished.

    Raises:
        ValueError: A model of the user's own does not fit (`longlag.preflight`).
        KeyboardInterrupt: A second Ctrl-C.
    """
    user_code.refuse_while_importing("a study")
    if executor is not None:
        require("studies", "executor", executor, Executor, "an executor, such as Local(workers=2)")
    if store is not None:
        require("studies", "store", store, (str, os.PathLike), "the path of a file")
        if not os.fspath(store):
            raise ValueError(
                "studies: `store` must be the path of a file, got an empty text. Use store=None to "
                "keep no trial."
            )
    if not (isinstance(progress, bool) or callable(progress)):
        raise TypeError(
            f"studies: `progress` must be True, False or a function, got {short_repr(progress)}."
        )
    # Before the file of a user changes the folder.
    place = None if store is None else os.path.abspath(store)
    if planning.get():
        raise Planned(study, Path(place) if place else None, executor)
    examples = study.examples()
    for line in require_fitting(study, until):
        notice(line)
    with contextlib.ExitStack() as stack:
        trackers = stack.enter_context(Tracking(track, notice))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        trials = stack.enter_context(Store(place or Path(folder) / "trials.db", write=True))
        if line := trials.notice():
            notice(line)
        if executor is None:
            if not (portable := _portable(examples)):
                notice(
                    "A model or a problem is not in a file: the trials run in threads of this "
                    "process. In a file, at the top level, they would run in processes."
                )
            executor = stack.enter_context(Local() if portable else Threads())
        elif not isinstance(executor, Threads) and not _portable(examples):
            raise ValueError(
                "A model or a problem is not in a file, so other processes cannot load it. Use "
                "executor=Threads(), or put it in a file, at the top level."
            )
        seconds = None if until is None else max(0.0, until - time.monotonic())
        if isinstance(progress, bool):
            console = Console(stderr=True, emoji=False)
            if progress and store == STORE:
                _name_store()
            show = stack.enter_context(bars(console, quiet=not progress))
            listen = showing(study.kind, show)
        else:
            listen = progress
        listen = tracking(study, trackers, listen)
        usage = conduct(study, trials, executor, seconds=seconds, listen=listen)
    for trial, why in usage.failed:
        notice(f"{trial} failed: {why.rstrip('.')}.")
    if usage.interrupted:
        kept = f"are in {os.fspath(store)}" if store else "are not kept, for want of a store"
        if finished := usage.ran + usage.reused:
            what = f"the answer is of {finished} finished trials. They {kept}"
        else:
            what = "no trial had finished"
        more = "goes on from there" if store and finished else "starts anew"
        notice(f"Interrupted: {what}: the same call {more}.")
    return study


def require_fitting(study: Study, until: float | None = None) -> list[str]:
    """Refuse a study with a model of the user's own that does not fit.

    With a limited time, the checks take at most a quarter of it: a model not checked by then
    fails as a trial, with the reason.

    Returns:
        What is no failure, but worth reading: a line each.

    Raises:
        ValueError: A model does not fit (`longlag.preflight`).
    """
    began, lines = time.monotonic(), dict[str, None]()
    for example in study.examples():
        lines |= dict.fromkeys(require_valid([example]))
        if until is not None and time.monotonic() - began > (until - began) / 4:
            break
    return list(lines)


@functools.cache  # once in a process
def _name_store() -> None:
    where = Path(STORE).absolute()
    text = f"Finished trials are kept in {where}; none runs twice. store=None keeps none."
    Console(stderr=True, emoji=False).print(text, markup=False, highlight=False, soft_wrap=True)


def _portable(settings: Iterable[Setting]) -> bool:
    """Whether other processes can load the models and problems of these settings."""
    origins = (documents.origins(documents.document(setting)) for setting in settings)
    return all(origin.path is not None for each in origins for origin in each.values())
