"""A session of the page: what was tried, one training at a time, and its snapshots. No web."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from longlag.adapters.models.hints import shortened
from longlag.checks.model import require_valid
from longlag.events import Advanced, Event
from longlag.knobs import lookup
from longlag.live import code, describe, views
from longlag.live.faults import FAULTS, fault, in_words
from longlag.live.lessons import LESSONS, Lesson
from longlag.live.setup import TABLES, Own, Setup, Texts
from longlag.models import AnyModel, ModelFactory
from longlag.problems import Problem
from longlag.stop import COMPILED, StopToken
from longlag.training import program
from longlag.trials.fit import duration, finish, fit
from longlag.trials.outcome import scored_updates
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.version import longlag_version

SNAPSHOTS = 50
"""Moments of a training whose models are kept, at most."""

MOST_SECONDS = 600.0
"""Of one training; then it ends as if it was stopped."""

MOST_WEIGHTS = 2_000_000
"""Of all seeds of one training together."""

_KEPT = 8  # trainings whose snapshots stay
_MESSAGES = 20_000  # that a page which comes back may still read


class Message(NamedTuple):
    """One message to every page: `started`, `progress`, `snapshot`, `done` or `failed`."""

    id: int
    type: str
    data: dict[str, Any]


@dataclasses.dataclass(eq=False)
class _Training:
    """One run: its setup, its curve, its snapshots, and its result."""

    number: int
    setup: Setup
    setting: Setting
    total: int
    scored: np.ndarray | None  # of the updates of a block; None where their order is random
    stop: StopToken = dataclasses.field(default_factory=StopToken)
    state: str = "training"
    curve: dict[int, dict[str, list[Any]]] = dataclasses.field(default_factory=dict)
    updates: list[int] = dataclasses.field(default_factory=list)  # of each snapshot
    models: dict[tuple[int, int], AnyModel] = dataclasses.field(default_factory=dict)
    uses: dict[tuple[int, int], dict[str, Any]] = dataclasses.field(default_factory=dict)
    result: dict[str, Any] = dataclasses.field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The run as the page has it."""
        curve = [{"seed": seed, **points} for seed, points in sorted(self.curve.items())]
        problem, scored = self.setting.problem, self.setting.scored
        return {
            "run": self.number,
            "knobs": self.setup.own_knobs(),
            "label": code.label(self.setup),
            "state": self.state,
            "seeds": list(range(self.setup.seeds)),
            "total": self.total,
            "curve": curve,
            "snapshots": [{"index": k, "updates": each} for k, each in enumerate(self.updates)],
            "chance": problem.chance(scored),
            "ceiling": problem.ceiling(scored),
            **_NO_RESULT,
            **self.result,
        }


_FIGURES = "verdict accuracy scoreText perSeed shortcuts why seconds limit fault"
_NO_RESULT = {**dict.fromkeys(_FIGURES.split()), "perSeed": [], "shortcuts": []}


