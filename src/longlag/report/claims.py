"""Claims: which statements of the sources hold, and what does each verdict rest on?"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from longlag.claims import Card, Result
from longlag.claims.card import HOLDS, UNSETTLED
from longlag.report import charts
from longlag.report.blocks import Cell, Figure, Panel, Section, present, table, text
from longlag.report.format import (
    INTERVALS,
    OPEN,
    bounds,
    counted,
    duration,
    interval,
    listed,
    number,
    with_interval,
    within,
)
from longlag.report.page import Page
from longlag.report.sections import curves, examples, models
from longlag.report.sections.common import Group, few_sequences
from longlag.report.sections.models import StoredModel
from longlag.report.theme import style
from longlag.scores.statistics import CONFIDENCE, SOLVED, Estimate
from longlag.studies.study import words
from longlag.training.program import parameters
from longlag.trials.outcome import Outcome
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search

Runs = Mapping[tuple[Setting | Search, tuple[int, ...]], Run]

_SERIES = 6  # of one panel

_VERDICTS = {
    "good": style(0, "holds", line=False),
    "part": style(4, "in part", "triangle-up", line=False),
    "bad": style(1, "does not hold", "diamond", line=False),
    "open": style(6, UNSETTLED, "square", line=False),
}
"""The kinds of verdict, and their marks."""


def page_of_claims(
    results: Sequence[Result],
    runs: Runs,
    *,
    title: str = "Statements of the sources, checked",
    command: str = "",
    left: int = 0,
    maps: int = models.MAPS,
) -> Page:
    """The page of settled claims.

    Args:
        results: The settled cards.
        runs: The runs made for them, by setting and seeds, as `settle` collects them.
        title: Its title.
        command: The command line that made it.
        left: Claims that were interrupted before they were settled.
        maps: Trained models at most that are read for their maps and states.

    Returns:
        The page.
    """
    groups = {key: _group(run) for key, run in runs.items()}
    seeds = sorted({len(each) for _, each in runs})
    about = f"{counted(len(results), 'claim')}, {counted(len(runs), 'setting')}"
    about += f", {listed(seeds)} {'seed' if seeds == [1] else 'seeds'} each" if seeds else ""
    stored = models.spread(_stored(results, runs, groups), maps)
    body = present(
        _verdicts(results),
        curves.curves(
            "claims",
            _curves(results, groups),
            f"A panel for each claim, with at most {_SERIES} of its runs; a run that several "
            "claims share is shown for the first of them.",
        ),
        examples.reasons("claims", list(groups.values())),
        *models.maps_and_states(
            "claims",
            stored,
            f"Runs of at most {examples.STEPS} steps, one of each problem, framing and model, in "
            "the order of the claims.",
        ),
        examples.examples("claims", list(groups.values())),
    )
    problems = [run.setting.problem for run in runs.values()]
    summary = _summary(results, command, left, few_sequences(problems))
    return Page(title=title, about=about, sections=(summary, *body, _cost(results, groups, runs)))


def _summary(
    results: Sequence[Result], command: str, left: int, warnings: Sequence[str]
) -> Section:
    by_kind = {kind: [r.card.id for r in results if _kind(r) == kind] for kind in _VERDICTS}
    verdicts = table(
        f"{len(results)} statements of the sources, by verdict.",
        ("verdict", "claims", "which"),
        (
            (Cell(_VERDICTS[kind].name, kind=kind), len(ids), ", ".join(ids))
            for kind, ids in by_kind.items()
            if ids
        ),
    )
    seeds = " or ".join(map(str, sorted({len(r.finding.measured.per_seed) for r in results})))
    news = [result for result in results if not result.as_recorded]
    certainty = [
        *([INTERVALS.format(level=f"{CONFIDENCE:.0%}", source=f"seeds: {seeds}")] if seeds else []),
        *(
            f"{r.card.id} comes out as “{r.finding.verdict}”, on record is “{r.card.recorded}”."
            for r in news
        ),
    ]
    if results and not news:
        certainty.append("Every verdict is the one on record, or needs more seeds.")
    if left:
        certainty.append(OPEN.format(what=f"{counted(left, 'claim')} not settled, interrupted"))
    return Section(
        id="summary",
        title="Summary",
        lead="" if results else "No claim was settled.",
        blocks=(
            *([text(command=command)] if command else []),
            *([verdicts] if results else []),
            text(title="How certain", points=[*certainty, *warnings]),
        ),
    )


def _kind(result: Result) -> str:
    if result.finding.verdict == UNSETTLED:
        return "open"
    if not result.holds:
        return "bad"
    return "good" if result.finding.verdict == HOLDS else "part"


def _possible(measured: Estimate) -> Estimate:
    """Shares and differences of shares, as all claims measure."""
    return within(measured, -1, 1)


def _verdicts(results: Sequence[Result]) -> Section:
    rows = []
    for result in results:
        finding, measured = result.finding, _possible(result.finding.measured)
        low, high = bounds(measured)
        rows.append(
            {
                "claim": result.card.id,
                "measured": _short(measured.mean),
                "low": low,
                "high": high,
                "interval": interval(measured),
                "chance": _short(finding.chance),
                "verdict": _VERDICTS[_kind(result)].name,
            }
        )
    figures = (f"{row['claim']} {row['measured']:g}, guessing {row['chance']:g}" for row in rows)
    styles = tuple(_VERDICTS.values())
    panel = Panel(
        key="claims-measured",
        title="Measured, beside guessing",
        chart=charts.claims(rows, styles),
        alt=f"Measured figure of each claim: {listed(figures)}.",
    )
    caption = (
        "The figure that each verdict rests on, with its 95 % interval; the upright stroke is "
        "guessing. In part: the claim holds for some of what was tried, or on a condition."
    )
    verdicts = table(
        "Verdicts.",
        ("claim", "verdict", "measured", "guessing", "time"),
        (
            (
                Cell(each.card.id, f"“{each.card.claim}” {each.card.source}.", "strong"),
                Cell(each.finding.verdict, each.finding.because, _kind(each)),
                Cell(with_interval(_possible(each.finding.measured)), each.finding.what),
                Cell(f"{each.finding.chance:.2g}", kind="number"),
                Cell(duration(each.seconds), kind="number"),
            )
            for each in results
        ),
    )
    evidence = table(
        "Evidence: every setting tried, and simple rules on the same sequences.",
        ("claim", "tried", "measured", "note"),
        [
            row
            for each in results
            for row in (
                *(
                    (each.card.id, r.tried, _possible(r.measured), r.note)
                    for r in each.finding.rows
                ),
                *(
                    (each.card.id, f"rule: {name}", Cell(number(score), kind="number"), "")
                    for name, score in each.finding.shortcuts.items()
                ),
            )
        ],
        fold=True,
    )
    figure = Figure(caption=caption, panels=(panel,), series=styles, size="wide")
    blocks = (figure, verdicts, *([evidence] if evidence.rows else []))
    return Section(id="claims", title="Claims", blocks=blocks if results else ())


def _short(figure: float) -> float:
    return float(f"{figure:.4g}")


def _group(run: Run) -> Group:
    setting, weights = run.setting, parameters(run.models[0])
    outcomes = [Outcome.of(run, parameters=weights, place=seed) for seed in range(len(run.seeds))]
    rate = f"learning rate {setting.recipe.learning_rate:g}"
    return Group.of(
        setting.problem,
        words(setting.model),
        outcomes,
        SOLVED,
        detail=f"{words(setting.framing)}, {rate}",
    )


def _runs_of(card: Card, runs: Mapping[Any, Any]) -> dict[str, Any]:
    """What stands in `runs` for each arm of a card; equal settings are one run."""
    by_setting = {setting: run for (setting, _), run in runs.items()}
    return {name: by_setting[arm] for name, arm in card.arms.items() if arm in by_setting}


def _curves(
    results: Sequence[Result], groups: Mapping[Any, Group]
) -> list[tuple[str, list[tuple[str, Group]]]]:
    used, panels = set[int](), []
    for result in results:
        of_card = _runs_of(result.card, groups).items()
        series = [(name, group) for name, group in of_card if id(group) not in used][:_SERIES]
        used.update(id(group) for _, group in series)
        panels.append((result.card.id, series))
    return panels


def _stored(
    results: Sequence[Result], runs: Runs, groups: Mapping[Any, Group]
) -> list[StoredModel]:
    stored: dict[tuple[str, ...], StoredModel] = {}
    pairs = {key: (run, groups[key]) for key, run in runs.items()}
    for result in results:
        for run, group in _runs_of(result.card, pairs).values():
            setting, first, why = run.setting, group.outcomes[0], group.reasons[0]
            if setting.problem.steps <= examples.STEPS and first.ended != "diverged":
                verdict = why[0].reason if why else "solved"
                name = group.problem, words(setting.framing), group.model
                problem, framing, model = name
                each = StoredModel(problem, model, framing, first.skill, verdict, run.trained)
                stored.setdefault(name, each)
    return list(stored.values())


def _cost(results: Sequence[Result], groups: Mapping[Any, Group], runs: Runs) -> Section:
    libraries = ("longlag", "jax", "equinox", "optax")
    versions = listed(f"{name} {metadata.version(name)}" for name in libraries)
    total = duration(sum(result.seconds for result in results))
    python = platform.python_version()
    note = text(f"{total} in all, with {versions}, Python {python}.")
    times = table(
        "Time and size of every run, all seeds together.",
        ("setting", "model", "weights", "sequences", "compiling", "training", "in all"),
        (
            (
                Cell(group.problem, group.where),
                group.model,
                group.outcomes[0].parameters,
                max(run.sequences),
                *(
                    Cell(duration(seconds), kind="number")
                    for seconds in (run.compile_seconds, run.train_seconds, run.total_seconds)
                ),
            )
            for (_, run), group in zip(runs.items(), groups.values(), strict=True)
        ),
        fold=True,
    )
    return Section(id="cost", title="Time and cost", blocks=(note, *([times] if runs else [])))
