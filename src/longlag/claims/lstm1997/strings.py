"""Experiment 1 as it was run in 1997: the next symbol of 256 strings, tested on 256 others."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.problems import EmbeddedReber, Episodes, Integers, Ladder, Problem, Reals
from longlag.problems._base import Steps, Values
from longlag.scores.evaluation import Evaluation
from longlag.trials.criterion import OnTest
from longlag.trials.setting import Setting

_STRINGS = 256
"""Strings of the training set, and of the test set."""

_END = "BTPSXVE".index("E")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NextSymbol(Problem):
    """Which symbol comes next in a string of the embedded Reber grammar, from a set of 256?

    Args:
        pair: Which pair of a training set and a test set.

    Shapes: inputs as `EmbeddedReber`; targets `(count, step, 7)` float32, 1 for the symbol that
        comes next, else 0.

    Source: Hochreiter and Schmidhuber (1997), experiment 1. Strings of more than 30 symbols,
        0.13 % of all, are left out.
    """

    source: ClassVar[str] = "Hochreiter and Schmidhuber (1997), experiment 1"
    ladder: ClassVar[Ladder] = Ladder("pair", ())
    grammar: ClassVar[EmbeddedReber] = EmbeddedReber(length=30)

    pair: int = 0

    @property
    def inputs(self) -> Integers:
        return self.grammar.inputs

    @property
    def targets(self) -> Reals:
        return Reals(tolerance=0.5, size=self.grammar.targets.values)

    @property
    def steps(self) -> int:
        return self.grammar.steps

    @property
    def varies(self) -> bool:
        return True

    @property
    def masks(self) -> bool:
        return True

    @property
    def mean_steps(self) -> float:
        """The mean number of predictions in a training string."""
        return float(_sets(self.pair)[0].scored.sum(axis=1).mean())

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        return self.of(_sets(self.pair)[0].rows(rng.integers(_STRINGS, size=count)))

    def all_strings(self) -> Episodes:
        """The strings of the training set and of the test set."""
        return self.of(Episodes.join(_sets(self.pair)))

    def of(self, episodes: Episodes) -> Episodes:
        """The same strings, with the next symbol as target of each."""
        return dataclasses.replace(episodes, targets=self.oracle(episodes.inputs))

    def scored(self) -> Steps:
        return self.grammar.scored()

    def needs(self) -> NDArray[np.bool_]:
        return self.grammar.needs()

    def chance_by_step(self) -> NDArray[np.float64]:
        return self.grammar.chance_by_step()  # not exact: of the set, not of the symbol

    def oracle(self, inputs: Values) -> Values:
        # No predictor knows which of two symbols comes; here the string itself is read.
        following = np.concatenate([inputs[:, 1:], np.full_like(inputs[:, :1], 7)], axis=1)
        following = np.where(following == self.inputs.blank_value, _END, following)
        return np.eye(self.targets.size or 0, dtype=np.float32)[following]


@functools.lru_cache(16)
def _sets(pair: int) -> tuple[Episodes, Episodes]:
    """The training set and the test set of a pair: of the second no string is in the first."""
    rng = np.random.default_rng(np.random.SeedSequence(pair, spawn_key=(3,)))
    training = NextSymbol.grammar.draw(rng, _STRINGS)
    known = {row.tobytes() for row in training.inputs}
    others = NextSymbol.grammar.draw(rng, 50 * _STRINGS)
    fresh = [i for i, row in enumerate(others.inputs) if row.tobytes() not in known]
    return training, others.rows(np.array(fresh[:_STRINGS]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LegalFirst(OnTest):
    """The symbols that may come next are the most active outputs, after each symbol of all strings.

    These are the strings of both sets of `NextSymbol`.
    """

    def test_set(self, setting: Setting, seed: int) -> Episodes:
        del seed
        assert isinstance(setting.problem, NextSymbol)
        return setting.problem.all_strings()

    def right(self, evaluation: Evaluation) -> NDArray[np.bool_]:
        return legal_first(evaluation)

    @property
    def words(self) -> str:
        return "the legal symbols are the most active outputs, in all strings of both sets"


def legal_first(evaluation: Evaluation) -> NDArray[np.bool_]:
    """Of each string, whether all legal symbols are more active than any other one, everywhere."""
    legal = NextSymbol.grammar.oracle(evaluation.inputs) == 1
    least = np.where(legal, evaluation.predicted, np.inf).min(axis=2)
    most = np.where(legal, -np.inf, evaluation.predicted).max(axis=2)
    return ((least > most) | ~evaluation.scored).all(axis=1)
