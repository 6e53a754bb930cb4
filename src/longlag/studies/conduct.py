"""Conducting a study: passing trials and outcomes between study, store and workers."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from longlag.adapters.user_code import Started
from longlag.events import Advanced, Event, Finished
from longlag.stop import StopToken, ctrl_c_stops
from longlag.store.store import Store
from longlag.studies.cost import Times
from longlag.studies.reuse import take_over
from longlag.studies.study import Study, described, words
from longlag.trials import documents, identity
from longlag.trials.diagnosis import diagnose
from longlag.trials.environment import Environment
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome, Seconds
from longlag.trials.setting import Setting
from longlag.workers.executor import Executor
from longlag.workers.messages import Job

Keep = Literal["first", "all", "none"]
"""Which trained models are stored: those of the first seed, all, or none."""

_AT_THE_END = 2.0  # seconds that a chunk may take after the time limit

_POLL_SECONDS = 0.5  # between two checks of the time limit


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """The trials and the time of a study.

    Attributes:
        ran: Trials run.
        reused: Trials that the store had.
        cut: Trials stopped before their end, in the latest run of the study.
        failed: Trials that failed, with the reason.
        wall: Elapsed seconds.
        workers: Trials run at once, in the latest run of the study.
        room: Seconds of all workers: their number times the elapsed seconds.
        spent: Seconds of the workers in finished trials.
        interrupted: Whether the user stopped the study.
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
        """Share of the workers' time in finished trials."""
        return self.spent.total / max(self.room, 1e-9)

    def after(self, before: Usage) -> Usage:
        """The total of this run of a study and the runs before it."""
        spent = Seconds(*map(sum, zip(self.spent, before.spent, strict=True)))
        return dataclasses.replace(
            self,
            ran=self.ran + before.ran,
            # The study's own trials of earlier runs do not count as reused.
            reused=max(0, self.reused - before.ran),
            wall=self.wall + before.wall,
            room=self.room + before.room,
            spent=spent,
        )

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Usage:
        """The usage of a document."""
        fields = {name: value for name, value in document.items() if name != "busy"}
        fields["failed"] = tuple(map(tuple, fields["failed"]))
        fields["spent"] = Seconds(**fields["spent"])
        return cls(**fields)

    def document(self) -> dict[str, Any]:
        """The usage as plain JSON values."""
        return {**dataclasses.asdict(self), "spent": self.spent._asdict(), "busy": self.busy}


@dataclasses.dataclass
class StudyProgress:
    """The progress of a study, for display.

    Attributes:
        began: Start time, of `time.monotonic`.
        ran: Trials run.
        reused: Trials that the store had.
        left: Trials still to run, running ones included; None if unknown.
        running: The running trials, by name, each with its progress.
        latest: The trial that finished last, with its outcome.
        finished: The trials run to their end since the last call, with their outcomes.
        remaining: Estimated seconds to the end, from the times of similar trials; None if unknown.
    """

    began: float
    ran: int = 0
    reused: int = 0
    left: int | None = None
    running: dict[str, tuple[Trial, Advanced | None]] = dataclasses.field(default_factory=dict)
    latest: tuple[Trial, Outcome] | None = None
    finished: list[tuple[Trial, Outcome]] = dataclasses.field(default_factory=list)
    remaining: float | None = None


Listen = Callable[[Sequence[Event], StudyProgress], object]
"""Called a few times a second with the events since the last call, and the progress."""


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
    """Run the trials of a study that the store does not have, until it asks for no more.

    Args:
        study: The study; afterwards it has its answer.
        store: The finished trials, to read and to write; open for writing.
        executor: Runs the trials.
        command: The command that started the study, stored with it.
        keep: Which trained models are stored.
        seconds: Time limit, after which running trials are stopped.
        listen: Called with events and progress.
        stop: Stops running trials after their current chunk; Ctrl-C sets it.

    Returns:
        The trials and the time of this run. Trials that finished before a stop are stored.

    Raises:
        StoreError: The store cannot be written; trials stored before remain.
        ValueError: None of the trials of a model could run; other trials are stored.
    """
    with ctrl_c_stops(stop) as token:
        return _Conduct(study, store, executor, keep, seconds, listen, token).run(command)


