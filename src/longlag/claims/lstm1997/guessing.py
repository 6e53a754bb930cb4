"""Random weight guessing: networks with random weights, until one of them meets a criterion.

The null hypothesis of experiments 3a and 3b, of which the source says that guessing solves them
faster than any training, without figures and without its network. Here that is one recurrent unit.
Each network is shown the test set, sequence after sequence, until it has too many wrong. What
counts is the number of all sequences shown, so that it compares with those of training.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from longlag.problems import Episodes, NoiseAndSignal
from longlag.trials.criterion import OnTest

Reals = NDArray[np.float32]

_AT_ONCE = 500
"""Networks that are tried together."""

_FIRST = 8
"""Sequences, times one more than may be wrong, that all of them are shown; few go on."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Guessing:
    """Guess networks of tanh units, each of which reads the input and all units of the step before.

    Args:
        problem: The problem.
        criterion: What a network must meet.
        units: Recurrent units; one more, which is logistic, reads them: the output.
        weights: All weights and biases are uniform in ± this.
        most: Sequences shown, after which it is given up.
    """

    problem: NoiseAndSignal
    criterion: OnTest
    units: int = 1
    weights: float = 100.0
    most: int = 1_000_000

    @property
    def words(self) -> str:
        """Which networks these are, for a note."""
        units, own = self.units, self.units * (self.units + 3) + 1
        recurrent = "1 recurrent unit" if units == 1 else f"{units} recurrent units"
        return f"networks of {recurrent}, {own} weights in ±{self.weights:g}; all sequences shown"

    def sequences(self, test_set: Episodes, rng: np.random.Generator) -> int | None:
        """How many sequences are shown until a network has met the criterion; None if too many.

        Args:
            test_set: The sequences, in the order in which they are shown.
            rng: Draws the weights.
        """
        total, first = 0, test_set.rows(np.arange(_FIRST * (1 + self.criterion.wrong)))
        while total < self.most:
            networks = self._draw(rng)
            shown, _, _ = self._judge(networks, first)
            for each in range(_AT_ONCE):
                met = False
                if shown[each] == len(first.inputs):  # not out before
                    one = tuple(part[each : each + 1] for part in networks)
                    (shown[each],), (right,), (error,) = self._judge(one, test_set)
                    met = right and (self.criterion.error is None or error < self.criterion.error)
                total += int(shown[each])
                if met or total >= self.most:
                    return total if met and total <= self.most else None
        return None

    def _draw(self, rng: np.random.Generator) -> tuple[Reals, ...]:
        """Weights of networks: of the input, recurrent, biases, of the output and its bias."""
        units = self.units
        shapes = (units, 1), (units, units), (units,), (units,), ()
        return tuple(
            rng.uniform(-self.weights, self.weights, (_AT_ONCE, *shape)).astype(np.float32)
            for shape in shapes
        )

    def _judge(
        self, networks: tuple[Reals, ...], episodes: Episodes
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.float64]]:
        """Of each network: sequences until too many are wrong, if all are right, the mean error."""
        errors = np.abs(outputs(networks, episodes) - episodes.targets[episodes.scored])
        wrong = errors > self.problem.targets.within
        out = wrong.cumsum(axis=1) > self.criterion.wrong
        shown = np.where(out.any(axis=1), out.argmax(axis=1) + 1, out.shape[1])
        return shown, ~out[:, -1], errors.mean(axis=1, dtype=np.float64)


def outputs(networks: tuple[Reals, ...], episodes: Episodes) -> Reals:
    """The output of each network at the end of each sequence, `(network, sequence)`."""
    of_input, recurrent, bias, of_units, output_bias = networks
    count, steps = episodes.inputs.shape
    state = np.zeros((len(bias), count, bias.shape[1]), np.float32)
    last = np.zeros_like(state)
    for step in range(steps):
        drive = episodes.inputs[None, :, step, None] * of_input.swapaxes(1, 2)
        state = np.tanh(drive + state @ recurrent.swapaxes(1, 2) + bias[:, None])
        ends = episodes.scored[:, step]
        last[:, ends] = state[:, ends]
        if step + 1 < steps and not episodes.scored[:, step + 1 :].any():
            break
    return _logistic((last @ of_units[..., None])[..., 0] + output_bias[:, None])


def _logistic(values: Reals) -> Reals:
    return np.float32(0.5) + np.float32(0.5) * np.tanh(values * np.float32(0.5))
