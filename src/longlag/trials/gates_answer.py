"""The gates and states of a trained model over one sequence, as an answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, number_cell, table, text
from longlag.trials.checkpoint import Trained
from longlag.trials.sensitivity import gates_episode


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Gates(Answer):
    """The gates and states of a recurrent layer at each step of a sequence.

    Attributes:
        trained: The model.
        sequence: The inputs; None for the first fresh sequence of its seed.
        unit: The unit to print; None for the mean over all.
        arrays: Each gate and state by its name, `(time, hidden)`.
        shown: What each step shows, in words.
    """

    trained: Trained
    sequence: Sequence[float] | None
    unit: int | None
    arrays: Mapping[str, Float[np.ndarray, "time hidden"]]
    shown: tuple[str, ...]

    figures: ClassVar = ("gates",)

    @classmethod
    def of(
        cls, trained: Trained, sequence: Sequence[float] | None = None, unit: int | None = None
    ) -> Gates:
        """Read the gates of a model.

        Raises:
            ValueError: It has no gates, no such unit, or the sequence is not one of its problem.
        """
        arrays = trained.gates(sequence)
        units = next(iter(arrays.values())).shape[1]
        if unit is not None and not 0 <= unit < units:
            raise ValueError(f"`unit` must be from 0 to {units - 1}, got {unit}. Use unit=0.")
        episodes = gates_episode(trained.setting, trained.seed, sequence)
        present = episodes.present
        there = np.ones(len(episodes.inputs[0]), bool) if present is None else present[0]
        shown = (
            trained.setting.problem.inputs.format(value) if here else "·"
            for value, here in zip(episodes.inputs[0], there, strict=True)
        )
        return cls(trained=trained, sequence=sequence, unit=unit, arrays=arrays, shown=tuple(shown))

    @property
    def caption(self) -> str:
        what = "mean over units" if self.unit is None else f"unit {self.unit}"
        setting = self.trained.setting
        return f"Gates and states of {setting.model.words} on {setting.problem.words}, {what}."

    def blocks(self) -> Iterator[Block]:
        yield text(self.caption, kind="strong")
        columns = (
            array.mean(axis=1) if self.unit is None else array[:, self.unit]
            for array in self.arrays.values()
        )
        rows = (
            (number_cell(str(step)), number_cell(shown), *(number_cell(f"{v:.2f}") for v in values))
            for step, (shown, *values) in enumerate(zip(self.shown, *columns, strict=True))
        )
        yield table("", ("step", "shows", *(_HEADS.get(each, each) for each in self.arrays)), rows)
        yield text("Gates: 0 is shut, 1 is open. Candidate, cell and hidden are states, signed.")

    def document(self) -> dict[str, Any]:
        return {
            "problem": self.trained.setting.problem.words,
            "model": self.trained.setting.model.words,
            "seed": self.trained.seed,
            "shown": self.shown,
            "gates": {name: array.tolist() for name, array in self.arrays.items()},
        }

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:  # noqa: ARG002
        name, units = self.trained.setting.model.words, next(iter(self.arrays.values())).shape[1]
        return [
            {"model": name, "step": step, "shows": shown, "unit": unit}
            | {gate: float(array[step, unit]) for gate, array in self.arrays.items()}
            for step, shown in enumerate(self.shown)
            for unit in range(units)
        ]


_HEADS = {"input": "input gate", "forget": "forget gate", "output": "output gate"}
