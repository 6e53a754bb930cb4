"""Counting languages: each letter as often as the one before."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers, Sets


@dataclasses.dataclass(frozen=True, kw_only=True)
class CountingLanguage(Problem):
    """Which letters may come next in a string of n a's, n b's, n c's, …?

    A string repeats each of its letters n times, in their order. Each step shows a letter and
    the target is the set of what may follow in the language of all n: after an a another one
    or a b, after that only what the count allows. After the last letter it is the end, the
    symbol `letters`. No symbol marks the start. After a letter that breaks the rule nothing
    may follow: the empty set. So every letter up to a step counts for its target.

    Args:
        letters: Number of different letters, from 2 to 8: 2 for aⁿbⁿ, 3 for aⁿbⁿcⁿ.
        length: Symbols of the longest string: n is at most length / letters.
        least: The smallest n, at least 1.
        stop: The share of strings of each n, among those of at least that n: n is geometric,
            cut at the largest. 0 draws n uniformly.
        ask: `every` scores all steps, `forced` only those where one symbol is legal.

    Shapes: inputs `(count, steps)` int32 in [0, letters], where `letters` stands for blank
        after the end; targets `(count, steps, letters + 1)` int32, sets as zeros and ones;
        scored `(count, steps)` bool.

    Scores: accuracy over scored steps; a set is right if it is named exactly. Chance, and the
        ceiling for some letters in sight, exact by going through all n; ceiling 1. The same
        letter again is right at 1 − 1/n of the forced steps.

    Ladder: length 12, 24, 48, 96, 192.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range, or no string is so short.

    Source: Gers and Schmidhuber (2001), LSTM learns simple context-free and context-sensitive
        languages; n geometric as in Lan et al. (2022).

    >>> import numpy as np
    >>> problem = CountingLanguage(length=4, least=2)
    >>> inputs, targets, _ = problem.draw(np.random.default_rng(0), 1)
    >>> inputs[0].tolist(), [problem.targets.format(each) for each in targets[0]]
    ([0, 0, 1, 1], ['{0,1}', '{0,1}', '{1}', '{2}'])
    """

    source: ClassVar[str] = "Gers and Schmidhuber (2001), context-free and context-sensitive"
    group: ClassVar[str] = "counter"
    separates: ClassVar[str] = "models that count from those that repeat the last letter"
    ladder: ClassVar[Ladder] = Ladder("length", (12, 24, 48, 96, 192))

    accumulates: ClassVar[bool] = True

    letters: int = knob(2, "Number of different letters.", at_least=2, at_most=8)
    length: int = knob(24, "Symbols of the longest string: letters × n.", at_least=2, at_most=4096)
    least: int = knob(1, "The smallest n.", at_least=1)
    stop: float = knob(
        0.0, "Share of each n among those not smaller; 0: uniform.", at_least=0, at_most=0.9
    )
    ask: Literal["every", "forced"] = knob(
        "every", "Score every step, or only those where one symbol is legal."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        shortest = self.letters * self.least
        if self.length < shortest:
            raise ValueError(
                f"CountingLanguage: `length` must be at least `letters` × `least` ({shortest}), "
                f"got {self.length}. Use length={shortest} or more."
            )
        if self.ask == "forced" and self.steps == 2:
            raise ValueError(
                f"CountingLanguage: `length` must be at least 4 where `ask` is forced, got "
                f"{self.length}: of the string ab only the end is. Use length=4 or more."
            )

    @property
    def inputs(self) -> Integers:
        return Integers(self.letters, blank=True)

    @property
    def targets(self) -> Sets:
        return Sets(self.letters + 1)

    @property
    def most(self) -> int:
        """The largest n."""
        return self.length // self.letters

    @property
    def steps(self) -> int:
        return self.letters * self.most

    @property
    def sequences(self) -> int:
        return self.most + 1 - self.least

    @property
    def varies(self) -> bool:
        return self.sequences > 1

    @property
    def masks(self) -> bool:
        return self.varies

    def chance(self, steps: Steps | None = None) -> float:
        """Score, over these steps, of the best prediction that ignores the inputs.

        With one string only it is the best constant, one for all steps.
        """
        if self.varies:
            return super().chance(steps)
        _, answers, scored, _ = _strings(self)
        asked = answers[0, scored[0] if steps is None else steps]
        return float(np.bincount(asked).max() / len(asked))

    def chance_by_step(self) -> NDArray[np.float64]:
        return self._best(np.zeros((self.steps, self.steps), dtype=bool), np.arange(self.steps))

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        return self._best(sees, np.arange(self.steps))

    def ceiling_without_clock(
        self, sees: NDArray[np.bool_], groups: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        return self._best(sees, groups)

    def _best(self, sees: NDArray[np.bool_], groups: NDArray[np.intp]) -> NDArray[np.float64]:
        """Best score at each step, for a predictor that cannot tell the steps of a group apart."""
        inputs, answers, scored, share = _strings(self)
        best = np.ones(self.steps)
        for group in np.unique(groups[groups >= 0]):
            steps = np.flatnonzero(groups == group)
            lags = steps[0] - np.flatnonzero(sees[steps[0]])
            asked, counts = answers[:, steps].ravel(), scored[:, steps]
            alike = np.zeros(len(asked), np.intp)
            if len(lags):
                seen = inputs[:, steps[:, None] - lags].reshape(len(asked), -1)
                alike = np.unique(seen, axis=0, return_inverse=True)[1].ravel()
            weight = (share[:, None] * counts).ravel()
            votes = np.zeros((alike.max() + 1, self.letters + 1))
            np.add.at(votes, (alike, asked), weight)
            right = (votes.argmax(axis=1)[alike] == asked) * weight
            total = weight.reshape(counts.shape).sum(axis=0)
            right = right.reshape(counts.shape).sum(axis=0)
            best[steps] = np.where(total > 0, right / np.where(total > 0, total, 1), 1.0)
        return best

    def average(self, by_step: NDArray[np.float64], steps: Steps) -> float:
        _, _, scored, share = _strings(self)
        times = (share @ scored)[steps]
        return float(np.average(by_step[steps], weights=times if times.any() else None))

    def shares(self) -> NDArray[np.float64]:
        """The share of strings of each n, from `least` on."""
        weight = (1 - self.stop) ** np.arange(self.sequences)
        return weight / weight.sum()

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        ends = self.shares().cumsum()[:-1]
        repeats = self.least + np.searchsorted(ends, rng.random(count), side="right")
        inputs, answers, scored = self._of(repeats)
        targets = self._sets(answers)
        if not self.varies:
            return Episodes(inputs, targets, scored)
        present = np.arange(self.steps) < self.letters * repeats[:, None]
        return Episodes(inputs, targets, scored, present)

    def _of(
        self, repeats: NDArray[np.intp]
    ) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.bool_]]:
        """Strings of these n: the letters, what must follow (0: an a or a b), what is scored."""
        steps, each = np.arange(self.steps), repeats[:, None]
        inputs = np.minimum(steps // each, self.letters).astype(np.int32)
        answers = np.minimum((steps + 1) // each, self.letters) * (steps >= each)
        scored = inputs < self.letters
        return inputs, answers, scored & (steps >= each) if self.ask == "forced" else scored

    def _sets(self, answers: Values) -> NDArray[np.int32]:
        sets = answers[..., None] == np.arange(self.letters + 1)
        sets[..., 1] |= answers == 0
        return sets.astype(np.int32)

    def scored(self) -> Steps:
        return np.arange(self.steps) >= (self.least if self.ask == "forced" else 0)

    def needs(self) -> NDArray[np.bool_]:
        needs = np.tri(self.steps, dtype=bool) & self.scored()[:, None]
        if self.letters > 2:
            return needs
        # Of two letters, another in place of the last a or of the first b leaves a legal string.
        # Some pairs are left where these are all strings, and the target stays b.
        target, shown = np.indices(needs.shape)
        lowest = np.maximum(self.least, target // 2 + 1)
        highest = self.most if self.ask == "every" else np.minimum(self.most, target)
        stays = (target > shown) & (lowest >= shown) & (highest <= shown + 1)
        stays &= (lowest > shown) | (target != 2 * shown - 1)
        stays &= (highest <= shown) | (target <= 2 * shown - 2)
        return needs & ~stays

    def oracle(self, inputs: Values) -> Values:
        other = inputs != 0
        repeats = np.where(other.any(axis=1), other.argmax(axis=1), self.steps)
        expected, answers, _ = self._of(np.maximum(repeats, 1))
        legal = np.logical_and.accumulate(inputs == expected, axis=1) & (expected < self.letters)
        return self._sets(answers) * legal[..., None]

    def guesses(self, inputs: Values) -> dict[str, Values]:
        return {"the same letter again": self._sets(np.minimum(inputs, self.letters))}

    def at(self, rung: int) -> Problem:
        least = min(self.least, rung // self.letters)
        return dataclasses.replace(self, length=rung, least=least)

    def showing(self, length: int) -> Problem:
        """The string of this length alone; at its own `length` the same problem."""
        if length == self.length:
            return self
        self._at_least(self.letters, length)
        if length % self.letters:
            raise ValueError(
                f"CountingLanguage: a string shows each of {self.letters} letters alike, so its "
                f"length must be a multiple of {self.letters}, got {length}. "
                f"Use {length - length % self.letters}."
            )
        return dataclasses.replace(self, length=length, least=length // self.letters)


@functools.lru_cache(16)
def _strings(
    problem: CountingLanguage,
) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.bool_], NDArray[np.float64]]:
    """All strings, what must follow each letter, what is scored, and the share of each."""
    return *problem._of(np.arange(problem.least, problem.most + 1)), problem.shares()