def into_jobs(trials: Sequence[Trial], size: int) -> list[list[Trial]]:
    """Group trials of one setting into jobs of at most `size`, in their order."""
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
        self.progress = StudyProgress(began=time.monotonic())
        self.times = Times()
        self.waiting: list[Trial] = []  # not yet in a job
        self.jobs: dict[str, dict[int, Trial]] = {}  # submitted, with the unfinished trials of each
        self.failed: list[tuple[Trial, str]] = []
        self.ran: set[str] = set()  # the models with a finished trial
        self.spent = Seconds(0.0, 0.0, 0.0)
        self.budgets = dict.fromkeys(store.budgets())
        self.name = study.id

    def run(self, command: str) -> Usage:
        self.store.begin(self.name, self.study.kind, self.study.question(), command)
        if self.keep != "all":  # else trials without a stored model run again
            recalled = self.study.recall(self.store)
            self.progress.reused += recalled
            self.ran.update(words(each.model) for each in self.study.examples() if recalled)
        self._follow()
        interrupted = self.study.interrupted = self.stop.stopped
        cut = 0
        if self.progress.running:
            if self._late():
                self.executor.patience = _AT_THE_END
            if late := self._take(self.executor.stop()):
                self._tell(late)
            cut = sum(event is not None for _, event in self.progress.running.values())
            self.study.cut.update(
                (described(trial), event.updates / event.total if event else 0.0)
                for trial, event in self.progress.running.values()
            )
        wall = time.monotonic() - self.progress.began
        usage = Usage(
            ran=self.progress.ran,
            reused=self.progress.reused,
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
        if not interrupted and (reason := self._no_trial_ran()):
            raise ValueError(reason)
        return usage

    def _no_trial_ran(self) -> str:
        """Why no trial of some model could run; empty if each model had one."""
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
            self.progress.left = self.study.left()
            self.progress.remaining = self._remaining()
            self._tell(events)
            if not self.progress.running or self._late() or self.stop.stopped:
                return
            if any(why.startswith(Started.__name__) for _, why in self.failed):
                return  # no other trial of this model could run either
            events = self._take(self.executor.wait(_POLL_SECONDS))

    def _tell(self, events: Sequence[Event]) -> None:
        self.listen(events, self.progress)
        self.progress.finished.clear()

    def _remaining(self) -> float | None:
        if (left := self.progress.left) is None or not self.progress.ran:
            return None
        ahead = list(self.study.ahead()) or [
            (trial.setting, left) for trial, _ in filter(None, [self.progress.latest])
        ]
        work = self.times.of(ahead)
        for trial, event in self.progress.running.values():
            if event is not None and event.total:
                work -= event.updates / event.total * self.times.of([(trial.setting, 1)])
        return max(0.0, work) / max(1, min(self.executor.workers, left))

    def _late(self) -> bool:
        return self.limit is not None and time.monotonic() - self.progress.began >= self.limit

    def _fill(self) -> None:
        """Ask for trials until all workers are busy; stored trials need no worker."""
        capacity = self.executor.capacity if self.study.eager else self.executor.workers
        size = self.executor.job_size
        more = True
        while self._jobs(size) < capacity and not self._late() and not self.stop.stopped:
            trial = self.study.ask()
            if trial is None:
                more = False
                break
            self.store.ask(self.name, [trial.id])
            outcome = self.store.outcome(trial.id)
            if outcome is None:
                keep = trial.seed in self._kept(self.study.seeds)
                outcome = take_over(self.store, trial, self.budgets, keep=keep)
            if outcome is None or (self.keep == "all" and not self.store.keeps(trial.id)):
                self.waiting.append(trial)
                self.progress.running[trial.id] = trial, None
                continue
            self.progress.reused += 1
            self.ran.add(words(trial.setting.model))
            self.study.tell(trial, outcome)
        if size is None:  # known once a worker has started
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
        stored = self._kept(seeds)
        task = Job(
            id=id,
            setting=documents.document(first.setting),
            seeds=seeds,
            keep=tuple(seed for seed in seeds if seed in stored),
            parts=identity.parts(first.setting),
        )
        self.executor.submit(task)

    def _kept(self, seeds: tuple[int, ...]) -> tuple[int, ...]:
        """The seeds whose trained models are stored, among these."""
        return {"all": seeds, "first": self.study.seeds[:1], "none": ()}[self.keep]

    def _take(self, events: Sequence[Event]) -> list[Event]:
        """Process the events of this study; those of an earlier one are dropped."""
        own: list[Event] = []
        for event in events:
            trial = self.jobs.get(event.job, {}).get(event.seed)
            if trial is None:
                continue
            own.append(event)
            if isinstance(event, Advanced):
                self.progress.running[trial.id] = trial, event
            elif isinstance(event, Finished):
                self._end(trial, event)
        return own

    def _end(self, trial: Trial, end: Finished) -> None:
        del self.jobs[end.job][trial.seed]
        if not self.jobs[end.job]:
            del self.jobs[end.job]
        if end.why and end.job != trial.id and not self.stop.stopped:
            self._submit([trial])  # another seed may have caused it: try again alone
            return
        del self.progress.running[trial.id]
        if end.why:
            self.failed.append((trial, end.why))
            self.study.fail(trial, end.why)
            return
        outcome = Outcome.read(end.result)
        if end.environment is not None:
            environment = Environment.read(end.environment)
            outcome = dataclasses.replace(outcome, environment=environment)
        keep(self.store, trial, outcome, self.study.solve_at, end.weights)
        self.spent = Seconds(*map(sum, zip(self.spent, outcome.seconds, strict=True)))
        self.progress.ran += 1
        self.budgets[trial.setting.recipe.sequences] = None
        self.times.note(trial.setting, outcome.seconds)
        self.progress.latest = trial, outcome
        self.progress.finished.append((trial, outcome))
        self.ran.add(words(trial.setting.model))
        self.study.tell(trial, outcome)


def keep(
    store: Store, trial: Trial, outcome: Outcome, solve_at: float, weights: bytes | None = None
) -> None:
    """Store a finished trial."""
    reasons = diagnose(outcome, solve_at)
    setting = trial.setting
    text = identity.canonical(documents.stored(setting))
    store.add(
        trial.id,
        setting=(identity.digest(text), text),
        seed=trial.seed,
        parts=identity.parts(setting),
        words=(words(setting.problem), words(setting.framing), words(setting.model)),
        outcome=outcome,
        verdict=reasons[0].reason if reasons else "solved",
        weights=weights,
    )
