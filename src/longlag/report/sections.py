"""The sections that every page has: curves, reasons, examples, and how a model is read."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from longlag.lab.checkpoint import Trained
from longlag.lab.diagnosis import Diagnosis
from longlag.lab.outcome import Example, Outcome
from longlag.lab.statistics import mean_interval
from longlag.lab.study import words as named
from longlag.problems import Integers, Problem, Reals
from longlag.report import charts
from longlag.report.content import (
    Cell,
    Examples,
    Figure,
    Mark,
    Panel,
    Point,
    Section,
    Table,
    Words,
    width,
)
from longlag.report.palette import Look, look
from longlag.report.words import counted, listed, number, slug, value

MAPS = 6
"""Trained models of a page that are read for their maps; each costs about a second."""

STATES = 3
"""Recurrent models of a page whose gates and states are shown."""

STEPS = 60
"""A longer sequence is neither mapped nor written out."""

PANELS = 24
"""Panels of one figure at most."""

_POINTS = 30  # of one learning curve
_SINGLE = 5  # seeds drawn one by one, beside their mean
_ENDS = 30  # seeds whose ends are marked
_SEQUENCES = 4  # over which a sensitivity is taken; sixteen take seconds and look the same
_UNITS = 16  # of a hidden layer that are shown
_SETS = 12  # sets of examples

MEANING = {
    "unreachable": "What the targets need is not in sight of the model.",
    "unstable": "The loss left all bounds or rose again to a multiple of its lowest value.",
    "overfit": "Right in training more often than on fresh sequences.",
    "at chance": "Its right answers could be a guesser's.",
    "below chance": "A constant prediction does better.",
    "undertrained": "The loss was still falling when the budget was used up.",
    "stuck": "Above chance, but the loss no longer falls.",
}


class Group(NamedTuple):
    """One setting with what its seeds came to.

    Attributes:
        problem: The problem, in words, without its rung.
        model: The model, in words.
        where: What else tells it from its neighbours, such as its rung.
        order: Its rung, or another number by which neighbours are sorted.
        tolerance: Within which a prediction is right.
        blank: The value that says that nothing is shown, if any.
        outcomes: What the seeds came to.
        reasons: For each why it fell short; empty where it solved its problem.
    """

    problem: str
    model: str
    where: str
    order: float
    tolerance: float
    blank: int | None
    outcomes: tuple[Outcome, ...]
    reasons: tuple[tuple[Diagnosis, ...], ...]

    @property
    def solved(self) -> int:
        """How many seeds solved it."""
        return sum(not each for each in self.reasons)


def tolerance(problem: Problem) -> float:
    """Within which a prediction about a problem is right."""
    return problem.targets.within if isinstance(problem.targets, Reals) else 0.0


def blank(problem: Problem) -> int | None:
    """The value that says that nothing is shown, if any."""
    shown = problem.inputs
    return shown.values if isinstance(shown, Integers) and shown.blank else None


# Learning curves.


def curves(
    start: str,
    figures: Iterable[tuple[str, Sequence[tuple[str, Group]]]],
    choice: str,
    shared: Sequence[Look] = (),
) -> Section:
    """Learning curves, a panel each: its title, and its series by name.

    Args:
        start: Of every name in an address.
        figures: The panels.
        choice: Which settings they show, in words.
        shared: The series of all panels, where these have them in common.
    """
    panels = []
    for title, series in figures:
        looks = shared or [look(place, name) for place, (name, _) in enumerate(series)]
        if panel := _curve_panel(f"{start}-curves-{slug(title)}", title, series, looks):
            panels.append(panel if shared else dataclasses.replace(panel, series=tuple(looks)))
    caption = (
        f"Skill in training, measured on sequences before the update on them. {choice} Thick: "
        "mean over seeds with its 95 % interval (Student's t), drawn as far as all seeds ran; "
        f"thin: single seeds, the first {_SINGLE}; a mark: where a seed ended, having met the "
        "criterion or used up its budget."
    )
    more = (
        f" {counted(len(panels) - PANELS, 'panel')} more left out." if len(panels) > PANELS else ""
    )
    figure = Figure(
        caption=caption + more,
        panels=tuple(panels[:PANELS]),
        series=tuple(shared),
        size=width(len(panels)),
    )
    return Section(
        id=f"{start}-curves", title="Learning curves", blocks=(figure,) if panels else ()
    )


def _curve_panel(
    key: str, title: str, series: Sequence[tuple[str, Group]], looks: Sequence[Look]
) -> Panel | None:
    means: list[dict[str, Any]] = []
    seeds: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    said = []
    for name, group in series:
        traces = [_trace(outcome) for outcome in group.outcomes if outcome.curve.updates]
        if not traces:
            continue
        means += ({"series": name, **row} for row in _mean(traces))
        for seed, (at, skill) in enumerate(traces[:_SINGLE]):
            if len(traces) > 1:
                told = {"series": name, "seed": seed}
                seeds += (
                    {**told, "at": int(x), "skill": _short(y)}
                    for x, y in zip(at, skill, strict=True)
                )
        ran = [outcome for outcome in group.outcomes if outcome.curve.updates]
        for seed, ((at, skill), outcome) in enumerate(zip(traces[:_ENDS], ran, strict=False)):
            how = {"stopped": "met the criterion", "finished": "budget used up"}
            ends.append(
                {
                    "series": name,
                    "seed": seed,
                    "at": int(at[-1]),
                    "skill": _short(skill[-1]),
                    "how": how.get(outcome.ended, "diverged"),
                }
            )
        last = float(np.mean([skill[-1] for _, skill in traces]))
        said.append(f"{name} ends at a mean skill of {number(last, 2)}")
    if not said:
        return None
    chart = charts.curves(means, seeds, ends, looks)
    return Panel(
        key=key, title=title, chart=chart, alt=f"Learning curves, {title}: {listed(said)}."
    )


def _trace(outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Sequences and skill along a learning curve, neighbours joined until they are few."""
    updates = np.array(outcome.curve.updates, float)
    skill = (np.array(outcome.curve.accuracy) - outcome.chance) / (outcome.ceiling - outcome.chance)
    at = updates * (outcome.sequences / max(outcome.updates, 1))
    joined = -(-len(at) // _POINTS)
    starts = np.arange(0, len(at), joined)
    lasts = np.minimum(starts + joined, len(at)) - 1
    return at[lasts], np.add.reduceat(skill, starts) / (lasts - starts + 1)


def _mean(traces: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[dict[str, float]]:
    """The mean over seeds and its interval, as far as all of them ran."""
    end = min(at[-1] for at, _ in traces)
    longest = max((at for at, _ in traces), key=len)
    grid = np.union1d(longest[longest < end], [end])
    held = np.array([skill[np.searchsorted(at, grid)] for at, skill in traces])
    rows = []
    for place, x in enumerate(grid):
        found = held[:, place]
        low, high = mean_interval(found.tolist()) if len(traces) > 1 else (found[0], found[0])
        rows.append(
            {
                "at": int(x),
                "skill": _short(found.mean()),
                "low": _short(max(low, -1.0)),
                "high": _short(min(high, 2.0)),
            }
        )
    return rows


def _short(figure: float) -> float:
    return float(f"{figure:.3g}") if np.isfinite(figure) else 0.0


# Why trials failed.


def reasons(start: str, groups: Sequence[Group]) -> Section:
    """Why trials did not solve their problem, with an example of each reason."""
    found: dict[str, list[tuple[Group, int]]] = defaultdict(list)
    total = solved = 0
    for group in groups:
        for seed, told in enumerate(group.reasons):
            total += 1
            solved += not told
            if told:
                found[told[0].reason].append((group, seed))
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
        outcome = next((each for each in group.outcomes if each.examples), None)
        if outcome is None:
            continue
        made.append(
            Examples(
                title=f"{group.problem}, {group.where}: {group.model}",
                sequences=tuple(_lines(each, group) for each in dict.fromkeys(outcome.examples)),
                note=f"accuracy {number(outcome.accuracy)}, chance {number(outcome.chance)}",
            )
        )
    left = max(0, len(groups) - _SETS)
    more = f" {counted(left, 'setting')} more left out." if left else ""
    return Section(
        id=f"{start}-examples",
        title="Expected against predicted",
        lead=(
            f"Fresh sequences of the first seed. {choice} A wrong prediction is underlined and "
            f"marked with ×; a dot stands where nothing is shown or scored.{more}"
        ),
        blocks=tuple(made),
    )


def _lines(example: Example, group: Group) -> tuple[tuple[str, tuple[Mark, ...]], ...]:
    steps = len(example.expected)
    shown = (None if each == group.blank else each for each in example.shown[:steps])
    pairs = zip(example.expected, example.predicted, strict=True)
    said = tuple(
        Mark(
            value(predicted) or "·",
            expected is not None and _wrong(expected, predicted, group.tolerance),
        )
        for expected, predicted in pairs
    )
    return (
        ("shown", tuple(Mark(value(each) or "·") for each in shown)),
        ("expected", tuple(Mark(value(each) or "·") for each in example.expected)),
        ("predicted", said),
    )


def _wrong(expected: float, predicted: float | None, within: float) -> bool:
    return predicted is None or abs(predicted - expected) > within


# What a trained model uses.


class Kept(NamedTuple):
    """A trained model that may be read."""

    problem: str
    model: str
    where: str
    read: Callable[[], Trained]


def spread(kept: Sequence[Kept], most: int) -> list[Kept]:
    """So many at most, problems taken in turn, in their order."""
    turns = defaultdict[str, int](int)
    order = []
    for place, each in enumerate(kept):
        order.append((turns[each.problem], place))
        turns[each.problem] += 1
    return [kept[place] for place in sorted(place for _, place in sorted(order)[:most])]


def one_each(kept: Iterable[Kept], most: int) -> list[Kept]:
    """The first of each problem, so many at most."""
    found: dict[str, Kept] = {}
    for each in kept:
        found.setdefault(each.problem, each)
    return list(found.values())[:most]


def maps(start: str, kept: Sequence[Kept], choice: str) -> Section:
    """What the problem needs, what is seen, what is taught, and what a trained model uses."""
    blocks: list[Any] = []
    for each in kept:
        trained = each.read()
        setting = trained.setting
        found, used = setting.audit(), trained.sensitivity(_SEQUENCES)
        needed = (found.needs & found.scored[:, None]).astype(float)
        share = float(used[needed > 0].sum() / used.sum()) if used.sum() > 0 else 0.0
        title = f"{each.problem}, {each.where}: {each.model}"
        key = f"{start}-map-{slug(title)}"
        shades = {
            "needs": (needed, "the inputs that each target depends on"),
            "sees": (found.sees.astype(float), "the inputs that can reach each prediction"),
            "learns": (found.learns.astype(float), "those through which a gradient can flow"),
            "uses": (used / max(used.max(), 1e-30), "the sensitivity of the trained model"),
        }
        panels = tuple(
            Panel(
                key=f"{key}-{name}",
                title=name,
                chart=charts.matrix(shade, across="input step", down="target step"),
                alt=f"{title}; {name}: {says}, {int((shade > 0).sum())} of {shade.size} pairs.",
                dense=True,
            )
            for name, (shade, says) in shades.items()
        )
        said = (
            f"Framing {named(setting.framing)}, learning rate {setting.recipe.learning_rate:g}, "
            f"seed {trained.seed}. The audit says {found.verdict}; {share:.0%} of the sensitivity "
            f"lies on inputs that the targets need ({needed.sum() / needed.size:.0%} of all pairs)."
        )
        blocks.append(Figure(title=title, caption=said, panels=panels, size="quarter"))
    lead = (
        "Rows are targets, columns are inputs. Needs: what the problem depends on; sees: what can "
        "reach the prediction; learns: what a gradient can flow through in one update; uses: how "
        "strongly the trained model's outputs depend on each input (norm of the Jacobian, over "
        f"{_SEQUENCES} fresh sequences). {choice}"
    )
    return Section(
        id=f"{start}-maps",
        title="What models need, see, learn and use",
        lead=lead,
        blocks=tuple(blocks),
    )


def states(start: str, kept: Sequence[Kept]) -> Section:
    """The gates and states of recurrent models over one sequence."""
    blocks: list[Any] = []
    for each in kept:
        trained = each.read()
        try:
            read = trained.gates()
        except ValueError:
            continue  # no recurrent layer to read
        title = f"{each.problem}, {each.where}: {each.model}"
        spread = read["hidden"].std(axis=0)
        units = np.sort(np.argsort(-spread, kind="stable")[:_UNITS])
        panels = []
        for name, values in read.items():
            shown = values[:, units].T
            signed = name in ("hidden", "cell", "candidate")
            scale = max(float(np.abs(shown).max()), 1.0)
            panels.append(
                Panel(
                    key=f"{start}-states-{slug(title)}-{name}",
                    title=f"{name}, −{scale:.2g} to {scale:.2g}" if signed else f"{name}, 0 to 1",
                    chart=charts.matrix(
                        shown / scale,
                        across="step",
                        down="unit",
                        ends="negative to positive" if signed else "low to high",
                    ),
                    alt=f"{title}: {name} of {len(units)} units over {shown.shape[1]} steps.",
                    dense=True,
                )
            )
        caption = (
            f"One fresh sequence of seed {trained.seed}, the {len(units)} units of "
            f"{read['hidden'].shape[1]} whose hidden state varies most."
        )
        blocks.append(Figure(title=title, caption=caption, panels=tuple(panels), size="quarter"))
    return Section(
        id=f"{start}-states",
        title="Gates and states over one sequence",
        lead=(
            "Each row is a unit, each column a step. Gates: the stronger the colour, the more "
            "open. States: blue is positive, orange negative."
        ),
        blocks=tuple(blocks),
    )


def told(
    *paragraphs: str, title: str = "", points: Iterable[str | Point] = (), command: str = ""
) -> Words:
    """Text."""
    made = tuple(Point("", each) if isinstance(each, str) else each for each in points)
    return Words(title=title, paragraphs=paragraphs, points=made, command=command)
