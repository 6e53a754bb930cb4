"""Sort: a string of any length is shown, then given back in order."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Ladder, Values
from longlag.problems.strings import Strings
from longlag.problems.tallies import best_of_place, order_shares


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sort(Strings):
    """What is the string, sorted? The answer comes after the whole string.

    A string of symbols drawn uniformly from `values`, its length uniform from `least` to
    `length`. Then the input is blank for as many steps as it had symbols, and the targets are
    its symbols from small to large. A count of each symbol is enough.

    Args:
        length: Symbols of the longest string, at least 1.
        least: Symbols of the shortest string, 1 ≤ least ≤ length.
        values: Number of different symbols, from 2 to 1000.

    Shapes: inputs and targets `(count, 2 length)` int32, inputs in [0, values] where `values`
        stands for blank, targets in [0, values); scored alike, true in the answer of each
        episode.

    Scores: accuracy over the answers, each symbol alike. Chance knows the step alone, exact
        from binomials; `accuracy_of_places` is that of a guesser who knows length and place
        too, and no symbol. Ceiling 1; with some symbols in sight, exact up to 4,000 possible
        counts of them, else to about 1 %.

    Ladder: length 5, 10, 20, 40, 80, 160.

    Raises:
        TypeError: A knob is unknown or not a whole number.
        ValueError: A knob is outside its range.

    Source: Delétang et al. (2023), "Bucket Sort": 1–40 symbols of 5, tested on 41–500.

    >>> import numpy as np
    >>> episodes = Sort(length=3, values=10).draw(np.random.default_rng(0), 1)
    >>> episodes.inputs[0].tolist(), episodes.targets[episodes.scored].tolist()
    ([2, 0, 10, 10, 10, 10], [0, 2])
    """

    group: ClassVar[str] = "counter"
    separates: ClassVar[str] = "models that count each symbol from those that know the place alone"
    ladder: ClassVar[Ladder] = Ladder("length", (5, 10, 20, 40, 80, 160))

    values: int = knob(5, "Number of different symbols.", at_least=2, at_most=1000)

    def chance_by_step(self) -> NDArray[np.float64]:
        return _constants(self.least, self.length, self.values).copy()

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        best, fits = self.chance_array.copy(), self._fits()
        for step in np.flatnonzero(self.scored()):
            # Lengths with as many symbols in sight cannot be told apart.
            visible = np.concatenate([[0], np.cumsum(sees[step, : self.length])])
            lengths = np.flatnonzero(fits[step])
            best[step] = 0.0
            for seen in np.unique(visible[lengths]):
                alike = lengths[visible[lengths] == seen]
                places = tuple((int(n - seen), int(step - n)) for n in alike)
                share = len(alike) / len(lengths)
                best[step] += share * best_of_place(self.values, int(seen), places)
        return best

    def needs(self) -> NDArray[np.bool_]:
        # Of every episode: where equal symbols hide one, a model still has to count it.
        longest = np.minimum(np.arange(self.steps), self.length)[:, None]
        shown = np.arange(self.steps) < longest
        return shown & self.scored()[:, None]

    def guesses(self, inputs: Values) -> dict[str, Values]:
        lengths = self._lengths(inputs)[:, None]
        likeliest = _likeliest(self.length, self.values)[lengths[:, 0]]
        return {"the likeliest symbol of each place": self._placed(likeliest, lengths, 0)}

    def accuracy_of_places(self, *, by_string: bool = False) -> float:
        """Accuracy of the best guesser who knows the length and the place, and no symbol.

        Args:
            by_string: The mean over strings of the accuracy of each, as Delétang et al. score; by
                default each symbol counts alike.

        >>> round(Sort(length=40).accuracy_of_places(by_string=True), 2)
        0.65
        """
        lengths = np.arange(self.least, self.length + 1)
        each = [order_shares(self.values, int(n)).max(axis=1).mean() for n in lengths]
        return float(np.average(each, weights=None if by_string else lengths))

    def _ordered(self, shown: Values, lengths: NDArray[np.intp]) -> Values:  # noqa: ARG002
        return np.sort(shown, axis=1)  # blanks are larger than all symbols


@functools.lru_cache(64)
def _constants(least: int, length: int, values: int) -> NDArray[np.float64]:
    """Accuracy of the best constant of each step, over the strings of all lengths."""
    shares = np.zeros((2 * length, values))
    for each in range(least, length + 1):
        shares[each : 2 * each] += order_shares(values, each)
    total = shares.sum(axis=1)
    return np.where(total > 0, shares.max(axis=1) / np.maximum(total, 1), 1 / values)


@functools.lru_cache(64)
def _likeliest(length: int, values: int) -> NDArray[np.int32]:
    """The likeliest symbol at each place of a sorted string, `(string length, place)`."""
    best = np.zeros((length + 1, length), np.int32)
    for each in range(1, length + 1):
        best[each, :each] = order_shares(values, each).argmax(axis=1)
    return best
