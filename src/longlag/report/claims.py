"""The page of claims: what each source says, what came out, and the runs behind it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from longlag.claims import Card, Result
from longlag.report import charts, palette
from longlag.report.content import Cell, Details, Figure, Panel, Point, Section, Table, present
from longlag.report.page import Page
from longlag.report.palette import look
from longlag.report.sections import common, curves, examples, models
from longlag.report.sections.common import Group
from longlag.report.sections.examples import STEPS
from longlag.report.sections.models import StoredModel
from longlag.report.words import (
    INTERVALS,
    MEASURED,
    counted,
    duration,
    estimate,
    listed,
    number,
    slugs,
)
from longlag.scores.statistics import SOLVED
from longlag.studies.study import words as named
from longlag.training.program import parameters
from longlag.trials.outcome import Outcome
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search

Runs = Mapping[tuple[Setting | Search, tuple[int, ...]], Run]

_SERIES = 6  # of one panel
_UNSETTLED = "not settled"
_HEADLINE = {
    "good": "Holds",
    "part": "Holds in part or on a condition",
    "bad": "Does not hold",
    "open": "Not settled, more seeds are needed",
}
"""What a claim comes to, by the kind of its verdict."""

_MARKS = {"good": "holds", "part": "in part", "bad": "does not hold", "open": _UNSETTLED}


def page_of_claims(
    results: Sequence[Result],
    runs: Runs,
    *,
    title: str = "Claims, settled by trials",
    command: str = "",
    left: int = 0,
    maps: int = models.MAPS,
) -> Page:
    """The page of settled claims.

    Args:
        results: The settled cards.
        runs: The runs made for them, by setting and seeds, as `settle` collects them.
        title: Its title.
        command: How they were asked for.
        left: Claims that were asked for and not settled, for want of time.
        maps: Trained models at most that are read for their maps and states.
    """
    groups = {key: _group(run) for key, run in runs.items()}
    seeds = sorted({len(places) for _, places in runs})
    kept = _kept(results, runs, groups, maps)
    again = common.seen_again(run.setting.problem for run in runs.values())
    versions = [
        f"{name} {metadata.version(name)}" for name in ("longlag", "jax", "equinox", "optax")
    ]
    about = f"{counted(len(results), 'claim')}, {counted(len(runs), 'setting')}"
    if seeds:
        about += f", {listed(seeds)} {'seed' if seeds == [1] else 'seeds'} each"
    names = slugs(result.card.id for result in results)
    body = [
        Section(
            id="claims",
            title="Claims",
            lead=(
                "What each source says in our words, and what came out. Open a claim for its "
                "evidence."
            ),
            blocks=(*_measured(results), *map(_card, results, names)) if results else (),
        ),
        curves.curves("claims", _curves(results, groups), _CHOICE),
        examples.reasons("claims", list(groups.values())),
        models.maps(
            "claims",
            kept,
            f"Runs of at most {STEPS} steps, one of each problem, framing and model, in the "
            "order of the claims.",
        ),
        models.states("claims", models.one_each(kept, models.STATES)),
        examples.examples(
            "claims", _examples(groups.values()), "One setting of each problem, framing and model."
        ),
        _cost(results, groups, runs, versions),
    ]
    return Page(
        title=title,
        about=about,
        sections=(_summary(results, command, left, again), *present(*body)),
    )


_CHOICE = (
    f"A panel for each claim, with at most {_SERIES} of its runs; runs shared with an earlier "
    "claim stand there."
)


def _summary(results: Sequence[Result], command: str, left: int, again: Sequence[str]) -> Section:
    kinds = {kind: [r for r in results if _kind(r) == kind] for kind in _HEADLINE}
    asked = f"{counted(len(results), 'claim')} of the sources, tried anew: what holds?"
    found: list[str | Point] = []
    for kind, those in kinds.items():
        if those:
            figure = f"{len(those)} of {len(results)} ({listed(r.card.id for r in those)})"
            found.append(MEASURED.format(subject=_HEADLINE[kind], figure=figure))
    for result in (*kinds["part"], *kinds["bad"]):
        text = f"{result.finding.verdict}. {result.finding.because}"
        found.append(Point(f"{result.card.id}:", text))
    for result in results:
        low, high = result.finding.measured.interval
        if low <= result.finding.chance <= high and result.finding.chance > 0:
            chance = number(result.finding.chance)
            text = f"at chance ({chance}), measured {estimate(result.finding.measured)}."
            found.append(Point(f"{result.card.id}:", text))
    sure = []
    if counts := sorted({len(r.finding.measured.per_seed) for r in results}):
        source = f"seeds of each figure {' or '.join(map(str, counts))}"
        sure.append(INTERVALS.format(level="95%", source=source))
    news = [r for r in results if not r.as_recorded]
    sure += [
        f"{r.card.id} comes out as “{r.finding.verdict}”, against “{r.card.recorded}” on record."
        for r in news
    ]
    if results and not news:
        sure.append("Every verdict is the one on record, or more seeds are needed to tell.")
    if left:
        sure.append(f"{counted(left, 'claim')} asked for and not settled: it was interrupted.")
    sure += again
    return Section(
        id="summary",
        title="Summary",
        lead=asked if results else "No claim was settled.",
        blocks=(
            *([common.text(command=command)] if command else []),
            *([common.text(title="Found", points=found)] if found else []),
            *([common.text(title="How sure", points=sure)] if sure else []),
        ),
    )


def _kind(result: Result) -> str:
    if result.finding.verdict == _UNSETTLED:
        return "open"
    if not result.holds:
        return "bad"
    return "good" if result.finding.verdict == "holds" else "part"


def _measured(results: Sequence[Result]) -> tuple[Figure, Table]:
    rows = []
    for result in results:
        finding = result.finding
        low, high = finding.measured.interval
        rows.append(
            {
                "claim": result.card.id,
                "measured": float(f"{finding.measured.mean:.4g}"),
                "low": float(f"{low:.4g}"),
                "high": float(f"{high:.4g}"),
                "chance": float(f"{finding.chance:.3g}"),
                "verdict": _MARKS[_kind(result)],
            }
        )
    order = [result.card.id for result in results]
    figures = (f"{row['claim']} {row['measured']:g}, chance {row['chance']:g}" for row in rows)
    panel = Panel(
        key="claims-measured",
        title="Measured, beside chance",
        chart=charts.claims(rows, order),
        alt=f"Measured figure of each claim: {listed(figures)}.",
    )
    series = (
        look(0, "holds"),
        look(4, "in part")._replace(outline=palette.SHAPES["triangle-up"]),
        look(1, "does not hold")._replace(outline=palette.SHAPES["diamond"]),
        look(6, _UNSETTLED)._replace(outline=palette.SHAPES["square"]),
    )
    figure = Figure(
        caption=(
            "The figure that each verdict rests on, with its 95 % interval; the upright stroke is "
            "chance. In part: it holds for some of what was tried, or on a condition. What the "
            "figure is stands in the table."
        ),
        panels=(panel,),
        series=tuple(each._replace(dash="") for each in series),
        size="wide",
    )
    table = Table(
        caption="Verdicts.",
        head=("claim", "verdict", "measured", "chance", "time"),
        rows=tuple(
            (
                Cell(result.card.id, result.card.claim, "strong"),
                Cell(result.finding.verdict, "", _kind(result)),
                Cell(estimate(result.finding.measured), result.finding.what),
                Cell(f"{result.finding.chance:.2g}", kind="number"),
                Cell(duration(result.seconds), kind="number"),
            )
            for result in results
        ),
    )
    return figure, table


def _card(result: Result, name: str) -> Details:
    finding, card = result.finding, result.card
    shortcuts = listed(f"{name} {number(score)}" for name, score in finding.shortcuts.items())
    paragraphs = [
        f"“{card.claim}” {card.source}.",
        f"{finding.because} Measured {estimate(finding.measured)}, chance {finding.chance:.2g}: "
        f"{finding.what}.",
    ]
    if shortcuts:
        paragraphs.append(f"Shortcuts on the same sequences: {shortcuts}.")
    blocks: list[Any] = [common.text(*paragraphs)]
    if finding.rows:
        rows = tuple(
            (Cell(row.tried), Cell(estimate(row.measured), kind="number"), Cell(row.note))
            for row in finding.rows
        )
        blocks.append(Table(caption="Evidence.", head=("tried", "measured", "note"), rows=rows))
    return Details(
        id=f"claim-{name}",
        title=card.id,
        verdict=Cell(finding.verdict, kind=_kind(result)),
        blocks=tuple(blocks),
    )


def _group(run: Run) -> Group:
    count = parameters(run.models[0])
    outcomes = tuple(
        Outcome.of(run, parameters=count, place=place) for place in range(len(run.seeds))
    )
    setting = run.setting
    rate = f"learning rate {setting.recipe.learning_rate:g}"
    return Group.of(
        setting.problem,
        named(setting.model),
        outcomes,
        SOLVED,
        where=f"{named(setting.framing)}, {rate}",
        order=0.0,
    )


def _made(card: Card, runs: Mapping[Any, Any]) -> dict[str, Any]:
    """The runs of a card, by the name of the arm; equal settings are one run."""
    by_setting = {setting: made for (setting, _), made in runs.items()}
    return {name: by_setting[arm] for name, arm in card.arms.items() if arm in by_setting}


def _curves(
    results: Sequence[Result], groups: Mapping[Any, Group]
) -> list[tuple[str, list[tuple[str, Group]]]]:
    shown: set[int] = set()
    figures = []
    for result in results:
        made = _made(result.card, groups)
        fresh = [(name, group) for name, group in made.items() if id(group) not in shown]
        if fresh[:_SERIES]:
            figures.append((result.card.id, fresh[:_SERIES]))
            shown.update(id(group) for _, group in fresh[:_SERIES])
    return figures


def _kept(
    results: Sequence[Result], runs: Runs, groups: Mapping[Any, Group], most: int
) -> list[StoredModel]:
    kept: dict[tuple[str, ...], StoredModel] = {}
    pairs = {key: (run, groups[key]) for key, run in runs.items()}
    for result in results:
        for run, group in _made(result.card, pairs).values():
            setting, first, why = run.setting, group.outcomes[0], group.reasons[0]
            problem, framing, model = map(named, (setting.problem, setting.framing, setting.model))
            if setting.problem.steps <= STEPS and first.ended != "diverged":
                verdict = why[0].reason if why else "solved"
                each = StoredModel(problem, model, framing, first.skill, verdict, run.trained)
                kept.setdefault((problem, framing, model), each)
    return models.spread(list(kept.values()), most)


def _examples(groups: Any) -> list[Group]:
    found = {
        (group.problem, group.model, group.where): group
        for group in groups
        if any(outcome.examples for outcome in group.outcomes)
    }
    return list(found.values())


def _cost(
    results: Sequence[Result], groups: Mapping[Any, Group], runs: Runs, versions: Sequence[str]
) -> Section:
    rows = tuple(
        (
            Cell(group.problem, group.where),
            Cell(group.model),
            Cell(f"{group.outcomes[0].parameters:,}", kind="number"),
            Cell(f"{max(run.sequences):,}", kind="number"),
            Cell(duration(run.compile_seconds), kind="number"),
            Cell(duration(run.train_seconds), kind="number"),
            Cell(duration(run.total_seconds), kind="number"),
        )
        for (_, run), group in zip(runs.items(), groups.values(), strict=True)
    )
    total = sum(result.seconds for result in results)
    blocks: list[Any] = [
        common.text(
            f"{duration(total)} in all, with {listed(versions)}, Python "
            f"{platform.python_version()}."
        )
    ]
    if rows:
        blocks.append(
            Table(
                caption="Time and size of every run, all seeds together.",
                head=(
                    "setting",
                    "model",
                    "weights",
                    "sequences",
                    "compiling",
                    "training",
                    "in all",
                ),
                rows=rows,
                folded=len(rows) > 12,
            )
        )
    return Section(id="cost", title="Time and cost", blocks=tuple(blocks))
