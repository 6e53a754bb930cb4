"""Reasons and examples: why did trials fall short, and what did the models predict?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from longlag.report.blocks import Cell, Examples, Section, number_cell, table
from longlag.report.format import counted, number
from longlag.report.sections.common import Group
from longlag.trials.diagnosis import Diagnosis
from longlag.trials.seed_score import Example, SeedScore

STEPS = 60
"""A longer sequence is neither mapped nor written out."""

_SETS = 12  # sets of examples

MEANING = {
    "unreachable": "The inputs that the outputs need cannot reach the model's output.",
    "unstable": "The loss exploded, or jumped back up to a multiple of its lowest value.",
    "does not generalise": "Solves the training problem, but not the main test, another problem.",
    "overfit": "More accurate in training than on fresh sequences.",
    "at chance": "No better than guessing.",
    "below chance": "Clearly worse than guessing.",
    "undertrained": "The loss was still falling when the budget was used up.",
    "stuck": "Better than guessing, but the loss no longer falls.",
    "unclear": "Better than guessing, after too few updates to see whether the loss still falls.",
}


def reasons(start: str, groups: Sequence[Group]) -> Section:
    """Why trials did not solve their problem, with an example of each reason."""
    failed = defaultdict[str, list[tuple[Group, Diagnosis]]](list)
    for group in groups:
        for first, *_ in filter(None, group.reasons):
            failed[first.reason].append((group, first))
    total = sum(len(group.reasons) for group in groups)
    rows = []
    for reason, trials in sorted(failed.items(), key=lambda each: (-len(each[1]), each[0])):
        group, first = trials[0]
        where = Counter(f"{each.model} on {each.problem}" for each, _ in trials)
        rows.append(
            (
                Cell(reason, MEANING[reason], "strong"),
                number_cell(str(len(trials)), f"{len(trials) / total:.0%}"),
                Cell(first.evidence, f"{group.model}, {group.problem}, {group.where}"),
                "; ".join(f"{name} ({count})" for name, count in where.most_common(3)),
            )
        )
    count = sum(map(len, failed.values()))
    head = ("reason", "trials", "for example", "mostly")
    reasons = table("The most important reason of each trial that fell short.", head, rows)
    return Section(
        id=f"{start}-reasons",
        title="Why trials failed",
        lead=f"{count:,} of {counted(total, 'trial')} did not solve their problem.",
        blocks=(reasons,) if rows else (),
    )


def examples(start: str, groups: Sequence[Group]) -> Section:
    """Inputs, targets and predictions: of each problem and model the hardest level."""
    hardest: dict[tuple[str, ...], tuple[Group, SeedScore]] = {}
    for group in groups:
        scores = (each.score(group.test) for each in group.outcomes)
        score = next((each for each in scores if each.examples), None)
        place = group.problem, group.model, "" if group.knob else group.detail
        if score is not None and (place not in hardest or group.value > hardest[place][0].value):
            hardest[place] = group, score
    blocks = tuple(
        Examples(
            title=f"{group.problem}, {group.test or group.where}: {group.model}",
            sequences=tuple(_lines(each) for each in dict.fromkeys(score.examples)),
            note=f"accuracy {number(score.accuracy)}, guessing {number(score.chance)}",
        )
        for group, score in hardest.values()
    )
    left = len(blocks) - _SETS
    more = f" {counted(left, 'setting')} more left out." if left > 0 else ""
    return Section(
        id=f"{start}-examples",
        title="Targets and predictions",
        lead=(
            "New random sequences, of the first seed; of each problem and model the hardest level. "
            "A wrong prediction is underlined and marked with ×; a dot stands where there is no "
            f"input or target.{more}"
        ),
        blocks=blocks[:_SETS],
    )


def _lines(example: Example) -> tuple[tuple[str, tuple[tuple[str, bool], ...]], ...]:
    """Of a sequence its inputs, targets and predictions: values, and whether each is wrong."""
    pairs = list(zip(example.expected, example.predicted, strict=True))
    # Examples of an earlier longlag do not say which are right.
    right = example.right or tuple(target == predicted for target, predicted in pairs)
    wrong = [
        target is not None and not good for (target, _), good in zip(pairs, right, strict=True)
    ]
    plain = [False] * len(pairs)

    def line(
        values: Sequence[float | str | None], marks: list[bool]
    ) -> tuple[tuple[str, bool], ...]:
        return tuple(zip(map(_value, values), marks, strict=False))

    return (
        ("input", line(example.shown, plain)),
        ("target", line(example.expected, plain)),
        ("prediction", line(example.predicted, wrong)),
    )


def _value(value: float | str | None) -> str:
    if value is None:
        return "·"
    return value if isinstance(value, str) else f"{value:.3g}".replace("-", "−")
