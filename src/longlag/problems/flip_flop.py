"""The flip-flop language: write a bit, read it back, and ignore whatever stands between."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.monoids import reset
from longlag.problems.specs import Integers

_WRITE, _READ, _IGNORE = 2, 3, 4  # the tokens; 0 and 1 are bits

_WINDOWS = 1, 10  # pairs that a simple rule looks back

_DIGITS = 9  # of a probability: beliefs that agree in them are one


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlipFlop(Problem):
    """Which bit was written last?

    A sequence is pairs of an instruction and a bit: w writes its bit, the bit after r repeats the
    bit written last, the bit after i is random and to be ignored. The first instruction is w, the
    last is r; every other one is i with probability `ignore`, else w or r, each as likely. Bits
    after w and i are uniform. At each r the target is the bit that comes next.

    Args:
        length: Tokens in an episode, even, at least 4.
        ignore: Probability of i. With 1 one bit is written, and read at the end.

    Shapes: inputs `(count, length)` int32, 0 and 1 the bits, 2 w, 3 r, 4 i; targets
        `(count, length)` int32, 0 or 1; scored `(count, length)` bool, true at each r.

    Scores: accuracy over all r. Chance 1/2; ceiling 1.

    Ladder: length 10, 20, 50, 100, 200, 500.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range, or the length is odd.

    Source: Liu et al. (2023), Exposing Attention Glitches with Flip-Flop Language Modeling: 512
        tokens, `ignore` 0.8 in training, 0.98 and 0.1 in tests.

    >>> import numpy as np
    >>> problem = FlipFlop(length=12)
    >>> inputs, targets, scored = problem.draw(np.random.default_rng(5), 1)
    >>> " ".join(problem.inputs.format(token) for token in inputs[0])
    'w 0 i 1 w 1 i 1 w 0 r 0'
    >>> targets[0][scored[0]].tolist()
    [0]
    """

    source: ClassVar[str] = "Liu et al. (2023), Exposing Attention Glitches with Flip-Flop LM"
    group: ClassVar[str] = "automaton"
    separates: ClassVar[str] = "models that hold a bit exactly from those in which it fades"
    ladder: ClassVar[Ladder] = Ladder("length", (10, 20, 50, 100, 200, 500))
    accumulates: ClassVar[bool] = True

    length: int = knob(20, "Steps per sequence.", at_least=4)
    ignore: float = knob(
        0.8, "Probability that an instruction is to be ignored.", at_least=0, at_most=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length % 2:
            raise ValueError(
                f"FlipFlop: `length` must be even, for pairs of an instruction and a bit, got "
                f"{self.length}. Use length={self.length + 1}."
            )

    @property
    def inputs(self) -> Integers:
        return Integers(5, names=("0", "1", "w", "r", "i"))

    @property
    def targets(self) -> Integers:
        return Integers(2)

    @property
    def varies(self) -> bool:
        """True: what differs is not the length, but where a bit is asked for."""
        return True

    @property
    def _write(self) -> float:
        """Probability of w, and that of r, after the first instruction and before the last."""
        return (1 - self.ignore) / 2

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.length, 0.5)

    def average(self, by_step: NDArray[np.float64], steps: Steps) -> float:
        times = np.where(np.arange(self.length) == self.length - 2, 1.0, self._write)
        return float(np.average(by_step[steps], weights=(times * self.scored())[steps]))

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        best = np.full(self.length, 0.5)
        for step in np.flatnonzero(self.scored()):
            # The answer itself is the next input.
            best[step] = 1.0 if sees[step, step + 1] else self._best(sees[step, :step])
        return best

    def ceiling_without_clock(
        self,
        sees: NDArray[np.bool_],
        groups: NDArray[np.intp],  # noqa: ARG002
    ) -> NDArray[np.float64]:
        # The likelier bit is that of the last pair which tells, at whatever step that is.
        return self.ceiling_by_step(sees)

    def _best(self, sees: NDArray[np.bool_]) -> float:
        """Accuracy of the best guess of the state after some pairs of which these tokens are seen.

        By the distribution of a belief: how likely the likelier state is, given what was seen.
        """
        pairs = sees.reshape(-1, 2).tolist()
        beliefs = {1.0 if pairs[0][1] else 0.5: 1.0}  # the first instruction is w
        for instruction, bit in pairs[1:]:
            following: dict[float, float] = {}
            for belief, share in beliefs.items():
                for other, likely in self._after(belief, instruction, bit):
                    key = round(max(other, 1 - other), _DIGITS)
                    following[key] = following.get(key, 0.0) + share * likely
            beliefs = following
        return sum(belief * share for belief, share in beliefs.items())

    def _after(self, belief: float, instruction: bool, bit: bool) -> list[tuple[float, float]]:
        """The beliefs after a pair of which this is seen, and how likely each is."""
        change, ignore = self._write, self.ignore
        if instruction:  # w, r or i
            told = 1.0 if bit else 0.5, 1.0 if bit else belief, belief
            return [*zip(told, (change, change, ignore), strict=True)]
        if not bit:
            return [(belief * (1 - change) + change / 2, 1.0)]
        found = []
        for likely in (belief, 1 - belief):  # the bit is that of the likelier state, or the other
            agrees = change / 2 + likely * (change + ignore / 2)
            total = agrees + (1 - likely) * ignore / 2
            found += [(agrees / total, total)] if total else []
        return found

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, self.length))
        tokens = np.select([drawn < self._write, drawn < 2 * self._write], [_WRITE, _READ], _IGNORE)
        tokens[:, 0], tokens[:, -2] = _WRITE, _READ
        tokens[:, 1::2] = drawn[:, 1::2] < 0.5
        reads = tokens[:, ::2] == _READ
        tokens[:, 1::2] = np.where(reads, _written(tokens), tokens[:, 1::2])
        inputs = tokens.astype(np.int32)
        return Episodes(inputs, self.oracle(inputs), _asked(inputs))

    def scored(self) -> Steps:
        steps = np.arange(self.length)
        middle = (steps % 2 == 0) & (steps > 0) & (self.ignore < 1)
        return middle | (steps == self.length - 2)

    def needs(self) -> NDArray[np.bool_]:
        steps = np.arange(self.length)
        changes = (steps > 0) & (self.ignore < 1)  # may a pair be a write, or another one?
        written = (steps == 1) | changes
        before = steps < (steps - steps % 2)[:, None]
        return self.scored()[:, None] & before & np.where(steps % 2, written, changes & (steps > 1))

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        """The bit written last, its w where another w would give another bit, and all that could
        be a w with another bit since."""
        written, pairs = _written(inputs[None])[0], np.arange(self.length // 2)
        bits, writes = inputs[1::2], inputs[::2] == _WRITE
        last = np.maximum.accumulate(np.where(writes, pairs, 0))
        last = np.concatenate([[0], last[:-1]])[:, None]  # before each pair
        state, free = written[:, None], (pairs > 0) & (self.ignore < 1)
        at, since = pairs == last, (pairs > last) & (pairs < pairs[:, None])
        needs = np.zeros((self.length, self.length), dtype=bool)
        needs[::2, 1::2] = at
        needs[::2, ::2] = free & ((at & (written != state)) | (since & (bits != state)))
        return needs & _asked(inputs[None])[0][:, None]

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        """Those of instructions that are drawn, and of bits.

        A bit after r need not repeat the one written last: what is asked for is the latter. So the
        inputs that matter are found one by one, which never leads from one sequence of the
        language to another where a bit has been read already.
        """
        instructions = inputs[:, ::2]
        middle = instructions[:, 1:-1]
        drawn = (middle == _IGNORE) & (self.ignore > 0)
        drawn |= ((middle == _WRITE) | (middle == _READ)) & (self.ignore < 1)
        ends = (instructions[:, 0] == _WRITE) & (instructions[:, -1] == _READ)
        return drawn.all(axis=1) & ends & (inputs[:, 1::2] < 2).all(axis=1)

    def oracle(self, inputs: Values) -> Values:
        targets = np.zeros(inputs.shape, np.int32)
        targets[:, ::2] = _written(inputs)
        return targets

    def guesses(self, inputs: Values) -> dict[str, Values]:
        tells = (inputs[:, ::2] == _WRITE) | (inputs[:, ::2] == _READ)
        pairs = np.arange(self.length // 2)
        last = np.maximum.accumulate(np.where(tells, pairs, -1), axis=1)
        last = np.pad(last, ((0, 0), (1, 0)), constant_values=-1)[:, :-1]
        bits = np.take_along_axis(inputs[:, 1::2], np.maximum(last, 0), axis=1)
        found = {}
        for window in _WINDOWS:
            guess = np.zeros(inputs.shape, np.int32)
            guess[:, ::2] = np.where(last >= np.maximum(pairs - window, 0), bits, 0)
            found[f"the last w or r within {window} pair{'s' * (window > 1)}"] = guess
        return found

    def showing(self, length: int) -> Problem:
        return dataclasses.replace(self, length=length)

    def episode(self, inputs: Values) -> tuple[Problem, Episodes]:
        values = self.inputs.validate(inputs, "predict: `sequence`")
        problem = self.showing(len(values))
        targets = np.zeros((1, problem.steps), np.int32)
        return problem, Episodes(values[None], targets, _asked(values[None]))


def _written(tokens: NDArray[np.int_] | Values) -> NDArray[np.intp]:
    """The bit written last before each pair, `(count, pair)`; 0 before the first."""
    writes = tokens[:, ::2] == _WRITE
    states = reset().running(np.where(writes, 1 + tokens[:, 1::2], 0))
    return np.pad(np.maximum(states - 1, 0), ((0, 0), (1, 0)))[:, :-1]


def _asked(inputs: Values) -> NDArray[np.bool_]:
    """The steps of r, `(count, step)`."""
    asked = inputs == _READ
    asked[:, 1::2] = False
    return asked
