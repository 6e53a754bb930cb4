"""Conducting a study: between it, the store that knows what is finished, and the workers."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from longlag.adapters.user_code import Started
from longlag.events import Advanced, Event, Finished, StopToken, ctrl_c_stops
from longlag.store.store import Store
from longlag.studies.cost import Times
from longlag.studies.study import Study, described, words
from longlag.trials import documents, identity
from longlag.trials.diagnosis import diagnose
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome, Seconds
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor
from longlag.workers.messages import Job

Keep = Literal["first", "all", "none"]
"""Whose trained models are kept: those of the first seed, all, or none."""

_AT_THE_END = 2.0  # seconds that a chunk may take once the time is over

_LOOK = 0.5  # seconds between two looks at the clock


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """How a study went.

    Attributes:
        ran: Trials run.
        reused: Trials that the store had.
        cut: Trials begun that were cut short the last time it was run_study.
        failed: Trials that failed, with the reason.
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
        left: Trials that may yet be asked for, those under way included; None if unknown.
        running: The trials under way, by name, and how far each has come.
        latest: The trial that was finished last, and what it came to.
        remaining: Seconds left, if trials to come take as long as those like them; None if unknown.
    """

    began: float
    ran: int = 0
    reused: int = 0
    left: int | None = None
    running: dict[str, tuple[Trial, Advanced | None]] = dataclasses.field(default_factory=dict)
    latest: tuple[Trial, Outcome] | None = None
    remaining: float | None = None


Listen = Callable[[Sequence[Event], StudyProgress], object]
"""Told, a few times a second, of the events since it was last told, and how the study stands."""


def conduct(
    study: Study,
    store: Store,
    executor: Executor,
    *,
    command: str = "",
    keep: Keep = "first",
    seconds: float | None = None,
    listen: Listen = lambda *_: None,
    stop: StopToken | None = None,
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
        stop: Ends what is running after its present chunk; Ctrl-C sets it.

    Raises:
        StoreError: The store cannot be written; what was finished before is kept.
        ValueError: Of one of the models nothing could run; the rest is in the store.

    What is finished when it is stopped is stored.
    """
    with ctrl_c_stops(stop) as token:
        return _Conduct(study, store, executor, keep, seconds, listen, token).run(command)


def into_jobs(trials: Sequence[Trial], size: int) -> list[list[Trial]]:
    """Trials in jobs: those of one setting together, so many at most, in their order."""
    jobs: list[list[Trial]] = []
    open_jobs: dict[Setting, list[Trial]] = {}
    for trial in trials:
        job = None if size == 1 else open_jobs.get(trial.setting)
        if job is None or len(job) == size:
            job = []
            jobs.append(job)
            if size > 1:
                open_jobs[trial.setting] = job
        job.append(trial)
    return jobs


