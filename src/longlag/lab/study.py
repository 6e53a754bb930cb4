"""Studies: a question, the trials that it asks for, and the answer they give.

A study asks for trials one by one and is told what came of them; `conduct` stands between it,
the store, which knows what is finished, and an executor, which runs the rest. Asked again, a
study goes on from what the store has.
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import functools
import os
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from longlag.adapters import source
from longlag.adapters.own import Own
from longlag.knobs import Knobs
from longlag.lab import identity, preflight
from longlag.lab.diagnosis import diagnose
from longlag.lab.executors import Event, Executor, Local, Threads
from longlag.lab.identity import Trial
from longlag.lab.outcome import Outcome, Seconds
from longlag.lab.store import Store
from longlag.lab.trial import Setting
from longlag.lab.worker import Done, Failed, Moved, Task

Keep = Literal["first", "all", "none"]
"""Whose trained models are kept: those of the first seed, all, or none."""

S = TypeVar("S", bound="Study")
K = TypeVar("K", bound=Knobs)

_LOOK = 0.5  # seconds between two looks at the clock


class Study(abc.ABC):
    """A question. A subclass says which trials it asks for and what they answer.

    It is good for one time: what was asked and cut short is not asked again by the same object,
    but by a new one of the same question.
    """

    kind: ClassVar[str]
    """Its name on the command line."""

    eager: ClassVar[bool] = True
    """Whether it may be asked for trials before there is a worker for them."""

    whole: bool = True
    """Whether it holds outcomes with their curves and examples, which only a report needs."""

    solve_at: float
    """Skill from which a trial counts as solved."""

    seeds: tuple[int, ...]
    """The seeds, the first of which is the one whose models are kept."""

    @abc.abstractmethod
    def question(self) -> dict[str, Any]:
        """What is asked, as plain values; equal questions are one study."""

    @classmethod
    @abc.abstractmethod
    def of(cls, question: Mapping[str, Any]) -> Study:
        """The study of a question, with nothing known yet."""

    @abc.abstractmethod
    def ask(self) -> Trial | None:
        """The next trial, each once; None where there is none before more is known."""

    @abc.abstractmethod
    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        """What came of a trial; None where nothing did."""

    @abc.abstractmethod
    def examples(self) -> list[Setting]:
        """A setting for each model and problem, by which to tell whether they fit."""

    @abc.abstractmethod
    def left(self) -> int | None:
        """Trials that may yet be asked for, as far as is known; None where nothing is."""

    @property
    def id(self) -> str:
        """The name of the study: the hash of its question and of the versions of what it uses."""
        text = identity.essence({"kind": self.kind, **self.question()})
        versions = sorted({identity.parts(setting) for setting in self.examples()})
        return identity.digest(f"{text} {'; '.join(versions)}")

    def recall(self, store: Store) -> int:  # noqa: ARG002 - of use to some studies only
        """Learn from the store what is known, before anything is asked for: how many trials."""
        return 0

    def replay(self, store: Store, study: str | None = None) -> None:
        """Learn from the store what the trials of the study have come to."""
        for _, seed, setting, outcome in store.asked(study or self.id):
            self.tell(Trial(setting=identity.setting(setting), seed=seed), outcome)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """How a study went.

    Attributes:
        ran: Trials run.
        reused: Trials that the store had.
        cut: Trials begun that were cut short the last time it was asked.
        failed: Trials that came to nothing, with the reason.
        wall: Seconds it took.
        workers: Trials run at once, the last time it was asked.
        room: Seconds of all workers: their number times the seconds it took.
        spent: Seconds of the workers in the trials run.
        interrupted: Whether it was stopped by hand.
    """

    ran: int
    reused: int
    cut: int
    failed: tuple[tuple[str, str], ...]
    wall: float
    workers: int
    room: float
    spent: Seconds
    interrupted: bool

    @property
    def busy(self) -> float:
        """Share of the workers' time that went into finished trials."""
        return self.spent.total / max(self.room, 1e-9)

    def after(self, before: Usage) -> Usage:
        """This time and the times before it: what a study has cost in all."""
        spent = Seconds(*map(sum, zip(self.spent, before.spent, strict=True)))
        return dataclasses.replace(
            self,
            ran=self.ran + before.ran,
            # What it ran itself before is not another's work that it could use.
            reused=max(0, self.reused - before.ran),
            wall=self.wall + before.wall,
            room=self.room + before.room,
            spent=spent,
        )

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Usage:
        """What `document` wrote."""
        kept = {name: value for name, value in written.items() if name != "busy"}
        kept["failed"] = tuple(map(tuple, kept["failed"]))
        kept["spent"] = Seconds(**kept["spent"])
        return cls(**kept)

    def document(self) -> dict[str, Any]:
        """As plain values."""
        return {**dataclasses.asdict(self), "spent": self.spent._asdict(), "busy": self.busy}


