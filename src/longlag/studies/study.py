"""What every study is: it is asked for the next trial, and told its outcome."""

from __future__ import annotations

import abc
import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

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
    """A question. A subclass says which trials it asks for and what they answer.

    Single use: to resume, make a new study of the same question.
    """

    kind: ClassVar[str]
    """Its name on the command line."""

    eager: ClassVar[bool] = True
    """Whether it may be asked for trials before there is a worker for them."""

    keep_curves: bool = True
    """Whether it holds outcomes with their curves and examples, which only a report needs."""

    solve_at: float
    """Skill from which a trial counts as solved."""

    seeds: tuple[int, ...]
    """The seeds, the first of which is the one whose models are kept."""

    rates: tuple[float, ...]
    """The learning rates that it tries."""

    problems: Mapping[str, Problem]
    """The problems that it is about, by their words."""

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

    @functools.cached_property
    def failures(self) -> dict[str, str]:
        """Why trials came to nothing, by the words of `described`."""
        return {}

    @functools.cached_property
    def cut(self) -> dict[str, float]:
        """How far trials had come that the end of the time cut short, by words (`described`)."""
        return {}

    def fail(self, trial: Trial, why: str) -> None:
        """A trial came to nothing, and why."""
        self.failures[described(trial)] = why.rstrip(".")
        self.tell(trial, None)

    def why_missing(self, setting: Setting, seeds: Iterable[int]) -> Counter[str]:
        """Why trials of a setting came to nothing, by reason: how many."""
        if not self.failures:
            return Counter()
        names = (described(Trial(setting=setting, seed=seed)) for seed in seeds)
        return Counter(self.failures[name] for name in names if name in self.failures)

    @abc.abstractmethod
    def examples(self) -> list[Setting]:
        """A setting for each model and problem, by which to tell whether they fit."""

    @abc.abstractmethod
    def left(self) -> int | None:
        """Trials that may yet be asked for, as far as is known; None where nothing is."""

    def ahead(self) -> Iterable[tuple[Setting, int]]:
        """The settings of the trials left, each with how many; by default nothing is known."""
        return ()

    @property
    def id(self) -> str:
        """The name of the study: the hash of its question and of the versions of what it uses."""
        text = identity.identity_document({"kind": self.kind, **self.question()})
        versions = sorted({identity.parts(setting) for setting in self.examples()})
        return identity.digest(f"{text} {'; '.join(versions)}")

    def recall(self, store: Store) -> int:  # noqa: ARG002 - of use to some studies only
        """Learn from the store what is known, before anything is asked for: how many trials."""
        return 0

    def replay(self, store: Store, study: str | None = None) -> None:
        """Learn from the store what the trials of the study have come to."""
        for _, seed, setting, outcome in store.asked(study or self.id):
            self.tell(Trial(setting=documents.setting(setting), seed=seed), outcome)


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
        rule = "models such as LSTM()" if argument == "models" else "problems such as EchoLag()"
        require(owner, argument, part, (ModelFactory, Problem), rule)
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
