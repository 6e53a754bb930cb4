"""What a study would take, before it starts."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from longlag.answers.format import counted, duration
from longlag.models import ModelFactory
from longlag.problems import Problem
from longlag.store.store import Store
from longlag.studies.cost import Times
from longlag.studies.reuse import equal
from longlag.studies.study import Study
from longlag.trials.cost import peak_memory
from longlag.trials.setting import Setting

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

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return self._asdict()


def plan(study: Study, store: Store | None, workers: int) -> Plan:
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
