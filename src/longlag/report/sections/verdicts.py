"""Verdicts: which level of which problem did each model solve?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from longlag.report.blocks import Cell, Table, number_cell, table
from longlag.report.format import causes
from longlag.report.sections.common import Group
from longlag.trials.outcome import skill

VERDICTS = {
    "solved": "good",
    "solved by some": "part",
    "above chance": "open",
    "at chance": "bad",
    "below chance": "bad",
}
"""The verdict of one level, from the best on, and its kind as a cell."""


def levels(groups: Iterable[Group], caption: str) -> Table:
    """A row for each level of each problem and model."""
    rows = (
        (
            Cell(group.problem, group.model),
            group.where,
            Cell(group.verdict, kind=VERDICTS[group.verdict]),
            number_cell(_share(group)),
            skill(group.outcomes),
            causes(reasons[0].reason for reasons in group.reasons if reasons),
        )
        for group in groups
    )
    head = ("problem", "level", "verdict", "solved", "skill", "reasons")
    return table(caption, head, rows, fold=True)


def overview(groups: Sequence[Group]) -> Table:
    """A row for each problem and model: its levels by verdict."""
    rows = defaultdict[tuple[str, str], dict[str, list[str]]](lambda: defaultdict(list))
    for group in groups:
        plain = group.verdict in ("solved", "at chance", "below chance") and not group.missing
        level = group.level if plain else f"{group.level} ({_share(group)})"
        rows[group.problem, group.model][group.verdict].append(level)
    head = [verdict for verdict in VERDICTS if any(verdict in each for each in rows.values())]
    cells = (
        (*pair, *(Cell(", ".join(row[v]), kind=VERDICTS[v]) if v in row else "" for v in head))
        for pair, row in rows.items()
    )
    caption = (
        "Levels by verdict. In brackets: seeds that solved it, of those that ran. At chance: no "
        "better than guessing, all seeds together."
    )
    return table(caption, ("problem", "model", *head), cells)


def _share(group: Group) -> str:
    missing = f", {group.missing} missing" if group.missing else ""
    return f"{group.solved}/{len(group.outcomes)}{missing}"
