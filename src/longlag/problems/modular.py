"""Modular arithmetic: the value of an expression, once it has ended."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from longlag.knobs import knob
from longlag.problems import nested
from longlag.problems._base import Episodes, Ladder, Problem, Steps, Values
from longlag.problems.specs import Integers

_MOST = 64  # digits: what chance costs grows with their cube

_PLUS, _MINUS, _TIMES = range(3)  # the operators, from `modulus` on

Order = Literal["precedence", "left"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModularArithmetic(Problem):
    """What is the value of an expression, modulo `modulus`?

    Without brackets it is digits with +, − and * between them, all uniform: `3 + 4 * 2`. With
    brackets it is nested, each operation in brackets of its own, with + and −: `((1 - 3) + (-2))`;
    its parts are split at a uniform place. After the input the answer is asked for, once.

    Args:
        length: Symbols of an expression, at least 1; odd without brackets.
        modulus: Number of digits, at least 2; values are taken modulo it.
        brackets: Whether expressions are nested.
        order: Without brackets: `precedence`, where * binds more than + and −, or `left`, where
            operators are applied as they come.

    Shapes: inputs `(count, length + 1)` int32: digits in [0, modulus), then the symbols + − *, or
        + − ( ), then the blank of the last step; targets `(count, length + 1)` int32 in
        [0, modulus); scored `(count, length + 1)` bool, true at the last step.

    Scores: accuracy of the value. Chance is that of the likeliest value, which is 0 where * may
        multiply by it: exact by the distribution of partial values; 1/modulus with brackets.
        Ceiling 1.

    Ladder: length 3, 5, 7, 9, 19, 39.

    Raises:
        TypeError: A knob is unknown or of another type.
        ValueError: A knob is outside its range; the length is even, without brackets; an order is
            given with brackets.

    Source: Delétang et al. (2023), "Modular Arithmetic (Simple)" and "Modular Arithmetic", both
        modulo 5, lengths 1 to 40 in training.

    >>> import numpy as np
    >>> problem = ModularArithmetic(length=7)
    >>> inputs, targets, _ = problem.draw(np.random.default_rng(3), 1)
    >>> " ".join(problem.inputs.format(symbol) for symbol in inputs[0]), targets[0, -1].item()
    ('0 + 4 - 0 - 2 _', 2)
    """

    source: ClassVar[str] = "Delétang et al. (2023), Neural Networks and the Chomsky Hierarchy"
    group: ClassVar[str] = "arithmetic"
    separates: ClassVar[str] = "states that add and multiply modulo a number; with brackets, stacks"
    ladder: ClassVar[Ladder] = Ladder("length", (3, 5, 7, 9, 19, 39))

    length: int = knob(7, "Steps per sequence.", at_least=1)
    modulus: int = knob(5, "Digits, and what values are taken modulo.", at_least=2, at_most=_MOST)
    brackets: bool = knob(False, "Nested expressions, in brackets.")
    order: Order = knob("precedence", "Multiply before adding, or operate from left to right.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.brackets and self.order == "left":
            raise ValueError(
                "ModularArithmetic: `order` must be precedence with brackets, which say what comes "
                "first, got left. Use brackets=False."
            )
        if not self.brackets and self.length % 2 == 0:
            raise ValueError(
                "ModularArithmetic: `length` must be odd, for digits with operators between them, "
                f"got {self.length}. Use length={self.length + 1}, or brackets=True."
            )

    @property
    def inputs(self) -> Integers:
        names = [*map(str, range(self.modulus)), *(nested.SYMBOLS if self.brackets else "+-*")]
        return Integers(len(names), blank=True, names=tuple(names))

    @property
    def targets(self) -> Integers:
        return Integers(self.modulus)

    @property
    def steps(self) -> int:
        return self.length + 1

    @property
    def answers(self) -> int:
        return 1

    def scored(self) -> Steps:
        return np.arange(self.steps) == self.length

    def chance_by_step(self) -> NDArray[np.float64]:
        return np.full(self.steps, self._best(self.length))

    def ceiling_by_step(self, sees: NDArray[np.bool_]) -> NDArray[np.float64]:
        if self.brackets:  # a digit that is not seen makes the value uniform
            return super().ceiling_by_step(sees)
        hidden = np.flatnonzero(~sees[self.length, : self.length])
        return np.full(self.steps, self._best(int(hidden[-1]) + 1 if len(hidden) else 0))

    def _best(self, hidden: int) -> float:
        """Accuracy of the best guess where the first symbols are hidden and all others seen."""
        if not hidden:
            return 1.0
        if self.brackets:
            return 1 / self.modulus
        return _best(self.length, self.modulus, self.order, hidden)

    def draw(self, rng: np.random.Generator, count: int) -> Episodes:
        drawn = rng.random((count, self.length))
        if self.brackets:
            symbols = nested.expressions(drawn, self.modulus)
        else:
            symbols = (drawn * self.modulus).astype(np.int32)
            symbols[:, 1::2] = self.modulus + (drawn[:, 1::2] * 3).astype(np.int32)
        inputs = self.with_blank_answer(symbols)
        scored = np.broadcast_to(self.scored(), inputs.shape)
        return Episodes(inputs, self.oracle(inputs), scored)

    def needs(self) -> NDArray[np.bool_]:
        moving = np.arange(self.steps) < self.length
        if self.brackets:
            digits, signs = nested.places(self.length)
            moving = np.zeros(self.steps, dtype=bool)
            # Modulo 2 plus and minus are the same.
            moving[list(digits | signs if self.modulus > 2 else digits)] = True
        return np.outer(self.scored(), moving)

    def needs_of(self, inputs: Values) -> NDArray[np.bool_]:
        """The digits and operators that move the value: no factor of a zero, say.

        A value is linear in each of its digits: if another digit moves it, the next one does.
        """
        kinds, digits = 2 if self.brackets else 3, inputs < self.modulus
        turned = inputs - self.modulus
        signs = (turned >= 0) & (turned < kinds)
        others = [np.where(digits, (inputs + 1) % self.modulus, inputs)]
        others += [
            np.where(signs, self.modulus + (turned + each) % kinds, inputs)
            for each in range(1, kinds)
        ]
        at = np.arange(self.length)
        moving = np.zeros(self.steps, dtype=bool)
        before = self.oracle(inputs[None])[0, -1]
        for other in others:
            changed = np.tile(inputs, (self.length, 1))
            changed[at, at] = other[at]
            moved = self.oracle(changed)[:, -1] != before
            moving[: self.length] |= moved & self.possible(changed)
        return np.outer(self.scored(), moving)

    def possible(self, inputs: Values) -> NDArray[np.bool_]:
        shown = inputs[:, : self.length]
        if self.brackets:
            return nested.valid(shown, self.modulus)
        places = np.arange(self.length) % 2
        return ((shown >= self.modulus) == places).all(axis=1)

    def oracle(self, inputs: Values) -> Values:
        shown = inputs[:, : self.length]
        targets = np.zeros(inputs.shape, np.int32)
        targets[:, -1] = (
            nested.values(shown, self.modulus)
            if self.brackets
            else _values(shown, self.modulus, self.order)
        )
        return targets

    def guesses(self, inputs: Values) -> dict[str, Values]:
        shown = inputs[:, : self.length]
        sums, found = np.where(shown < self.modulus, shown, 0).sum(axis=1), {}
        rules = {"the sum of all digits": sums % self.modulus}
        if not self.brackets and self.length > 3:
            rules["the last 3 symbols alone"] = _values(shown[:, -3:], self.modulus, self.order)
        for name, rule in rules.items():
            found[name] = np.zeros(inputs.shape, np.int32)
            found[name][:, -1] = rule
        return found

    def showing(self, length: int) -> Problem:
        return dataclasses.replace(self, length=length)


def _values(symbols: Values, modulus: int, order: Order) -> NDArray[np.int64]:
    """The values of expressions without brackets, `(count,)`.

    An automaton keeps a sum s and a last term p, where the value is s + p. An operator and its
    digit act on both: s + a p + b, and c p + d. Such actions are composed in pairs, so that the
    steps are as many as the logarithm of the length.
    """
    digits, operators = symbols[:, 2::2].astype(np.int64), symbols[:, 1::2] - modulus
    times = operators == _TIMES
    added = np.where(times, 0, np.where(operators == _MINUS, -digits, digits))
    adds = ~times & (order == "precedence")  # then the last term joins the sum
    keeps = np.where(times, digits, np.where(adds, 0, 1))
    a, b, c, d = adds.astype(np.int64), np.zeros_like(digits), keeps, added
    first = symbols[:, 0].astype(np.int64)
    if not digits.shape[1]:
        return first
    while a.shape[1] > 1:
        if a.shape[1] % 2:  # what changes nothing
            a, b, d = (np.pad(each, ((0, 0), (0, 1))) for each in (a, b, d))
            c = np.pad(c, ((0, 0), (0, 1)), constant_values=1)
        one, two = ([each[:, at::2] for each in (a, b, c, d)] for at in (0, 1))
        a = (one[0] + two[0] * one[2]) % modulus
        b = (one[1] + two[1] + two[0] * one[3]) % modulus
        c = two[2] * one[2] % modulus
        d = (two[2] * one[3] + two[3]) % modulus
    return ((a + c)[:, 0] * first + b[:, 0] + d[:, 0]) % modulus


# The distribution of a sum and a last term, `(sum, term)`, and of what may follow.


def _following(states: NDArray[np.float64], digit: int, order: Order) -> NDArray[np.float64]:
    """The distribution after one of the three operators and this digit."""
    modulus = len(states)
    each = np.arange(modulus)
    result = states @ np.eye(modulus)[each * digit % modulus] / 3
    for added in (digit, -digit):
        if order == "left":
            result += np.roll(states, added, axis=1) / 3
        else:
            result[:, added % modulus] += _weighted(states, 1) / 3
    return result


def _weighted(states: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """The distribution of the sum plus a multiple of the last term."""
    modulus = len(states)
    each = np.arange(modulus)
    value = np.add.outer(each, factor * each) % modulus
    return np.bincount(value.ravel(), states.ravel(), modulus).astype(np.float64)


@functools.lru_cache(256)
def _states(modulus: int, order: Order, operators: int) -> NDArray[np.float64]:
    """The distribution after a digit and some operators with their digits."""
    states = np.zeros((modulus, modulus))
    states[0] = 1 / modulus
    for _ in range(operators):
        each = [_following(states, digit, order) for digit in range(modulus)]
        states = np.mean(each, axis=0)
    return states


def _factors(modulus: int, order: Order, operators: int) -> NDArray[np.float64]:
    """The distribution of the factor that the seen operators give to the last hidden term."""
    each = np.arange(modulus)
    products = np.multiply.outer(each, each) % modulus
    once = np.arange(modulus) == 1 % modulus
    factors = once.astype(np.float64)
    for _ in range(operators):
        share = np.repeat(factors / (3 * modulus), modulus)
        # From left to right every product counts; else the first sum ends the term.
        kept = 2 / 3 * (factors if order == "left" else once)
        factors = kept + np.bincount(products.ravel(), share, modulus)
    return factors


@functools.lru_cache(1024)
def _best(length: int, modulus: int, order: Order, hidden: int) -> float:
    """Accuracy of the best guess of a value where the first symbols are hidden.

    What is seen adds a known number, and multiplies the last hidden term by a known factor. Where
    an operator is hidden and its digit is not, the latter is known as well.
    """
    operators, digit_seen = divmod(hidden - 1, 2)
    states = _states(modulus, order, operators)
    factors = _factors(modulus, order, (length - hidden) // 2)
    cases = [states]
    if digit_seen:
        cases = [_following(states, digit, order) for digit in range(modulus)]
    best = [[_weighted(case, factor).max() for factor in range(modulus)] for case in cases]
    return float(np.mean(np.array(best) @ factors))
