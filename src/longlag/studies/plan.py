"""What a study would take, before it starts."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from longlag.answers.answer import Answer
from longlag.answers.format import counted, duration
from longlag.arguments import short_repr
from longlag.models import ModelFactory
from longlag.problems import Problem
from longlag.store.store import Store
from longlag.studies.ask import Planned, planning
from longlag.studies.compare import compare
from longlag.studies.cost import Times
from longlag.studies.frontier import frontier
from longlag.studies.generalisation import generalise
from longlag.studies.profile import profile
from longlag.studies.reuse import equal
from longlag.studies.study import Study
from longlag.studies.suite import suite
from longlag.trials.cost import peak_memory
from longlag.trials.setting import Setting

_STUDIES = compare, frontier, generalise, profile, suite
_SEEN = 200  # latest trials that times are expected from, at most


class Plan(NamedTuple):
    """The trials, the time and the memory of a study, before it starts.

    Attributes:
        most: Number of trials to run, at most: a search may need fewer; None if time limits it.
        stored: Number of its trials that the store has.
        seconds: Expected seconds of these trials, at most; None without a finished trial.
        seen: Number of finished trials of the store that this is expected from.
        workers: Trials that run at the same time.
        memory: About how many bytes a worker holds at most; None if unknown, or without trials.
    """

    most: int | None
    stored: int
    seconds: float | None
    seen: int
    workers: int
    memory: int | None

    def __str__(self) -> str:
        trials = "As many trials as fit" if self.most is None else counted(self.most, "trial")
        most = "" if self.most is None else " to run, at most"
        if self.most == 0:
            return f"No trial to run: {self.stored} are in the store."
        lines = [f"{trials}{most}; {self.stored} are in the store."]
        if self.seconds is not None:
            at_once = counted(self.workers, "worker")
            source = f"by {counted(self.seen, 'finished trial')} of the store"
            time = f"At most about {duration(self.seconds)}"
            lines.append(f"{time} on {at_once}, {source}; a trial that solves it ends sooner.")
        elif self.most is not None:
            lines.append("How long is not known: the store has no finished trial.")
        if self.memory is not None:
            size = f"{self.memory / 2**30:.1f} GiB"
            lines.append(f"Memory: at most about {size} for each worker, an estimate.")
        else:
            lines.append("How much memory is not known.")
        return " ".join(lines)

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return self._asdict()


def plan(study: Callable[..., Answer], /, *args: Any, **kwargs: Any) -> Plan:
    """What a study would take, as `--dry-run` prints it; no trial is run, and nothing is written.

    Args:
        study: `compare`, `frontier`, `generalise`, `profile` or `suite`.
        args: Its arguments, as it takes them itself.
        kwargs: Likewise, by name.

    Raises:
        TypeError: It is no study, or an argument is unknown or of another type.
        ValueError: An argument is out of range, or the framing does not fit.

    >>> from longlag import EchoLag, compare
    >>> plan(compare, ["lstm", "gru"], [EchoLag()], seeds=3, store=None).most
    42
    """
    if not any(study is each for each in _STUDIES):  # an array has no one answer to `in`
        names = [f"ll.{each.__name__}" for each in _STUDIES]
        rule = f"{', '.join(names[:-1])} or {names[-1]}"
        raise TypeError(f"plan: `study` must be {rule}, got {short_repr(study)}.")
    before = planning.set(True)
    try:
        study(*args, **kwargs)
    except Planned as found:
        return plan_at(found.study, found.store, found.executor.workers)
    finally:
        planning.reset(before)
    raise AssertionError("a study that asks for nothing")


def plan_at(study: Study, path: Path | None, workers: int) -> Plan:
    """What a study would take, by the finished trials of a file, which need not exist."""
    if path is None or not path.exists() or not path.stat().st_size:
        return plan_of(study, None, workers)
    with Store(path) as store:
        return plan_of(study, store, workers)


def plan_of(study: Study, store: Store | None, workers: int) -> Plan:
    """What a study would take; no trial is run.

    Args:
        study: The study, which is used up by it.
        store: The store of finished trials, where there is one.
        workers: Trials that run at the same time.
    """
    stored = 0 if store is None else study.recall(store)
    budgets = [] if store is None else store.budgets()
    while (trial := study.ask()) is not None and store is not None:
        outcome = store.outcome(trial.id)
        if outcome is None and (found := equal(store, trial, budgets)) is not None:
            _, outcome = found
        if outcome is not None:
            stored += 1
            study.tell(trial, outcome)
    most, times, seen = study.left(), Times(), 0
    example = study.examples()[0]
    for record in () if store is None else store.records(limit=_SEEN):
        if store is not None and (outcome := store.outcome(record.id)) is not None:
            times.note_stored(record, outcome, example.recipe.sequences)
            seen += 1
    seconds = None
    if seen and most is not None:
        ahead = list(study.ahead()) or [(example, most)]
        # Trials that may be added take as long as those known.
        more = most / max(1, sum(count for _, count in ahead))
        seconds = math.ceil(more * times.of(ahead) / max(1, min(workers, most)))
    return Plan(most, stored, seconds, seen, workers, None if most == 0 else _memory(study))


def _memory(study: Study) -> int | None:
    """Bytes of a worker, by the longest problem of each model and kind of problem."""
    longest: dict[tuple[ModelFactory, type[Problem]], Setting] = {}
    for setting in sorted(study.largest(), key=_steps):
        longest[setting.model, type(setting.problem)] = setting
    found = [peak_memory(setting) for setting in longest.values()]
    known = [each for each in found if each is not None]
    return max(known) if known and len(known) == len(found) else None


def _steps(setting: Setting) -> int:
    return max(problem.steps for problem in setting.scored_on.values())