class Session:
    """Answers the calls of a page, and tells it what happens. Every method is safe in any thread.

    Args:
        lesson: The lesson to begin with; by default that of the beginner's mistake, or none where
            there are problems or models of the user's.
        problems: The user's own problems, by their names: `path/to/file.py:MyProblem`.
        models: Their own models, likewise.

    Raises:
        ValueError: There is no such lesson.

    >>> session = Session()
    >>> session.audit({"lag": "30"})["fault"]
    'EchoLag: `lag` must be below `length` (25), got 30. Use length=31 or more.'
    >>> session.audit({"lag": "6", "framing": "window", "timesteps": "5"})["verdict"]
    'unreachable'
    """

    def __init__(
        self,
        lesson: str | None = None,
        *,
        problems: Mapping[str, Problem] = MappingProxyType({}),
        models: Mapping[str, ModelFactory] = MappingProxyType({}),
    ) -> None:
        self.own = Own(problems, models)
        self.lesson = self._first(lesson)
        self.closed = False
        self._lock = threading.RLock()
        self._runs: dict[int, _Training] = {}
        self._messages: list[Message] = []
        self._listeners: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None

    def describe(self) -> dict[str, Any]:
        """Everything that a page needs at first."""
        with self._lock:
            last = self._messages[-1].id if self._messages else 0
            runs = [run.document() for run in self._runs.values()]
            training = self._training()
        lesson = self.lesson
        knobs = self._start() if lesson is None else lesson.breaks.knobs
        return {
            "version": longlag_version(),
            "last": last,
            "kinds": describe.kinds(self.own),
            "lessons": [each.document() for each in LESSONS.values()],
            "start": {"knobs": knobs, "lesson": lesson and lesson.name},
            "runs": runs,
            "training": training and training.number,
        }

    def audit(self, knobs: Texts) -> dict[str, Any]:
        """The maps and the verdict of these knobs, without training."""
        try:
            return views.audited(Setup.of(knobs, self.own), self.own)
        except FAULTS as error:
            return fault(error)

    def train(self, knobs: Texts) -> dict[str, Any]:
        """Begin to train; the answer has the number of the run."""
        try:
            setup = Setup.of(knobs, self.own)
            setting = setup.setting()
            # Of a dense output alone, before anything so large is made.
            _refuse_large(setting.sizes.outputs * getattr(setup.model, "hidden_size", 1), setup)
            require_valid([setting])
            model = setting.create(0)
            weights = program.parameters(model)
            _refuse_large(weights, setup)
            total = duration(setting, weights).updates
        except FAULTS as error:
            return fault(error)
        with self._lock:
            if (busy := self._training()) is not None:
                wait = f"Run {busy.number} is training. Stop it, or wait for its end."
                return {"fault": wait, "run": busy.number}
            if self.closed:
                return {"fault": "The session has ended."}
            scored = scored_updates(setting.layout)
            run = _Training(len(self._runs) + 1, setup, setting, total, scored)
            self._runs[run.number] = run
            for old in [*self._runs.values()][:-_KEPT]:
                old.models.clear()
            self._thread = threading.Thread(
                target=self._train, args=[run], name=COMPILED, daemon=True
            )
            self._thread.start()
        return {"run": run.number}

    def stop(self) -> dict[str, Any]:
        """End the training under way after its current updates; what it learned is scored."""
        with self._lock:
            if (run := self._training()) is not None:
                run.stop.stop()
        return {}

    def view(self, run: int, snapshot: int, seed: int, inputs: list[Any] | None) -> dict[str, Any]:
        """The model of a moment on one sequence, that of the seed or one of the user's."""
        try:
            training, model = self._model(run, snapshot, seed)
            return views.viewed(training.setting, model, seed, inputs)
        except FAULTS as error:
            return fault(error)

    def uses(self, run: int, snapshot: int, seed: int) -> dict[str, Any]:
        """How much each prediction of that model depends on each input."""
        try:
            training, model = self._model(run, snapshot, seed)
            place = snapshot, seed
            if place not in training.uses:
                training.uses[place] = views.used(training.setting, model, seed)
            return training.uses[place]
        except FAULTS as error:
            return fault(error)

    def messages(self, after: int = 0) -> list[Message]:
        """The messages with a larger number, in order."""
        with self._lock:
            first = self._messages[0].id if self._messages else 1
            return self._messages[max(0, after + 1 - first) :]

    def subscribe(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Call a function, from any thread, after each message and at the end of the session.

        Returns:
            A function that ends this.
        """
        with self._lock:
            self._listeners.append(heard)

        def end() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(heard)

        return end

    def close(self) -> None:
        """End the session: stop the training, and tell all listeners."""
        with self._lock:
            self.closed, thread = True, self._thread
            listeners = [*self._listeners]
        self.stop()
        for heard in listeners:
            heard()
        if thread is not None:
            thread.join(timeout=0.5)

    def _first(self, lesson: str | None) -> Lesson | None:
        if lesson is not None:
            return lookup("lesson", lesson, LESSONS)
        mine = self.own.problem or self.own.model
        return None if mine else LESSONS["beginners-mistake"]

    def _start(self) -> dict[str, str]:
        """The first knobs of a user's own problem or model."""
        return {kind: next(iter(self.own.of(kind))) for kind in TABLES if self.own.of(kind)}

    def _training(self) -> _Training | None:
        """The run that trains now."""
        runs = (run for run in self._runs.values() if run.state == "training")
        return next(runs, None)

    def _model(self, run: int, snapshot: int, seed: int) -> tuple[_Training, AnyModel]:
        """The model of a seed at a moment, or at its latest before."""
        with self._lock:
            if run not in self._runs:
                raise ValueError(f"There is no run {run}.")
            training = self._runs[run]
            if not training.models:
                raise ValueError(f"The models of run {run} are not kept any more. Train it again.")
            kept = [k for k, s in training.models if s == seed and k <= snapshot]
            if not kept:
                raise ValueError(f"Run {run} has no seed {seed}.")
            return training, training.models[max(kept), seed]

    def _tell(self, type: str, data: dict[str, Any]) -> None:
        with self._lock:
            number = self._messages[-1].id + 1 if self._messages else 1
            self._messages.append(Message(number, type, data))
            del self._messages[:-_MESSAGES]
            listeners = [*self._listeners]
        for heard in listeners:
            heard()

    def _train(self, run: _Training) -> None:
        """In a thread of its own."""
        self._tell("started", {"run": run.document()})
        timer = threading.Timer(MOST_SECONDS, self._end_late, args=[run])
        timer.daemon = True
        timer.start()
        try:
            result = finish(
                fit(
                    run.setting,
                    range(run.setup.seeds),
                    stop=run.stop,
                    watch=lambda *moment: self._watch(run, *moment),
                    reports=SNAPSHOTS,
                ),
                lambda event: self._listen(run, event),
            )
            summary = _summary(result)
        except FAULTS as error:  # of a user's model, or memory
            line = in_words(error) or f"{type(error).__name__}: {shortened(error)}"
            with self._lock:
                run.state = "failed"
                run.result = {"fault": line}
            self._tell("failed", {"run": run.number, "fault": line})
            return
        finally:
            timer.cancel()
        with self._lock:
            run.result |= summary
            run.state = "stopped" if result.interrupted else "done"
        for seed, model in zip(result.seeds, result.models, strict=True):
            self._keep(run, seed, result.updates, model)
        self._tell("done", {"run": run.document()})

    def _end_late(self, run: _Training) -> None:
        """End a training that takes too long."""
        with self._lock:
            run.result["limit"] = (
                f"Stopped after {MOST_SECONDS / 60:.3g} minutes, the most that the page trains. "
                "Use longlag train on the command line."
            )
        run.stop.stop()

    def _watch(
        self, run: _Training, seed: int, updates: int, model: Callable[[], AnyModel]
    ) -> None:
        """Keep the model of a moment, if it is one of those that are kept."""
        distance = run.total / (SNAPSHOTS - 2)  # one more is for the start, one for an early end
        with self._lock:
            last = run.updates[-1] if run.updates else -distance
            wanted = updates in run.updates or updates - last >= distance
        if wanted:
            self._keep(run, seed, updates, model())

    def _keep(self, run: _Training, seed: int, updates: int, model: AnyModel) -> None:
        """Keep a model; those of all seeds after equally many updates are one snapshot."""
        with self._lock:
            if updates not in run.updates:
                run.updates.append(updates)
            index = run.updates.index(updates)
            new = (index, seed) not in run.models
            run.models[index, seed] = model
        if new:
            data = {"run": run.number, "seed": seed, "index": index, "updates": updates}
            self._tell("snapshot", data)

    def _listen(self, run: _Training, event: Event) -> None:
        if not isinstance(event, Advanced):
            return
        counts = event.losses != 0
        if run.scored is not None:
            updates = np.arange(event.updates - len(event.losses), event.updates)
            counts = run.scored[updates % len(run.scored)]
        if not counts.any():  # an update that scores nothing has a loss of 0, which says nothing
            return
        loss, accuracy = _finite(float(event.losses[counts].mean())), _finite(event.accuracy)
        with self._lock:
            points = run.curve.setdefault(event.seed, {"updates": [], "loss": [], "accuracy": []})
            for name, value in (("updates", event.updates), ("loss", loss), ("accuracy", accuracy)):
                points[name].append(value)
        data = {"run": run.number, "seed": event.seed, "updates": event.updates}
        self._tell("progress", {**data, "total": run.total, "loss": loss, "accuracy": accuracy})


def _refuse_large(weights: int, setup: Setup) -> None:
    if weights * setup.seeds > MOST_WEIGHTS:
        raise ValueError(
            f"The page trains at most {MOST_WEIGHTS:,} weights, got {weights * setup.seeds:,} or "
            f"more of {setup.seeds} seeds. Use fewer seeds or a smaller model, or longlag train "
            "on the command line."
        )


def _summary(run: Run) -> dict[str, Any]:
    """The score of a run beside chance and ceiling, and why it fell short."""
    return {
        "verdict": run.verdict,
        "accuracy": run.accuracy.mean,
        "scoreText": str(run.accuracy),
        "perSeed": list(run.accuracy.per_seed),
        "shortcuts": [{"name": n, "accuracy": float(s)} for n, s in run.shortcuts.items()],
        "why": views.why(run),
        "seconds": run.total_seconds,
    }


def _finite(value: float) -> float | None:
    """A number for JSON, which has no infinite ones."""
    return float(value) if np.isfinite(value) else None