class _Conduct:
    def __init__(
        self,
        study: Study,
        store: Store,
        executor: Executor,
        keep: Keep,
        seconds: float | None,
        listen: Listen,
        stop: StopToken,
    ):
        self.study, self.store, self.executor = study, store, executor
        self.keep, self.limit, self.listen, self.stop = keep, seconds, listen, stop
        self.standing = StudyProgress(began=time.monotonic())
        self.times = Times()
        self.waiting: list[Trial] = []  # asked for, in no job yet
        self.jobs: dict[str, dict[int, Trial]] = {}  # under way, with what is left of each
        self.failed: list[tuple[Trial, str]] = []
        self.ran: set[str] = set()  # the models of which a trial came to something
        self.spent = Seconds(0.0, 0.0, 0.0)
        self.name = study.id

    def run(self, command: str) -> Usage:
        self.store.begin(self.name, self.study.kind, self.study.question(), command)
        if self.keep != "all":  # else what was not kept is run again, for its trained model
            recalled = self.study.recall(self.store)
            self.standing.reused += recalled
            self.ran.update(words(each.model) for each in self.study.examples() if recalled)
        self._follow()
        interrupted = self.stop.stopped
        cut = 0
        if self.standing.running:
            if self._late():
                self.executor.patience = _AT_THE_END
            if late := self._take(self.executor.stop()):
                self.listen(late, self.standing)
            cut = sum(moved is not None for _, moved in self.standing.running.values())
            self.study.cut.update(
                (described(trial), moved.updates / moved.total if moved else 0.0)
                for trial, moved in self.standing.running.values()
            )
        wall = time.monotonic() - self.standing.began
        usage = Usage(
            ran=self.standing.ran,
            reused=self.standing.reused,
            cut=cut,
            failed=tuple((described(trial), why) for trial, why in self.failed),
            wall=wall,
            workers=self.executor.workers,
            room=wall * self.executor.workers,
            spent=self.spent,
            interrupted=interrupted,
        )
        before = self.store.study(self.name).usage
        total = usage if before is None else usage.after(Usage.read(before))
        self.store.end(self.name, total.document(), answered=not interrupted)
        if not interrupted and (dead := self._dead()):
            raise ValueError(dead)
        return usage

    def _dead(self) -> str:
        """That of a model nothing could run, and why; else empty."""
        for trial, why in self.failed:
            model = words(trial.setting.model)
            if model not in self.ran:
                reason = why.removeprefix(f"{Started.__name__}: ").rstrip(".")
                return f"{model}: none of its trials could run: {reason}."
        return ""

    def _follow(self) -> None:
        events: list[Event] = []
        while True:
            self._fill()
            self.standing.left = self.study.left()
            self.standing.remaining = self._remaining()
            self.listen(events, self.standing)
            if not self.standing.running or self._late() or self.stop.stopped:
                return
            if any(why.startswith(Started.__name__) for _, why in self.failed):
                return  # no other trial of this model could run either
            events = self._take(self.executor.wait(_LOOK))

    def _remaining(self) -> float | None:
        if (left := self.standing.left) is None or not self.standing.ran:
            return None
        ahead = list(self.study.ahead()) or [
            (trial.setting, left) for trial, _ in filter(None, [self.standing.latest])
        ]
        work = self.times.of(ahead)
        for trial, moved in self.standing.running.values():
            if moved is not None and moved.total:
                work -= moved.updates / moved.total * self.times.of([(trial.setting, 1)])
        return max(0.0, work) / max(1, min(self.executor.workers, left))

    def _late(self) -> bool:
        return self.limit is not None and time.monotonic() - self.standing.began >= self.limit

    def _fill(self) -> None:
        """Ask until every place is taken; what the store has takes none."""
        places = self.executor.capacity if self.study.eager else self.executor.workers
        size = self.executor.job_size
        more = True
        while self._jobs(size) < places and not self._late() and not self.stop.stopped:
            trial = self.study.ask()
            if trial is None:
                more = False
                break
            self.store.ask(self.name, [trial.id])
            known = self.store.outcome(trial.id)
            if known is None or (self.keep == "all" and not self.store.keeps(trial.id)):
                self.waiting.append(trial)
                self.standing.running[trial.id] = trial, None
                continue
            self.standing.reused += 1
            self.ran.add(words(trial.setting.model))
            self.study.tell(trial, known)
        if size is None:  # a worker will say it once it has started
            return
        jobs, self.waiting = into_jobs(self.waiting, size), []
        for trials in jobs:
            # While all workers have enough to do, a job may wait for more trials of its setting.
            if len(trials) == size or not more or len(self.jobs) < self.executor.workers:
                self._submit(trials)
            else:
                self.waiting += trials

    def _jobs(self, size: int | None) -> int:
        waiting = self.waiting if size in (1, None) else into_jobs(self.waiting, size)
        return len(self.jobs) + len(waiting)

    def _submit(self, trials: list[Trial]) -> None:
        first, *others = trials
        id = f"{first.id}+{len(others)}" if others else first.id
        self.jobs[id] = {trial.seed: trial for trial in trials}
        seeds = tuple(self.jobs[id])
        kept = {"all": seeds, "first": self.study.seeds[:1], "none": ()}[self.keep]
        task = Job(
            id=id,
            setting=documents.document(first.setting),
            seeds=seeds,
            keep=tuple(seed for seed in seeds if seed in kept),
            parts=identity.parts(first.setting),
        )
        self.executor.submit(task)

    def _take(self, events: Sequence[Event]) -> list[Event]:
        """Note what has happened; of this study, not of one before it."""
        own: list[Event] = []
        for event in events:
            trial = self.jobs.get(event.job, {}).get(event.seed)
            if trial is None:
                continue
            own.append(event)
            if isinstance(event, Advanced):
                self.standing.running[trial.id] = trial, event
            elif isinstance(event, Finished):
                self._end(trial, event)
        return own

    def _end(self, trial: Trial, end: Finished) -> None:
        del self.jobs[end.job][trial.seed]
        if not self.jobs[end.job]:
            del self.jobs[end.job]
        if end.why and end.job != trial.id and not self.stop.stopped:
            self._submit([trial])  # perhaps it was the others' fault: once more, alone
            return
        del self.standing.running[trial.id]
        if end.why:
            self.failed.append((trial, end.why))
            self.study.fail(trial, end.why)
            return
        outcome = Outcome.read(end.result)
        keep(self.store, trial, outcome, self.study.solve_at, end.weights)
        self.spent = Seconds(*map(sum, zip(self.spent, outcome.seconds, strict=True)))
        self.standing.ran += 1
        self.times.note(trial.setting, outcome.seconds)
        self.standing.latest = trial, outcome
        self.ran.add(words(trial.setting.model))
        self.study.tell(trial, outcome)


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