@dataclasses.dataclass
class Standing:
    """How far a study has come, for whoever shows it.

    Attributes:
        began: When it began, by `time.monotonic`.
        ran: Trials run.
        reused: Trials that the store had.
        left: Trials that may yet be asked for, those under way included; None if unknown.
        running: The trials under way, by name, and how far each has come.
        latest: The trial that was finished last, and what it came to.
        seconds: Time that trials run have taken.
        workers: Trials run at once.
    """

    began: float
    ran: int = 0
    reused: int = 0
    left: int | None = None
    running: dict[str, tuple[Trial, Moved | None]] = dataclasses.field(default_factory=dict)
    latest: tuple[Trial, Outcome] | None = None
    seconds: float = 0.0
    workers: int = 1

    @property
    def remaining(self) -> float | None:
        """Seconds left, if the trials to come take as long as those that were run."""
        if self.left is None or not self.ran:
            return None
        return self.left * self.seconds / self.ran / self.workers


def conduct(
    study: Study,
    store: Store,
    executor: Executor,
    *,
    command: str = "",
    keep: Keep = "first",
    seconds: float | None = None,
    listen: Callable[[Standing], object] = lambda _: None,
) -> Usage:
    """Have the trials of a study run that the store does not have, until it asks for no more.

    Args:
        study: What is asked; afterwards it has its answer.
        store: Where finished trials are looked up and kept, open for writing.
        executor: Who runs them.
        command: How the study was asked, to be kept beside it.
        keep: Whose trained models are stored.
        seconds: Time after which what is under way is cut short.
        listen: Told whenever something has moved.

    Raises:
        StoreError: The store cannot be written; what was finished before is kept.

    Ctrl-C ends what is running after its present chunk; what is finished is stored.
    """
    return _Conduct(study, store, executor, keep, seconds, listen).run(command)


def asked(
    study: S,
    *,
    store: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    seconds: float | None = None,
) -> S:
    """Have a study answered from Python; it is given back knowing all that was found.

    Args:
        study: What is asked.
        store: File in which finished trials are kept; by default nothing is kept.
        executor: Who runs the trials; by default one process for each core, or threads of this
            process where a model's function stands in no file.
        seconds: Time after which what is under way is cut short.

    Raises:
        ValueError: A model of the user's own is not what is asked for (`longlag.preflight`).
        KeyboardInterrupt: It was stopped by hand; what is finished is in the store, if one was
            named.
    """
    source.refuse_while_importing("a study")
    examples = study.examples()
    preflight.demand(examples)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        kept = stack.enter_context(Store(store or Path(folder) / "trials.db", write=True))
        if executor is None:
            executor = stack.enter_context(Local() if _portable(examples) else Threads())
        elif not isinstance(executor, Threads) and not _portable(examples):
            raise ValueError(
                "A model's function stands in no file, so other processes cannot have it. Use "
                "executor=Threads(), or put it in a file, at the top level."
            )
        usage = conduct(study, kept, executor, seconds=seconds)
    for trial, why in usage.failed:
        warnings.warn(f"{trial} came to nothing: {why.rstrip('.')}.", stacklevel=2)
    if usage.interrupted:
        raise KeyboardInterrupt
    return study


def _portable(settings: Iterable[Setting]) -> bool:
    models = [setting.model for setting in settings]
    return all(model.portable for model in models if isinstance(model, Own))


