"""Groups of outcomes: which level of which problem did the seeds of each model solve?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from longlag.answers.blocks import Cell, Table, number_cell, table
from longlag.answers.estimate import caveats
from longlag.answers.format import causes, listed
from longlag.problems import Problem
from longlag.studies.ladder import verdict
from longlag.studies.study import words
from longlag.trials.diagnosis import Diagnosis, diagnose
from longlag.trials.outcome import Outcome, skill

VERDICTS = {
    "solved": "good",
    "solved by some": "part",
    "above chance": "open",
    "at chance": "bad",
    "below chance": "bad",
    "missing": "open",
}
"""The verdicts of a level, best first, with the kind of their cell."""


class Group(NamedTuple):
    """One setting with the outcomes of its seeds; problem and model as text."""

    problem: str  # without its level
    model: str
    outcomes: tuple[Outcome, ...]
    reasons: tuple[tuple[Diagnosis, ...], ...]  # empty where a seed solved its problem
    knob: str = ""  # of the difficulty, if the study varies it
    value: float = 0
    detail: str = ""  # other differences from other settings
    missing: int = 0  # seeds without an outcome, not run or failed
    failures: Mapping[str, int] = MappingProxyType({})  # why seeds failed, by reason
    test: str | None = None  # the test of its examples; the main one by default

    @classmethod
    def of(
        cls, problem: Problem, model: str, outcomes: Sequence[Outcome], solve_at: float, **rest: Any
    ) -> Group:
        """The group of some outcomes, which are solved from a skill of `solve_at` on."""
        reasons = tuple(diagnose(each, solve_at) for each in outcomes)
        return cls(words(problem), model, tuple(outcomes), reasons, **rest)

    @property
    def level(self) -> str:
        """Knob and value."""
        return f"{self.knob} {self.value:g}"

    @property
    def where(self) -> str:
        """Level and detail, unique for its problem and model."""
        return ", ".join(filter(None, [self.level if self.knob else "", self.detail]))

    @property
    def solved(self) -> str:
        """Number of solved seeds, of all seeds: `3/5`."""
        missing = f", {self.missing} missing" if self.missing else ""
        return f"{sum(not each for each in self.reasons)}/{len(self.outcomes)}{missing}"

    @property
    def verdict(self) -> Cell:
        """The verdict over all seeds with an outcome."""
        text = "missing"
        if self.outcomes:
            text = verdict(self.outcomes, sum(not each for each in self.reasons))
        return Cell(text, kind=VERDICTS[text])


def levels(
    groups: Sequence[Group], caption: str, more: Mapping[str, Iterable[object]] | None = None
) -> Table:
    """A row for each level of each problem and model, with more columns by name."""
    rows = (
        (
            Cell(group.problem, group.model),
            group.where,
            group.verdict,
            number_cell(group.solved),
            skill(group.outcomes) if group.outcomes else "",
            causes(
                [
                    *(reasons[0].reason for reasons in group.reasons if reasons),
                    *Counter(group.failures).elements(),
                ]
            ),
        )
        for group in groups
    )
    more = more or {}
    head = ("problem", "level", "verdict", "solved", "skill", "reasons", *more)
    columns = zip(*more.values(), strict=True) if more else ((),) * len(groups)
    both = zip(rows, columns, strict=True)
    return table(caption, head, ((*row, *rest) for row, rest in both), fold=True)


def doubt(groups: Iterable[Group]) -> str:
    """The caveats of the skills of levels; empty where none has one that is printed."""
    skills = (skill(group.outcomes) for group in groups if group.outcomes)
    return caveats(each for each in skills if not each.left_out)


def overview(groups: Sequence[Group]) -> Table:
    """A row for each problem and model: its levels by verdict."""
    rows = defaultdict[tuple[str, str], dict[str, list[str]]](lambda: defaultdict(list))
    for group in groups:
        text = group.verdict.text
        plain = text in ("solved", "at chance", "below chance") and not group.missing
        level = group.level if plain else f"{group.level} ({group.solved})"
        rows[group.problem, group.model][text].append(level)
    head = [verdict for verdict in VERDICTS if any(verdict in each for each in rows.values())]
    cells = (
        (*pair, *(Cell(", ".join(row[v]), kind=VERDICTS[v]) if v in row else "" for v in head))
        for pair, row in rows.items()
    )
    caption = (
        "Levels by verdict. In brackets: seeds that solved it, of those that ran. At chance: "
        "not above it, all seeds together."
    )
    return table(caption, ("problem", "model", *head), cells)


def few_sequences(problems: Iterable[Problem]) -> list[str]:
    """A warning where a problem has so few sequences that new ones are not new."""
    few = [f"{words(each)} ({each.sequences})" for each in problems if each.sequences is not None]
    rule = "Skill is measured on new random sequences. Exception, with so few different sequences"
    return [f"{rule} that skill there is memory: {listed(few)}."] if few else []
