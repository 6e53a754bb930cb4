"""Claims: which statements of the sources hold, and what is the evidence?"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from longlag.answers import format as formats
from longlag.answers.blocks import Cell, number_cell, table, text
from longlag.answers.estimate import Estimate, caveats
from longlag.answers.format import INTERVALS, OPEN, counted, duration, interval, listed, number
from longlag.claims import Finding, Result
from longlag.claims.card import BETTER, HOLDS, REPRODUCED, UNSETTLED, Arm
from longlag.report import blocks, charts
from longlag.report.blocks import Section
from longlag.report.page import Page
from longlag.report.sections import curves, examples, models
from longlag.report.sections.groups import Group, few_sequences
from longlag.report.sections.models import StoredModel
from longlag.report.theme import style
from longlag.scores.statistics import CONFIDENCE, SOLVED
from longlag.studies.study import words
from longlag.trials.run import Run

Runs = Mapping[tuple[Arm, tuple[int, ...]], Run]
Arms = Mapping[str, Mapping[str, tuple[Run, Group]]]  # by claim, and by name

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
    unsettled: int = 0,
    maps: int = models.MAPS,
) -> Page:
    """The page of settled claims.

    Args:
        results: The settled cards.
        runs: Their runs, by setting and seeds, as `settle` collects them.
        title: Title of the page.
        command: The command line of the page.
        unsettled: Number of claims that were interrupted before they were settled.
        maps: Maximum number of trained models with maps and states.

    Returns:
        The page.
    """
    by_setting = {setting: (run, _group(run)) for (setting, _), run in runs.items()}
    arms = {
        result.card.id: {
            name: by_setting[arm] for name, arm in result.card.arms.items() if arm in by_setting
        }
        for result in results
    }
    groups = [group for _, group in by_setting.values()]
    seeds = sorted({len(each) for _, each in runs})
    about = f"{counted(len(results), 'claim')}, {counted(len(runs), 'setting')}"
    about += f", {listed(seeds)} {'seed' if seeds == [1] else 'seeds'} each" if seeds else ""
    shared = (
        f"A panel for each claim, with at most {_SERIES} of its runs; a run that several claims "
        "share is shown for the first of them."
    )
    choice = (
        f"Runs of at most {examples.STEPS} steps, one of each problem, framing and model, in the "
        "order of the claims."
    )
    body = blocks.present(
        _verdicts(results),
        curves.curves("claims", _curves(arms), shared),
        examples.reasons("claims", groups),
        *models.maps_and_states("claims", models.spread(_models(arms), maps), choice),
        examples.examples("claims", groups),
    )
    warnings = few_sequences(run.setting.problem for run in runs.values())
    summary = _summary(results, command, unsettled, warnings)
    cost = _cost(results, list(by_setting.values()))
    return Page(title=title, about=about, sections=(summary, *body, cost))


def _summary(
    results: Sequence[Result], command: str, unsettled: int, warnings: Sequence[str]
) -> Section:
    by_kind = {kind: [r.card.id for r in results if _kind(r) == kind] for kind in _VERDICTS}
    rows = (
        (Cell(_VERDICTS[kind].name, kind=kind), len(ids), ", ".join(ids))
        for kind, ids in by_kind.items()
        if ids
    )
    seeds = " or ".join(map(str, sorted({len(r.finding.measured.per_seed) for r in results})))
    certainty = [
        f"{r.card.id} comes out as “{r.finding.verdict}”, on record is “{r.card.recorded}”."
        for r in results
        if not r.as_recorded
    ]
    if results:
        certainty = certainty or ["Every verdict is the one on record, or needs more seeds."]
        if seeds != "1":
            certainty.append(INTERVALS.format(level=f"{CONFIDENCE:.0%}", source=f"seeds: {seeds}"))
        certainty += filter(None, [caveats(r.finding.measured for r in results)])
    if unsettled:
        certainty.append(
            OPEN.format(what=f"{counted(unsettled, 'claim')} not settled, interrupted")
        )
    return blocks.section(
        "summary",
        "Summary",
        text(command=command),
        table("Statements of the sources, by verdict.", ("verdict", "claims", "which"), rows),
        text(title="How certain", points=[*certainty, *warnings]),
        lead="" if results else "No claim was settled.",
    )


def _kind(result: Result) -> str:
    if result.finding.verdict == UNSETTLED:
        return "open"
    if not result.holds:
        return "bad"
    return "good" if result.finding.verdict in (HOLDS, REPRODUCED, BETTER) else "part"


def _possible(measured: Estimate, finding: Finding) -> Estimate:
    """The figure of a claim: where it has a chance a share or a difference, clipped to [−1, 1]."""
    return measured if finding.chance is None else formats.within(measured, -1, 1)


def _verdicts(results: Sequence[Result]) -> Section:
    chart_rows, verdicts, evidence = list[dict[str, Any]](), list[Any](), list[Any]()
    for result in results:
        card, finding, kind = result.card, result.finding, _kind(result)
        measured, chance = _possible(finding.measured, finding), finding.chance
        if chance is not None:  # the axis is of shares
            low, high = formats.bounds(measured, 4)
            row = {"claim": card.id, "measured": round(measured.mean, 4), "low": low, "high": high}
            row |= {"interval": interval(measured), "chance": round(chance, 4)}
            chart_rows.append({**row, "verdict": _VERDICTS[kind].name})
        verdicts.append(
            (
                Cell(card.id, f"“{card.claim}” {card.source}.", "strong"),
                Cell(finding.verdict, finding.because, kind),
                Cell(formats.with_interval(measured, 0 if chance is None else 3), finding.what),
                number_cell("" if chance is None else f"{chance:.2g}"),
                number_cell(duration(result.seconds)),
            )
        )
        rules = finding.shortcuts.items()
        evidence += (
            (card.id, r.tried, _possible(r.measured, finding), r.note) for r in finding.rows
        )
        evidence += ((card.id, f"rule: {each}", number_cell(number(x)), "") for each, x in rules)
    figures = (
        f"{row['claim']} {row['measured']:g}, chance {row['chance']:g}" for row in chart_rows
    )
    styles = tuple(_VERDICTS.values())
    panel = blocks.Panel(
        key="claims-measured",
        title="Measured, beside chance",
        chart=charts.claims(chart_rows, styles),
        alt=f"Measured figure of each claim: {listed(figures)}.",
    )
    caption = (
        "The figure that each verdict rests on, with its 95 % interval; the upright stroke is "
        "chance. In part: the claim holds for some of what was tried, or on a condition."
    )
    panels = (panel,) if chart_rows else ()
    basis = "Evidence: every setting tried, and simple rules on the same sequences."
    return blocks.section(
        "claims",
        "Claims",
        blocks.Figure(caption=caption, panels=panels, series=styles, size="wide"),
        table("Verdicts.", ("claim", "verdict", "measured", "chance", "time"), verdicts),
        table(basis, ("claim", "tried", "measured", "note"), evidence, fold=True),
    )


def _group(run: Run) -> Group:
    setting = run.setting
    outcomes = [run.outcome(seed) for seed in range(len(run.seeds))]
    detail = f"{words(setting.framing)}, learning rate {setting.recipe.learning_rate:g}"
    return Group.of(setting.problem, words(setting.model), outcomes, SOLVED, detail=detail)


def _curves(arms: Arms) -> list[tuple[str, list[tuple[str, Group]]]]:
    seen, panels = set[int](), []
    for claim, runs in arms.items():
        new = [(name, group) for name, (_, group) in runs.items() if id(group) not in seen]
        seen.update(id(group) for _, group in new[:_SERIES])
        panels.append((claim, new[:_SERIES]))
    return panels


def _models(arms: Arms) -> list[StoredModel]:
    """One model of each problem, framing and kind, in the order of the claims."""
    by_name: dict[tuple[str, ...], StoredModel] = {}
    for run, group in (each for runs in arms.values() for each in runs.values()):
        first, reasons, framing = group.outcomes[0], group.reasons[0], words(run.setting.framing)
        if run.setting.problem.steps <= examples.STEPS and first.ended != "diverged":
            verdict = reasons[0].reason if reasons else "solved"
            name = group.problem, group.model, framing
            by_name.setdefault(name, StoredModel(*name, first.skill, verdict, run.trained))
    return list(by_name.values())


def _cost(results: Sequence[Result], runs: Sequence[tuple[Run, Group]]) -> Section:
    libraries = ("longlag", "jax", "equinox", "optax")
    versions = listed(f"{name} {metadata.version(name)}" for name in libraries)
    total = duration(sum(result.seconds for result in results))
    rows = []
    for run, group in runs:
        seconds = run.compile_seconds, run.train_seconds, run.total_seconds
        times = (number_cell(duration(each)) for each in seconds)
        weights, sequences = group.outcomes[0].parameters, max(run.sequences)
        rows.append((Cell(group.problem, group.where), group.model, weights, sequences, *times))
    head = ("setting", "model", "weights", "sequences", "compiling", "training", "in all")
    return blocks.section(
        "cost",
        "Time and cost",
        text(f"{total} in all, with {versions}, Python {platform.python_version()}."),
        table("Time and size of every run, all seeds together.", head, rows, fold=True),
    )
