"""The interface of trackers, and the trials that they log."""

from __future__ import annotations

import abc
import dataclasses
import datetime
import functools
import importlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # which load jax
    from longlag.trials.identity import Trial
    from longlag.trials.outcome import Outcome
    from longlag.trials.run import Run


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinishedTrial:
    """A finished trial, as a tracker logs it.

    Attributes:
        id: The name of the trial.
        study: What asked for it, such as `train` or `compare 3fa2b1c0`.
        problem: The problem with the knobs that are not at their defaults, and likewise `model`.
        seed: Its seed.
        setting: Its setting, as plain values.
        versions: The versions of its problem and of the other parts that decided its result.
        outcome: Its results.
        verdict: `solved`, or the first reason why it is not.
        finished: When it ended.
    """

    id: str
    study: str
    problem: str
    model: str
    seed: int
    setting: Mapping[str, Any]
    versions: str
    outcome: Outcome
    verdict: str
    finished: datetime.datetime

    @classmethod
    def of(cls, trial: Trial, outcome: Outcome, *, study: str, solve_at: float) -> FinishedTrial:
        """A trial that has just finished."""
        from longlag.trials import documents
        from longlag.trials.diagnosis import diagnose
        from longlag.trials.identity import parts

        reasons = diagnose(outcome, solve_at)
        return cls(
            id=trial.id,
            study=study,
            problem=trial.setting.problem.words,
            model=trial.setting.model.words,
            seed=trial.seed,
            setting=documents.public(documents.document(trial.setting)),
            versions=parts(trial.setting),
            outcome=outcome,
            verdict=reasons[0].reason if reasons else "solved",
            finished=datetime.datetime.now(datetime.UTC),
        )

    @classmethod
    def of_run(cls, run: Run) -> Iterator[FinishedTrial]:
        """The trials of a run, none of one that was interrupted."""
        from longlag.scores.statistics import SOLVED
        from longlag.trials.identity import Trial

        for place, seed in enumerate(() if run.interrupted else run.seeds):
            outcome = run.outcome(place)
            trial = Trial(setting=run.setting, seed=seed)
            yield cls.of(trial, outcome, study="train", solve_at=SOLVED)

    @property
    def name(self) -> str:
        """A name for a reader, unique by its id."""
        return f"{self.problem}, {self.model}, seed {self.seed}, {self.id}"

    @property
    def tags(self) -> dict[str, str]:
        """What to find it by."""
        names = "study", "problem", "model", "seed", "verdict"
        return {name: str(getattr(self, name)) for name in names}

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """Every knob of the setting by its path, such as `problem.lag`, and the versions."""
        flat: dict[str, Any] = {"versions": self.versions}
        for part, knobs in self.setting.items():
            if isinstance(knobs, Mapping):
                flat |= {f"{part}.{name}": value for name, value in knobs.items()}
            else:
                flat[part] = knobs
        return {
            name: each if isinstance(each, bool | int | float | str) else str(each)
            for name, each in flat.items()
            if each is not None
        }

    @property
    def curve(self) -> Iterator[tuple[int, dict[str, float]]]:
        """The learning curve: figures by their name after so many updates."""
        curve = self.outcome.curve
        for update, loss, right in zip(curve.updates, curve.loss, curve.accuracy, strict=True):
            yield update, {"training/loss": loss, "training/accuracy": right}

    @property
    def figures(self) -> dict[str, float]:
        """The scores on fresh sequences, those of the main test first, and what the trial took."""
        from longlag.trials.outcome import size_and_speed

        found = {}
        for test, score in self.outcome.scores.items():
            # The main test has the name of the only test in earlier versions.
            main = score is self.outcome.score()
            prefix = "evaluation" if main else f"evaluation/{re.sub('[^-.0-9A-Za-z_]', '-', test)}"
            for name in ("accuracy", "skill", "chance", "ceiling"):
                found[f"{prefix}/{name}"] = getattr(score, name)
            if len(self.outcome.scores) == 1:
                found[f"{prefix}/reachable"] = self.outcome.reachable
        took = size_and_speed([self.outcome])
        return found | {f"cost/{name}": each for name, each in took.items() if each is not None}


class Tracker(abc.ABC):
    """Logs finished trials somewhere. Any exception that it raises ends it, not the study."""

    @abc.abstractmethod
    def log(self, trial: FinishedTrial) -> None:
        """Log a trial; called once for each, from one thread."""

    def close(self) -> None:  # noqa: B027 - few trackers have anything to close
        """End; called after the last trial."""


def client(library: str, extra: str) -> Any:
    """The library of a tracker.

    Raises:
        ValueError: It cannot be imported; the message names the extra.
    """
    try:
        return importlib.import_module(library)
    except ImportError as error:
        why = "is not installed" if error.name == library.partition(".")[0] else f"fails: {error}"
        raise ValueError(
            f"track: {library.partition('.')[0]} {why}. Use pip install 'longlag[{extra}]'."
        ) from None
