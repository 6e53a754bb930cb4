"""Where a model stands on a problem of the suite: what a cell of the matrix is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from longlag.answers.blocks import Cell
from longlag.studies.suite_rows import TIMES

LENGTHS = (1, *TIMES)
"""The lengths of the tests, as multiples of that of training."""

_GENERALISES = 4  # times the training length, from which a cell of the matrix is good


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a model stands on a problem, over its finished seeds.

    Attributes:
        problem: The name of the problem.
        model: The label of the model.
        skills: The skill of each seed at each of `LENGTHS`.
        solve_at: Skill from which a seed counts as having learned a length.
        side: Whether the score at the training length is `above`, `at` or `below` chance.
        excluded: Whether theory says that it cannot solve every length.
        capacity: The hardest rung that half of the seeds learn, and whether a harder one was tried
            and not learned; None where that does not apply.
        knob: The knob of the rungs.

    >>> skills = {1: (1.0, 1.0), 2: (1.0, 0.9), 4: (0.7, 0.6), 16: (0.1, 0.1)}
    >>> found = Standing(problem="parity", model="lstm", skills=skills, solve_at=0.99, side="above")
    >>> found.per_seed, found.verdict, found.in_matrix().text
    ((2, 1), 'learned to 2 times', '2 ×')
    """

    problem: str
    model: str
    skills: Mapping[int, tuple[float, ...]]
    solve_at: float
    side: str
    excluded: bool = False
    capacity: tuple[int, bool] | None = None
    knob: str = ""

    @property
    def per_seed(self) -> tuple[int, ...]:
        """For each seed the longest length that it solves with all shorter ones, as a multiple.

        0 if it does not solve the training length.
        """
        seeds = zip(*(self.skills[times] for times in LENGTHS), strict=True)
        return tuple(map(self._longest, seeds))

    def _longest(self, skills: tuple[float, ...]) -> int:
        longest = 0
        for times, skill in zip(LENGTHS, skills, strict=True):
            if skill < self.solve_at:
                break
            longest = times
        return longest

    @property
    def longest(self) -> int:
        """The longest length that half of the seeds or more solve, as a multiple."""
        return sorted(self.per_seed)[len(self.per_seed) // 2]

    @property
    def skill(self) -> float:
        """The mean skill at the training length."""
        return sum(self.skills[1]) / len(self.skills[1])

    @property
    def verdict(self) -> str:
        """In words: `generalises`, `learned to 2 times`, `learned`, `above chance`, `at chance`."""
        if self.longest == max(LENGTHS):
            return "generalises"
        if self.longest:
            return "learned" if self.longest == 1 else f"learned to {self.longest} times"
        return f"{self.side} chance"

    @property
    def goes_on(self) -> bool:
        """Whether it solves lengths far beyond that of training."""
        return self.longest >= _GENERALISES

    @property
    def against_theory(self) -> bool:
        """Whether it solves every length of a problem that theory says it cannot."""
        return self.excluded and self.verdict == "generalises"

    @property
    def shade(self) -> float:
        """From 0, no skill, to the number of lengths, if it solves all."""
        if self.longest:
            return 1.0 + LENGTHS.index(self.longest)
        return round(0.5 * min(max(self.skill, 0.0), 1.0), 2)  # fainter than any that is solved

    def in_matrix(self) -> Cell:
        """As a cell of the matrix."""
        if self.longest:
            kind = "good" if self.goes_on else "part"
            note = "" if self.skill >= self.solve_at else f" ({self.skill:.2f})"
            figure = f"{self.longest} ×{note}"
        else:
            # Rounded to two digits, one just below the bar would look solved.
            digits = 3 if round(self.skill, 2) >= self.solve_at else 2
            kind, figure = "bad", f"{max(self.skill, 0):.{digits}f}"
            if learned := sum(longest > 0 for longest in self.per_seed):
                figure += f" ({learned} of {len(self.per_seed)})"
        if self.capacity is not None:
            figure += f", {self.stored}"
        return Cell(f"{figure}{self.mark}", kind=kind)

    @property
    def stored(self) -> str:
        """The capacity in words, with a plus where nothing harder was tried; else empty."""
        if self.capacity is None:
            return ""
        rung, ended = self.capacity
        return f"{self.knob} {rung}{'' if ended else '+'}"

    @property
    def mark(self) -> str:
        """A sign where theory says that it cannot, another one where it does; else empty."""
        if not self.excluded:
            return ""
        return " !" if self.against_theory else " *"
