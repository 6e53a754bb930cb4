"""Reasons and example sequences of a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from longlag.report.content import Cell, Examples, Mark, Section, Table
from longlag.report.sections.common import MEANING, Group
from longlag.report.words import counted, number, value
from longlag.trials.seed_score import Example

STEPS = 60
"""A longer sequence is neither mapped nor written out."""

_SETS = 12  # sets of examples

# Why trials failed.


def reasons(start: str, groups: Sequence[Group]) -> Section:
    """Why trials did not solve their problem, with an example of each reason."""
    found: dict[str, list[tuple[Group, int]]] = defaultdict(list)
    total = solved = 0
    for group in groups:
        for seed, why in enumerate(group.reasons):
            total += 1
            solved += not why
            if why:
                found[why[0].reason].append((group, seed))
    rows = []
    for reason, trials in sorted(found.items(), key=lambda each: (-len(each[1]), each[0])):
        group, seed = trials[0]
        first = group.reasons[seed][0]
        places = defaultdict[str, int](int)
        for each, _ in trials:
            places[f"{each.model} on {each.problem}"] += 1
        most = sorted(places.items(), key=lambda each: (-each[1], each[0]))[:3]
        rows.append(
            (
                Cell(reason, MEANING[reason], "strong"),
                Cell(str(len(trials)), f"{len(trials) / total:.0%}", "number"),
                Cell(first.evidence, f"{group.model}, {group.problem}, {group.where}"),
                Cell("; ".join(f"{place} ({count})" for place, count in most)),
            )
        )
    if not rows:
        return Section(id=f"{start}-reasons", title="Why trials failed")
    table = Table(
        caption="The reason that explains most, for each trial that fell short.",
        head=("reason", "trials", "for example", "mostly"),
        rows=tuple(rows),
    )
    return Section(
        id=f"{start}-reasons",
        title="Why trials failed",
        lead=f"{total - solved:,} of {counted(total, 'trial')} did not solve their problem.",
        blocks=(table,),
    )


# Expected against predicted.


def examples(start: str, groups: Sequence[Group], choice: str) -> Section:
    """What was shown, expected and predicted, the first seed of each group."""
    made = []
    for group in groups[:_SETS]:
        scores = (each.score(group.test) for each in group.outcomes)
        score = next((each for each in scores if each.examples), None)
        if score is None:
            continue
        made.append(
            Examples(
                title=f"{group.problem}, {group.test or group.where}: {group.model}",
                sequences=tuple(_lines(each) for each in dict.fromkeys(score.examples)),
                note=f"accuracy {number(score.accuracy)}, chance {number(score.chance)}",
            )
        )
    left = max(0, len(groups) - _SETS)
    more = f" {counted(left, 'setting')} more left out." if left else ""
    return Section(
        id=f"{start}-examples",
        title="Expected against predicted",
        lead=(
            f"Sequences drawn anew, of the first seed. {choice} A wrong prediction is underlined "
            f"and marked with ×; a dot stands where nothing is shown or scored.{more}"
        ),
        blocks=tuple(made),
    )


def _lines(example: Example) -> tuple[tuple[str, tuple[Mark, ...]], ...]:
    steps = len(example.expected)
    shown = example.shown[:steps]

    def text(each: float | str | None) -> str:
        return each if isinstance(each, str) else value(each) or "·"

    pairs = zip(example.expected, example.predicted, strict=True)
    # Examples of an earlier longlag do not say which are right.
    right = example.right or tuple(each == other for each, other in pairs)
    predictions = tuple(
        Mark(text(each), expected is not None and not good)
        for each, expected, good in zip(example.predicted, example.expected, right, strict=True)
    )
    return (
        ("shown", tuple(Mark(text(each)) for each in shown)),
        ("expected", tuple(Mark(text(each)) for each in example.expected)),
        ("predicted", predictions),
    )
