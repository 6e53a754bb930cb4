"""The results of the baselines that come with longlag: written to their file, and checked."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from longlag.events import Event
from longlag.stop import StopToken
from longlag.studies.match import Match
from longlag.studies.reproduction import TOLERANCE, Agreement, Result, differences
from longlag.studies.standing import LENGTHS
from longlag.studies.suite_answer import SuiteCell
from longlag.studies.suite_baselines import BaselineResult, SuiteBaselines, parts
from longlag.studies.suite_rows import BASELINES, ROWS
from longlag.studies.suite_setting import setting_of
from longlag.studies.suite_study import Suite
from longlag.trials.fit import finish, fit
from longlag.trials.setting import Setting
from longlag.workers.worker import outcome_of


def sample(results: SuiteBaselines, count: int) -> list[BaselineResult]:
    """So many results, of as many models and problems as they can be, the cheapest first."""
    left = sorted(results.results, key=_cost)
    chosen: list[BaselineResult] = []
    while left and len(chosen) < count:
        had = [(each.standing.model, each.standing.problem) for each in chosen]

        def seen(result: BaselineResult, had=had) -> int:
            names = result.standing.model, result.standing.problem
            return sum(name in names for pair in had for name in pair)

        chosen.append(min(left, key=seen))  # of equal ones the cheapest
        left.remove(chosen[-1])
    return sorted(chosen, key=_cost)


def _cost(result: BaselineResult) -> int:
    return result.sequences[0] * ROWS[result.standing.problem].problem.steps


def setting_of_seeds(result: BaselineResult, match: Match) -> Setting:
    """The setting of the seeds of a result."""
    row = ROWS[result.standing.problem]
    return setting_of(
        row,
        BASELINES[result.standing.model],
        match=match,
        rate=result.rate,
        effort=result.effort,
        solve_at=result.standing.solve_at,
        problem=row.problem,
        tests=row.tests,
    )


def check(
    result: BaselineResult,
    setting: Setting,
    *,
    listen: Callable[[Event], object] = lambda _: None,
    stop: StopToken | None = None,
) -> Agreement | None:
    """Train the first seed of a result again and compare the skill at each length.

    Args:
        result: The result.
        setting: Its setting (`setting_of_seeds`).
        listen: Called with each event.
        stop: A token that ends it.

    Returns:
        Whether it agrees; None if it was stopped.
    """
    began = time.perf_counter()
    run = finish(fit(setting, result.seeds[:1], stop=stop), listen)
    if run.interrupted:
        return None
    outcome = outcome_of(run)
    before = [result.skills[times].per_seed[0] for times in LENGTHS]
    now = [outcome.score(test).skill for test in ROWS[result.standing.problem].tests]
    far = max(abs(one - other) for one, other in zip(before, now, strict=True))
    elsewhere = differences(result.environment, run.environment)
    found: tuple[Result, str] = "equal to the bit", ""
    if before != now or outcome.sequences != result.sequences[0]:
        why = f"skill {now[0]:.3f}, was {before[0]:.3f}; at most {far:.3f} apart at one length"
        found = ("within tolerance" if far <= TOLERANCE and elsewhere else "differs"), why
    words = setting.problem.words, setting.framing.words, setting.model.words
    seconds = time.perf_counter() - began
    return Agreement(
        result.standing.model,
        words,
        result.seeds[0],
        *found,
        elsewhere,
        before[0],
        now[0],
        seconds,
    )


def document_of(study: Suite, date: str) -> dict[str, Any]:
    """The results of a finished study of baselines, as a run of the file.

    Args:
        study: The study, without trials left.
        date: The day, as 2026-11-30.

    Raises:
        ValueError: Trials are left, or failed, or ran with several environments.
    """
    answer = study.answer()
    outcomes = (outcome for cell in answer.cells for outcome in cell.outcomes)
    ran = {each.id: each for outcome in outcomes if (each := outcome.environment)}
    if answer.left or answer.failed or len(ran) != 1:
        raise ValueError(
            f"Baselines: {answer.left} trials are left, {len(answer.failed)} failed, in "
            f"{len(ran)} environments. Finish the study in one environment."
        )
    (environment,) = ran.values()
    return {
        "match": answer.match,
        "effort": answer.effort,
        "rates": answer.rates,
        "seeds": answer.about.seeds,
        "solve_at": answer.about.solve_at,
        "date": date,
        "environment": environment.document(),
        "cells": [_stored(cell) for cell in answer.cells],
    }


def _stored(cell: SuiteCell) -> dict[str, Any]:
    assert cell.standing is not None  # since no trial is left
    every = {str(times): cell.skill(times) for times in LENGTHS}
    skills = {times: dataclasses.asdict(skill) for times, skill in every.items() if skill}
    return {
        "problem": cell.problem,
        "model": cell.model,
        "parts": parts(cell.problem, cell.model),
        "width": cell.width,
        "rate": cell.rate,
        "side": cell.standing.side,
        "skills": skills,
        "capacity": cell.capacity,
        "sequences": [outcome.sequences for outcome in cell.outcomes],
        "note": cell.notes(),
    }


def merged(document: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """The document of the file with a run, whose cells take the place of older ones."""
    new = {(cell["problem"], cell["model"]) for cell in run["cells"]}
    older = []
    for each in document["runs"]:
        left = [
            cell
            for cell in each["cells"]
            if each["match"] != run["match"] or (cell["problem"], cell["model"]) not in new
        ]
        older += [{**each, "cells": left}] if left else []
    return {**document, "runs": [*older, run]}


def text_of(document: Mapping[str, Any]) -> str:
    """The file as text: a line for each cell, so that a change of one is a change of one line."""
    runs = []
    for run in document["runs"]:
        cells = ",\n  ".join(json.dumps(cell) for cell in run["cells"])
        head = json.dumps({name: each for name, each in run.items() if name != "cells"})
        runs.append(f'{head[:-1]}, "cells": [\n  {cells}\n]}}')
    return f'{{"runs": [\n{",".join(runs)}\n]}}\n'
