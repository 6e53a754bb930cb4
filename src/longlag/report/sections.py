"""The sections that every page has: curves, reasons, examples, and how a model is read."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from longlag.report.words import counted, listed, number, slugs, value

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
    "unclear": "Above chance, after too few updates to tell whether the loss still falls.",
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


def guesses(knob: str, tried: Iterable[tuple[str, str]]) -> list[str]:
    """Where a model does no better than a guesser, in words.

    Args:
        knob: The knob that makes the problem harder.
        tried: For each value how it stands to chance, and the value in words.
    """
    found = defaultdict[str, list[str]](list)
    for stands, said in tried:
        found[stands].append(said)
    told = {"at": "cannot be told from chance", "below": "does worse than chance"}
    return [f"{verb} at {knob} {listed(found[at])}" for at, verb in told.items() if found[at]]


def seen_again(problems: Iterable[Problem]) -> list[str]:
    """That what is drawn anew is not new, where a problem has but a few sequences."""
    few = {named(each): each.sequences for each in problems if each.sequences is not None}
    if not few:
        return []
    said = listed(f"{name} ({count})" for name, count in few.items())
    return [
        f"Few different sequences: {said}. What is drawn anew there was trained on: skill is "
        "memory, whatever stream of draws it is measured on."
    ]


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
    panels, notes, figures = list[Panel](), dict[str, None](), list(figures)
    names = slugs(title for title, _ in figures)
    for name, (title, series) in zip(names, figures, strict=True):
        looks = shared or [look(place, each) for place, (each, _) in enumerate(series)]
        if made := _curve_panel(f"{start}-curves-{name}", title, series, looks):
            panel, note = made
            notes[note] = None
            panels.append(panel if shared else dataclasses.replace(panel, series=tuple(looks)))
    caption = (
        f"Skill in training, measured on sequences before the update on them. {choice} Thick: "
        "mean over seeds with its 95 % interval (Student's t); a seed that stopped at its "
        "criterion goes on counting with its last skill, and the mean ends where a seed diverged. "
        f"Thin: single seeds, the first {_SINGLE}; a mark: where a seed ended."
    )
    more = (
        f" {counted(len(panels) - PANELS, 'panel')} more left out." if len(panels) > PANELS else ""
    )
    figure = Figure(
        caption="".join([caption, *notes, more]),
        panels=tuple(panels[:PANELS]),
        series=tuple(shared),
        size=width(len(panels)),
    )
    return Section(
        id=f"{start}-curves", title="Learning curves", blocks=(figure,) if panels else ()
    )


def _curve_panel(
    key: str, title: str, series: Sequence[tuple[str, Group]], looks: Sequence[Look]
) -> tuple[Panel, str] | None:
    """A panel, and what to add to the caption."""
    means: list[dict[str, Any]] = []
    seeds: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    said = []
    for name, group in series:
        traces = [_trace(outcome) for outcome in group.outcomes if outcome.curve.updates]
        if not traces:
            continue
        ran = [outcome for outcome in group.outcomes if outcome.curve.updates]
        stopped = [outcome.ended == "stopped" for outcome in ran]
        means += ({"series": name, **row} for row in _mean(traces, stopped, _bounds(ran[0])))
        for seed, (at, skill) in enumerate(traces[:_SINGLE]):
            if len(traces) > 1:
                told = {"series": name, "seed": seed}
                seeds += (
                    {**told, "at": int(x), "skill": _short(y)}
                    for x, y in zip(at, skill, strict=True)
                )
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
    panel = Panel(
        key=key, title=title, chart=chart, alt=f"Learning curves, {title}: {listed(said)}."
    )
    return panel, charts.sunken(means, seeds, ends)


def _trace(outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Sequences and skill along a learning curve, neighbours joined until they are few."""
    updates = np.array(outcome.curve.updates, float)
    skill = (np.array(outcome.curve.accuracy) - outcome.chance) / (outcome.ceiling - outcome.chance)
    at = updates * (outcome.sequences / max(outcome.updates, 1))
    joined = -(-len(at) // _POINTS)
    starts = np.arange(0, len(at), joined)
    lasts = np.minimum(starts + joined, len(at)) - 1
    return at[lasts], np.add.reduceat(skill, starts) / (lasts - starts + 1)


def _bounds(outcome: Outcome) -> tuple[float, float]:
    """The lowest and the highest skill there can be."""
    span = outcome.ceiling - outcome.chance
    return -outcome.chance / span, (1 - outcome.chance) / span


def _mean(
    traces: Sequence[tuple[np.ndarray, np.ndarray]],
    stopped: Sequence[bool],
    bounds: tuple[float, float],
) -> list[dict[str, float]]:
    """The mean over seeds and its interval; those that stopped go on with their last skill."""
    lasts = [at[-1] for at, _ in traces]
    end = min((at for at, ends in zip(lasts, stopped, strict=True) if not ends), default=max(lasts))
    longest = max((at for at, _ in traces), key=lambda at: at[-1])
    grid = np.union1d(longest[longest < end], [at for at in lasts if at <= end])
    places = (np.minimum(np.searchsorted(at, grid), len(at) - 1) for at, _ in traces)
    held = np.array([skill[at] for (_, skill), at in zip(traces, places, strict=True)])
    rows = []
    for place, x in enumerate(grid):
        found = held[:, place]
        low, high = mean_interval(found.tolist()) if len(traces) > 1 else (found[0], found[0])
        rows.append(
            {
                "at": int(x),
                "skill": _short(found.mean()),
                "low": _short(max(low, bounds[0])),
                "high": _short(min(high, bounds[1])),
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
            f"Sequences drawn anew, of the first seed. {choice} A wrong prediction is underlined "
            f"and marked with ×; a dot stands where nothing is shown or scored.{more}"
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
    """A trained model that may be read, and how well it did."""

    problem: str
    model: str
    where: str
    skill: float
    verdict: str
    read: Callable[[], Trained]

    @property
    def title(self) -> str:
        """What tells it from the others."""
        return f"{self.problem}, {self.where}: {self.model}"

    @property
    def did(self) -> str:
        """How well it did, in words."""
        return f"skill {number(self.skill)}, {self.verdict}"


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
    for name, each in zip(slugs(each.title for each in kept), kept, strict=True):
        title = each.title
        try:
            trained = each.read()
            used = trained.sensitivity(_SEQUENCES)
        except ValueError:  # a user's file that has changed, a model that is not seen into
            continue
        setting = trained.setting
        found = setting.audit()
        needed = (found.needs & found.scored[:, None]).astype(float)
        share = float(used[needed > 0].sum() / used.sum()) if used.sum() > 0 else 0.0
        key = f"{start}-map-{name}"
        shades = {
            "needs": (needed, "the inputs that each target depends on"),
            "sees": (found.sees.astype(float), "the inputs that can reach each prediction"),
            "learns": (found.learns.astype(float), "those through which a gradient can flow"),
            "uses": (used / max(used.max(), 1e-30), "the sensitivity of the trained model"),
        }
        panels = matrices(key, title, shades)
        said = (
            f"Framing {named(setting.framing)}, learning rate {setting.recipe.learning_rate:g}, "
            f"seed {trained.seed}: {each.did}. The audit says {found.verdict}; {share:.0%} of "
            f"the sensitivity lies on inputs that the targets need "
            f"({needed.sum() / needed.size:.0%} of all pairs)."
        )
        blocks.append(Figure(title=title, caption=said, panels=panels, size="quarter"))
    lead = (
        "Rows are targets, columns are inputs. Needs: what the problem depends on; sees: what can "
        "reach the prediction; learns: what a gradient can flow through in one update; uses: how "
        "strongly the trained model's outputs depend on each input (norm of the Jacobian, over "
        f"{_SEQUENCES} sequences drawn anew). {choice} Models that diverged are left out, "
        "and those of one's own that cannot be read or seen into."
    )
    return Section(
        id=f"{start}-maps",
        title="What models need, see, learn and use",
        lead=lead,
        blocks=tuple(blocks),
    )


def matrices(
    key: str, title: str, shades: Mapping[str, tuple[np.ndarray, str]]
) -> tuple[Panel, ...]:
    """Maps side by side: of each its name, its shades from 0 to 1, and what they are."""
    return tuple(
        Panel(
            key=f"{key}-{matrix}",
            title=matrix,
            chart=charts.matrix(shade, across="input step", down="target step"),
            alt=f"{title}; {matrix}: {says}, {int((shade > 0).sum())} of {shade.size} pairs.",
            dense=True,
        )
        for matrix, (shade, says) in shades.items()
    )


def states(start: str, kept: Sequence[Kept]) -> Section:
    """The gates and states of recurrent models over one sequence."""
    blocks: list[Any] = []
    for key, each in zip(slugs(each.title for each in kept), kept, strict=True):
        title = each.title
        try:
            trained = each.read()
            read = trained.gates()
        except ValueError:
            continue  # no recurrent layer to read, or a user's file that has changed
        spread = read["hidden"].std(axis=0)
        units = np.sort(np.argsort(-spread, kind="stable")[:_UNITS])
        panels = []
        for name, values in read.items():
            shown = values[:, units].T
            signed = name in ("hidden", "cell", "candidate")
            scale = max(float(np.abs(shown).max()), 1.0)
            panels.append(
                Panel(
                    key=f"{start}-states-{key}-{name}",
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
            f"One sequence drawn anew, of seed {trained.seed} ({each.did}); the {len(units)} units "
            f"of {read['hidden'].shape[1]} whose hidden state varies most."
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
