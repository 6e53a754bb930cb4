"""Conducting a study: between it, the store that knows what is finished, and the workers."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from longlag.store.store import Store
from longlag.studies.study import Study, described, words
from longlag.trials import documents, identity
from longlag.trials.diagnosis import diagnose
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome, Seconds
from longlag.workers.executor import Event, Executor
from longlag.workers.messages import Task, TrialDone, TrialFailed, TrialProgress

Keep = Literal["first", "all", "none"]
"""Whose trained models are kept: those of the first seed, all, or none."""

_LOOK = 0.5  # seconds between two looks at the clock


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """How a study went.

    Attributes:
        ran: Trials run.
        reused: Trials that the store had.
        cut: Trials begun that were cut short the last time it was run_study.
        failed: Trials that came to nothing, with the reason.
        wall: Seconds it took.
        workers: Trials run at once, the last time it was run_study.
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
class StudyProgress:
    """How far a study has come, for whoever shows it.

    Attributes:
        began: When it began, by `time.monotonic`.
        ran: Trials run.
        reused: Trials that the store had.
        left: Trials that may yet be run_study for, those under way included; None if unknown.
        running: The trials under way, by name, and how far each has come.
        latest: The trial that was finished last, and what it came to.
        seconds: Time that trials run have taken.
        workers: Trials run at once.
    """

    began: float
    ran: int = 0
    reused: int = 0
    left: int | None = None
    running: dict[str, tuple[Trial, TrialProgress | None]] = dataclasses.field(default_factory=dict)
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
    listen: Callable[[StudyProgress], object] = lambda _: None,
) -> Usage:
    """Have the trials of a study run that the store does not have, until it asks for no more.

    Args:
        study: What is run_study; afterwards it has its answer.
        store: Where finished trials are looked up and kept, open for writing.
        executor: Who runs them.
        command: How the study was run_study, to be kept beside it.
        keep: Whose trained models are stored.
        seconds: Time after which what is under way is cut short.
        listen: Told whenever something has moved.

    Raises:
        StoreError: The store cannot be written; what was finished before is kept.

    Ctrl-C ends what is running after its present chunk; what is finished is stored.
    """
    return _Conduct(study, store, executor, keep, seconds, listen).run(command)


class _Conduct:
    def __init__(
        self,
        study: Study,
        store: Store,
        executor: Executor,
        keep: Keep,
        seconds: float | None,
        listen: Callable[[StudyProgress], object],
    ):
        self.study, self.store, self.executor = study, store, executor
        self.keep, self.limit, self.listen = keep, seconds, listen
        self.standing = StudyProgress(began=time.monotonic(), workers=executor.workers)
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
            document = documents.document(trial.setting)
            self.standing.running[trial.id] = trial, None
            task = Task(trial.id, document, trial.seed, kept, identity.parts(trial.setting))
            self.executor.submit(task)

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.id not in self.standing.running:  # of a study before this one
                continue
            trial, _ = self.standing.running[event.id]
            if isinstance(event, TrialProgress):
                self.standing.running[event.id] = trial, event
                continue
            del self.standing.running[event.id]
            if isinstance(event, TrialFailed):
                self.failed.append((described(trial), event.why))
                self.study.tell(trial, None)
            else:
                self._finish(trial, event)

    def _finish(self, trial: Trial, done: TrialDone) -> None:
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
    written = identity.canonical(documents.document(trial.setting))
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
