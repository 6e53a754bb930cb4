"""Reasons and examples: why did trials fall short, and what did the models predict?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from longlag.answers.blocks import Cell, number_cell, table
from longlag.answers.format import counted, number
from longlag.report.blocks import Section, section
from longlag.report.sections.groups import Group
from longlag.trials.diagnosis import Diagnosis
from longlag.trials.seed_score import Example, SeedScore

STEPS = 60
"""Maximum length of a sequence with maps or examples."""

_SETS = 12  # sets of examples

MEANING = {
    "unreachable": "The inputs that some outputs need never get to the model's output.",
    "unstable": "The loss exploded, or jumped back up to a multiple of its lowest value.",
    "does not generalise": "Solves the training problem, but not the main test, another problem.",
    "overfit": "More accurate in training than on fresh sequences.",
    "exposure bias": "Accurate after the right values, as in training, less so after its own.",
    "stopped": "Training ended at the accuracy that was to end it, before the problem was solved.",
    "at chance": "At chance.",
    "below chance": "Clearly below chance.",
    "undertrained": "The loss was still falling when the budget was used up.",
    "stuck": "Above chance, but the loss no longer falls beyond its noise.",
    "unclear": "Above chance, after too few updates to see whether the loss still falls.",
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
    lead = f"{count:,} of {counted(total, 'trial')} did not solve their problem."
    return section(f"{start}-reasons", "Why trials failed", reasons, lead=lead)


def examples(start: str, groups: Sequence[Group]) -> Section:
    """Inputs, targets and predictions: of each problem and model the hardest level."""
    hardest: dict[tuple[str, ...], tuple[Group, SeedScore]] = {}
    for group in groups:
        scores = (each.score(group.test) for each in group.outcomes)
        score = next((each for each in scores if each.examples), None)
        key = group.problem, group.model, "" if group.knob else group.detail
        if score is not None and (key not in hardest or group.value > hardest[key][0].value):
            hardest[key] = group, score
    blocks = []
    for group, score in hardest.values():
        rows = [row for each in dict.fromkeys(score.examples) for row in _rows(each)]
        steps = max(map(len, rows)) - 1
        caption = (
            f"{group.problem}, {group.test or group.where}: {group.model}. Accuracy "
            f"{number(score.accuracy)}, chance {number(score.chance)}."
        )
        rows = [(*row, *[Cell("")] * (steps + 1 - len(row))) for row in rows]
        blocks.append(table(caption, ("step", *map(str, range(steps))), rows))
    omitted = len(blocks) - _SETS
    more = f" {counted(omitted, 'setting')} more left out." if omitted > 0 else ""
    lead = (
        "New random sequences, of the first seed; of each problem and model the hardest level. A "
        "wrong prediction is underlined and marked with ×; a dot stands where there is no input or "
        f"target.{more}"
    )
    return section(f"{start}-examples", "Targets and predictions", *blocks[:_SETS], lead=lead)


def _rows(example: Example) -> list[tuple[Cell, ...]]:
    """Inputs, targets and predictions of a sequence."""
    pairs = list(zip(example.expected, example.predicted, strict=True))
    # Examples of an earlier version do not have `right`.
    right = example.right or [target == predicted for target, predicted in pairs]
    predictions = (
        _step(predicted, wrong=target is not None and not correct)
        for (target, predicted), correct in zip(pairs, right, strict=True)
    )
    return [
        (Cell("input"), *map(_step, example.shown[: len(pairs)])),
        (Cell("target"), *map(_step, example.expected)),
        (Cell("prediction"), *predictions),
    ]


def _step(value: float | str | None, *, wrong: bool = False) -> Cell:
    if value is None:
        return Cell("·", kind="none")
    text = value if isinstance(value, str) else f"{value:.3g}".replace("-", "−")
    return Cell(f"{text} ×", kind="wrong") if wrong else Cell(text, kind="step")