class _Conduct:
    def __init__(
        self,
        study: Study,
        store: Store,
        executor: Executor,
        keep: Keep,
        seconds: float | None,
        listen: Callable[[Standing], object],
    ):
        self.study, self.store, self.executor = study, store, executor
        self.keep, self.limit, self.listen = keep, seconds, listen
        self.standing = Standing(began=time.monotonic(), workers=executor.workers)
        self.failed: list[tuple[str, str]] = []
        self.spent = Seconds(0.0, 0.0, 0.0)
        self.name = study.id

    def run(self, command: str) -> Usage:
        self.store.begin(self.name, self.study.kind, self.study.question(), command)
        if self.keep != "all":  # else what was not kept is run again, for its trained model
            self.standing.reused += self.study.recall(self.store)
        with _held_back() as struck:
            self._follow(struck)
        interrupted = struck.is_set()
        cut = 0
        if self.standing.running:
            self._take(self.executor.stop())
            cut = sum(moved is not None for _, moved in self.standing.running.values())
        wall = time.monotonic() - self.standing.began
        usage = Usage(
            ran=self.standing.ran,
            reused=self.standing.reused,
            cut=cut,
            failed=tuple(self.failed),
            wall=wall,
            workers=self.executor.workers,
            room=wall * self.executor.workers,
            spent=self.spent,
            interrupted=interrupted,
        )
        before = self.store.study(self.name).usage
        total = usage if before is None else usage.after(Usage.read(before))
        self.store.end(self.name, total.document(), answered=not interrupted)
        return usage

    def _follow(self, struck: threading.Event) -> None:
        while True:
            self._fill()
            self.standing.left = self.study.left()
            self.listen(self.standing)
            if not self.standing.running or self._late() or struck.is_set():
                return
            self._take(self.executor.wait(_LOOK))

    def _late(self) -> bool:
        return self.limit is not None and time.monotonic() - self.standing.began >= self.limit

    def _fill(self) -> None:
        """Ask until every place is taken; what the store has takes none."""
        fresh: list[Trial] = []
        places = self.executor.places if self.study.eager else self.executor.workers
        while len(self.standing.running) + len(fresh) < places and not self._late():
            trial = self.study.ask()
            if trial is None:
                break
            self.store.ask(self.name, [trial.id])
            known = self.store.outcome(trial.id)
            if known is None or (self.keep == "all" and not self.store.keeps(trial.id)):
                fresh.append(trial)
                continue
            self.standing.reused += 1
            self.study.tell(trial, known)
        for trial in fresh:
            kept = self.keep == "all" or (
                self.keep == "first" and trial.seed == self.study.seeds[0]
            )
            document = identity.document(trial.setting)
            self.standing.running[trial.id] = trial, None
            task = Task(trial.id, document, trial.seed, kept, identity.parts(trial.setting))
            self.executor.submit(task)

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.id not in self.standing.running:  # of a study before this one
                continue
            trial, _ = self.standing.running[event.id]
            if isinstance(event, Moved):
                self.standing.running[event.id] = trial, event
                continue
            del self.standing.running[event.id]
            if isinstance(event, Failed):
                self.failed.append((described(trial), event.why))
                self.study.tell(trial, None)
            else:
                self._finish(trial, event)

    def _finish(self, trial: Trial, done: Done) -> None:
        outcome = Outcome.read(done.outcome)
        keep(self.store, trial, outcome, self.study.solve_at, done.weights)
        self.spent = Seconds(*map(sum, zip(self.spent, outcome.seconds, strict=True)))
        self.standing.ran += 1
        self.standing.seconds += outcome.seconds.total
        self.standing.latest = trial, outcome
        self.study.tell(trial, outcome)


@contextlib.contextmanager
def _held_back() -> Iterator[threading.Event]:
    """Note a first Ctrl-C instead of raising it, so that it cuts nothing in two."""
    struck = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield struck
        return
    before = signal.getsignal(signal.SIGINT)

    def strike(*_: object) -> None:
        struck.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, strike)
    try:
        yield struck
    finally:
        signal.signal(signal.SIGINT, before)


def keep(
    store: Store, trial: Trial, outcome: Outcome, solve_at: float, weights: bytes | None = None
) -> None:
    """Store a finished trial."""
    reasons = diagnose(outcome, solve_at)
    written = identity.canonical(identity.document(trial.setting))
    setting = trial.setting
    store.add(
        trial.id,
        setting=(identity.digest(written), written),
        seed=trial.seed,
        parts=identity.parts(setting),
        words=(words(setting.problem), words(setting.framing), words(setting.model)),
        outcome=outcome,
        verdict=reasons[0].reason if reasons else "solved",
        weights=weights,
    )


@functools.lru_cache(4096)
def words(made: Knobs) -> str:
    """A part of a setting in words: its name and the knobs that are not at their defaults.

    >>> from longlag import EchoLag
    >>> words(EchoLag(lag=5))
    'echo-lag lag=5'
    """
    return made.words


def named(owner: str, argument: str, parts: Iterable[K]) -> dict[str, K]:
    """Parts of settings by their words.

    Raises:
        ValueError: There is none, or two have the same words.
        TypeError: It is one alone.
    """
    if not isinstance(parts, Iterable):
        raise TypeError(f"{owner}: `{argument}` must be several, got {parts!r}. Use [{parts!r}].")
    found: dict[str, K] = {}
    for part in parts:
        if words(part) in found:
            raise ValueError(f"{owner}: `{argument}` names {words(part)} twice. Name it once.")
        found[words(part)] = part
    if not found:
        raise ValueError(f"{owner}: `{argument}` must name at least one. Use one or more.")
    return found


def described(trial: Trial) -> str:
    """A trial in words.

    >>> from longlag import EchoLag, LSTM, Setting, Whole
    >>> described(Trial(setting=Setting(problem=EchoLag(), framing=Whole(), model=LSTM()), seed=2))
    'echo-lag, whole, lstm, learning rate 0.001, seed 2'
    """
    setting = trial.setting
    parts = map(words, (setting.problem, setting.framing, setting.model))
    rate = f"learning rate {setting.recipe.learning_rate:g}"
    return ", ".join([*parts, rate, f"seed {trial.seed}"])
