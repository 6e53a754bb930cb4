"""Verdicts of a report: what came of each rung of each problem, in tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from longlag.report.content import Cell, Table
from longlag.report.sections.common import Group
from longlag.report.words import causes, estimate
from longlag.trials.outcome import skill

VERDICTS = {
    "solved": "good",
    "solved by some": "part",
    "above chance": "open",
    "at chance": "bad",
    "below chance": "bad",
}
"""Of one rung, from the best on: its text, and its kind as a cell."""

_LONG = 12  # rows, from which a table is folded


def share(group: Group) -> str:
    """How many seeds solved a rung, of how many."""
    missing = f", {group.missing} missing" if group.missing else ""
    return f"{group.solved}/{len(group.outcomes)}{missing}"


def rungs(groups: Iterable[Group], caption: str) -> Table:
    """A row for each rung of each problem and model.

    Args:
        groups: What came of each.
        caption: What the table shows.
    """
    rows = tuple(
        (
            Cell(group.problem, group.model),
            Cell(group.where),
            Cell(group.verdict, kind=VERDICTS[group.verdict]),
            Cell(share(group), kind="number"),
            Cell(estimate(skill(group.outcomes)), kind="number"),
            Cell(causes(why[0].reason for why in group.reasons if why)),
        )
        for group in groups
    )
    head = ("problem", "rung", "verdict", "solved", "skill", "why not")
    return Table(caption=caption, head=head, rows=rows, folded=len(rows) > _LONG)


def overview(groups: Sequence[Group]) -> Table:
    """A row for each problem and model: its rungs by verdict."""
    places = defaultdict[tuple[str, str], dict[str, list[str]]](lambda: defaultdict(list))
    for group in groups:
        plain = group.verdict in ("solved", "at chance", "below chance") and not group.missing
        note = "" if plain else f" ({share(group)})"
        rung = f"{group.knob} {group.order:g}{note}"
        places[group.problem, group.model][group.verdict].append(rung)
    head = [each for each in VERDICTS if any(each in found for found in places.values())]
    rows = (
        (
            Cell(problem),
            Cell(model),
            *(Cell(", ".join(found[each]), kind=_kind(each, found)) for each in head),
        )
        for (problem, model), found in places.items()
    )
    caption = (
        "Rungs by verdict. In brackets: seeds that solved it, of those that ran. At chance: all "
        "seeds together are right no more often than a guesser."
    )
    return Table(caption=caption, head=("problem", "model", *head), rows=tuple(rows))


def _kind(verdict: str, found: dict[str, list[str]]) -> str:
    return VERDICTS[verdict] if found[verdict] else "text"
