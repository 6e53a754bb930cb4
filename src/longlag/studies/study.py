"""The base class of studies: `ask` gives the next trial, `tell` takes its outcome."""

from __future__ import annotations

import abc
import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from longlag.answers.answer import Answer
from longlag.knobs import Knobs, require
from longlag.models import ModelFactory
from longlag.problems import Problem
from longlag.store.store import Store
from longlag.trials import documents, identity
from longlag.trials.identity import Trial
from longlag.trials.outcome import Outcome
from longlag.trials.setting import Setting

K = TypeVar("K", bound=Knobs)


class Study(abc.ABC):
    """A question. A subclass chooses the trials, and computes the answer from their outcomes.

    Single use: to resume, make a new study of the same question.
    """

    kind: ClassVar[str]
    """Its name on the command line."""

    eager: ClassVar[bool] = True
    """Whether `ask` may be called before a worker is free for the trial."""

    keep_curves: bool = True
    """Whether outcomes keep their curves and examples, which only a report needs."""

    interrupted: bool = False
    """Whether the user stopped it."""

    solve_at: float
    """Skill from which a trial counts as solved."""

    seeds: tuple[int, ...]
    """The seeds; trained models of the first are stored."""

    rates: tuple[float, ...]
    """The learning rates to try."""

    problems: Mapping[str, Problem]
    """The problems, by label."""

    @abc.abstractmethod
    def question(self) -> dict[str, Any]:
        """The question, as plain JSON values; equal questions are one study."""

    @classmethod
    @abc.abstractmethod
    def of(cls, question: Mapping[str, Any]) -> Study:
        """The study of a question, with no outcomes yet."""

    @abc.abstractmethod
    def answer(self) -> Answer:
        """The answer from the outcomes so far."""

    @abc.abstractmethod
    def ask(self) -> Trial | None:
        """The next trial, each once; None where it depends on outcomes still to come."""

    @abc.abstractmethod
    def tell(self, trial: Trial, outcome: Outcome | None) -> None:
        """Take the outcome of a trial; None if it failed."""

    @functools.cached_property
    def failures(self) -> dict[str, str]:
        """Why trials failed, by description (`described`)."""
        return {}

    @functools.cached_property
    def cut(self) -> dict[str, float]:
        """The progress of trials stopped at the time limit, from 0 to 1, by description."""
        return {}

    def fail(self, trial: Trial, why: str) -> None:
        """Take the failure of a trial, with the reason."""
        self.failures[described(trial)] = why.rstrip(".")
        self.tell(trial, None)

    def why_missing(self, setting: Setting, seeds: Iterable[int]) -> Counter[str]:
        """The number of failed trials of a setting, by reason."""
        if not self.failures:
            return Counter()
        names = (described(Trial(setting=setting, seed=seed)) for seed in seeds)
        return Counter(self.failures[name] for name in names if name in self.failures)

    @abc.abstractmethod
    def examples(self) -> list[Setting]:
        """A setting for each model and problem, to check that they fit."""

    @abc.abstractmethod
    def left(self) -> int | None:
        """The number of trials still to run, an upper bound; None if unknown."""

    def ahead(self) -> Iterable[tuple[Setting, int]]:
        """The settings of the trials still to run, each with their number; by default unknown."""
        return ()

    def largest(self) -> list[Setting]:
        """Settings among which is the one that takes the most memory."""
        return [setting for setting, _ in self.ahead()] or self.examples()

    @property
    def versions(self) -> dict[str, int]:
        """The version of each problem, by its label."""
        return {label: problem.version for label, problem in self.problems.items()}

    @property
    def id(self) -> str:
        """The name of the study: the hash of its question and of the versions of its parts."""
        text = identity.identity_document({"kind": self.kind, **self.question()})
        versions = sorted({identity.parts(setting) for setting in self.examples()})
        return identity.digest(f"{text} {'; '.join(versions)}")

    def recall(self, store: Store) -> int:  # noqa: ARG002 - of use to some studies only
        """Take stored outcomes before the first `ask`; returns how many."""
        return 0

    def replay(self, store: Store, study: str | None = None) -> None:
        """Take the outcomes of the study's own trials from the store."""
        for _, seed, setting, outcome in store.asked(study or self.id):
            self.tell(Trial(setting=documents.setting(setting), seed=seed), outcome)


@functools.lru_cache(4096)
def words(part: Knobs) -> str:
    """The label of a part of a setting: its name and the knobs that differ from their defaults.

    >>> from longlag import EchoLag
    >>> words(EchoLag(lag=5))
    'echo-lag lag=5'
    """
    return part.words


_MOST = 1000  # models or problems of a study
_PARTS: dict[str, tuple[type, str]] = {
    "models": (ModelFactory, "models such as LSTM()"),
    "problems": (Problem, "problems such as EchoLag()"),
}


def named(owner: str, argument: str, parts: Iterable[K]) -> dict[str, K]:
    """Parts of settings, by label.

    Raises:
        ValueError: There is none, or two have the same label.
        TypeError: `parts` is a single part.
    """
    if not isinstance(parts, Iterable) or isinstance(parts, str):
        each = parts.split(",") if isinstance(parts, str) and "(" not in parts else [parts]
        raise TypeError(f"{owner}: `{argument}` must be several, got {parts!r}. Use {each!r}.")
    by_label: dict[str, K] = {}
    for part in parts:
        kind, rule = _PARTS[argument]
        require(owner, argument, part, kind, rule)
        if words(part) in by_label:
            raise ValueError(f"{owner}: `{argument}` names {words(part)} twice. Name it once.")
        by_label[words(part)] = part
        if len(by_label) > _MOST:
            raise ValueError(f"{owner}: `{argument}` must be at most {_MOST:,}, got more.")
    if not by_label:
        raise ValueError(f"{owner}: `{argument}` must name at least one. Use one or more.")
    return by_label


def described(trial: Trial) -> str:
    """The description of a trial.

    >>> from longlag import EchoLag, LSTM, Setting, Whole
    >>> described(Trial(setting=Setting(problem=EchoLag(), framing=Whole(), model=LSTM()), seed=2))
    'echo-lag, whole, lstm, learning rate 0.001, seed 2'
    """
    setting = trial.setting
    parts = map(words, (setting.problem, setting.framing, setting.model))
    rate = f"learning rate {setting.recipe.learning_rate:g} {setting.recipe.details}".strip()
    return ", ".join([*parts, rate, f"seed {trial.seed}"])
