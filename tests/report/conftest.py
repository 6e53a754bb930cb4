"""Stores of studies whose outcomes are made by hand, so that nothing is trained."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable

import numpy as np
import pytest

from longlag import LSTM, MLP, EchoValue, Ramp, Setting, Whole
from longlag.report import Page
from longlag.store.store import Store
from longlag.studies.comparison import Comparison
from longlag.studies.conduct import Usage, keep
from longlag.studies.frontier import Frontier
from longlag.studies.ladder import at
from longlag.studies.profile import Profile
from longlag.studies.study import Study
from longlag.training import Recipe
from longlag.trials.checkpoint import Trained, to_bytes
from longlag.trials.identity import Trial
from longlag.trials.outcome import Bounds, Curve, Outcome, Seconds
from longlag.trials.seed_score import Example, SeedScore, Tally

BUDGET = 10_000
FRONTIER = 3  # the largest lag that any seed solves


def outcome(
    setting: Setting,
    *,
    solved: bool,
    sequences: int = BUDGET,
    accuracy: float | None = None,
    ended: str = "",
) -> Outcome:
    """An outcome that solves its problem, or has just as many right answers as a guesser."""
    problem = setting.problem
    chance = problem.chance(setting.scored)
    if accuracy is None:
        accuracy = 1.0 if solved else chance
    points, steps = 10, problem.steps
    expected = tuple(float(step % 7) for step in range(steps))
    predicted = (*expected[:-1], expected[-1] if solved else expected[-1] + 1)
    score = SeedScore(
        accuracy=accuracy,
        sequence_accuracy=accuracy,
        error=None,
        chance=chance,
        chance_error=None,
        ceiling=1.0,
        in_distribution=True,
        independent=True,
        one_sequence=False,
        tally=Tally(round(1000 * accuracy), 1000, 1000, 1000 * accuracy, 1000 * accuracy),
        by_step=(accuracy,) * steps,
        shortcuts={"most frequent": chance},
        examples=(Example(expected, expected, predicted),) if steps <= 60 else (),
    )
    return Outcome(
        ended=ended or ("stopped" if solved else "finished"),  # type: ignore[arg-type]
        diverged_at=7 if ended == "diverged" else None,
        updates=sequences // 5,
        sequences=sequences,
        validation=accuracy,
        reachable=1.0,
        audit="learnable",
        bounds=Bounds(chance, 1.0),
        curve=Curve(
            tuple(int(at) for at in np.linspace(sequences / 50, sequences / 5, points)),
            tuple(np.linspace(2.0, 0.1 if solved else 1.99, points).tolist()),
            tuple(np.linspace(chance, accuracy, points).tolist()),
        ),
        parameters=123,
        seconds=Seconds(0.5, 1.5, 0.25),
        scores={"in-distribution": score},
    )


def fill(
    store: Store,
    study: Study,
    decide: Callable[[Trial], Outcome | None],
    *,
    command: str = "longlag compare",
    most: int = 10**6,
    ends: bool = True,
    interrupted: bool = False,
) -> None:
    """Answer a study by hand."""
    store.begin(study.id, study.kind, study.question(), command)
    ran, failed = 0, []
    while ran < most and (trial := study.ask()) is not None:
        made = decide(trial)
        store.ask(study.id, [trial.id])
        ran += 1
        if made is None:
            failed.append((trial.id, "memory ran out"))
        else:
            short = trial.setting.problem.steps <= 12 and trial.seed == 0
            model = trial.setting.create(0) if short else None
            weights = None if model is None else to_bytes(Trained(trial.setting, 0, model))
            keep(store, trial, made, study.solve_at, weights)
        study.tell(trial, made)
    usage = Usage(
        ran=ran,
        reused=0,
        cut=2,
        failed=tuple(failed),
        wall=20.0,
        workers=2,
        room=60.0,  # in all; 2 workers the last time
        spent=Seconds(5.0, 20.0, 5.0),
        interrupted=interrupted,
    )
    if ends or interrupted:
        store.end(study.id, usage.document(), answered=ends)


def comparison(store: Store, **more) -> Comparison:
    """The recurrent model solves both problems, the other one the ramp alone."""
    study = Comparison(
        [LSTM(hidden_size=3), MLP(hidden_size=3)],
        [EchoValue(values=10), Ramp()],
        rungs=2,
        rates=(1e-3, 1e-2),
        seeds=3,
        recipe=Recipe(sequences=BUDGET),
    )

    def decide(trial: Trial) -> Outcome:
        solved = isinstance(trial.setting.model, LSTM) or isinstance(trial.setting.problem, Ramp)
        sequences = (2000 + 1000 * trial.seed) if solved else BUDGET
        return outcome(trial.setting, solved=solved, sequences=sequences)

    fill(store, study, decide, **more)
    return study


def frontier(store: Store, rate: float = 3e-3, limit: int | None = None, **more) -> Frontier:
    """Every seed solves lags up to `FRONTIER`."""
    setting = Setting(
        problem=EchoValue(values=10),
        framing=Whole(),
        model=LSTM(hidden_size=3),
        recipe=Recipe(sequences=BUDGET, learning_rate=rate),
    )
    study = Frontier(setting, seeds=5, limit=limit)

    def decide(trial: Trial) -> Outcome:
        return outcome(trial.setting, solved=getattr(trial.setting.problem, study.knob) <= FRONTIER)

    fill(store, study, decide, **more)
    return study


def profile(store: Store, **more) -> Profile:
    """The ramp is within reach, the echo is not, and one trial failed."""
    study = Profile(
        LSTM(hidden_size=3), [EchoValue(values=10), Ramp()], recipe=Recipe(sequences=BUDGET)
    )

    def decide(trial: Trial) -> Outcome | None:
        if trial.seed == 2:
            return None
        return outcome(trial.setting, solved=isinstance(trial.setting.problem, Ramp))

    fill(store, study, decide, most=12, **more)
    return study


def words(page: Page) -> str:
    """What a page says."""
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page.html())
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.fixture(scope="session")
def stores(tmp_path_factory):
    """Paths of stores, by what is asked in them."""
    home = tmp_path_factory.mktemp("stores")
    kinds = {"compare": (comparison,), "frontier": (frontier,), "profile": (profile,)}
    kinds["all"] = (comparison, frontier, profile)
    for name, made in kinds.items():
        with Store(home / f"{name}.db", write=True) as store:
            for each in made:
                each(store)
    return {name: home / f"{name}.db" for name in kinds}


@pytest.fixture
def by_hand():
    """What makes outcomes and studies."""
    return Hand()


@dataclasses.dataclass(frozen=True)
class Hand:
    """The functions above, for tests."""

    outcome = staticmethod(outcome)
    comparison = staticmethod(comparison)
    frontier = staticmethod(frontier)
    fill = staticmethod(fill)
    at = staticmethod(lambda setting, rung: at(setting, rung, 0.99))
    words = staticmethod(words)
    budget: int = BUDGET
    reached: int = FRONTIER
