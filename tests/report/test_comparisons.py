"""What is said of a comparison holds of the seeds that have run."""

import numpy as np
import pytest

from longlag import LSTM, MLP, EchoValue, Memorization, Ramp
from longlag.report.comparisons import comparison
from longlag.report.content import Figure, Table
from longlag.studies.comparison import Comparison
from longlag.training import Recipe


@pytest.fixture
def told(by_hand):
    """What a comparison tells; `decide(setting, seed)` gives what is given of an outcome."""

    def of(decide, *, most=10**6, rates=(1e-3,), seeds=5, models=None, problems=None):
        study = Comparison(
            models or [LSTM(hidden_size=3)],
            problems or [EchoValue(values=10)],
            rungs=4,
            rates=rates,
            seeds=seeds,
            recipe=Recipe(epochs=by_hand.budget),
        )
        ran = 0
        while ran < most and (trial := study.ask()) is not None:
            given = decide(trial.setting, trial.seed)
            study.tell(trial, given and by_hand.outcome(trial.setting, **given))
            ran += 1
        return comparison(study, "s1")

    return of


SOLVED, CHANCE = {"solved": True}, {"solved": False}


def _climbed(told, place=-1):
    return [point.text for point in told.found[place].under]


def _figure(told, place):
    return next(b for b in told.sections[place].blocks if isinstance(b, Figure))


def test_harder_rungs_that_were_solved_are_not_hidden(told):
    found = told(lambda s, seed: CHANCE if (s.problem.lag, seed) == (2, 3) else SOLVED)
    [said] = _climbed(found)
    assert "solves lag 2 with 4 of 5 seeds" in said
    assert said.endswith(", and again lag 5 and 10 with all of 5 seeds.")


def test_rungs_solved_beyond_one_at_chance(told):
    [said] = _climbed(told(lambda s, _: CHANCE if s.problem.lag == 2 else SOLVED))
    assert "cannot be told from chance at lag 2 (skill 0.000" in said
    assert said.endswith("; yet solves lag 5 and 10 with all of 5 seeds.")


def test_an_unfinished_comparison_says_how_many_seeds_there_are(told):
    seeds = iter(range(100))
    found = told(lambda *_: SOLVED, most=6)
    [said] = _climbed(found)
    # All five at the first rung, one of the second.
    assert said.startswith("solves lag up to 2 with the 1 of 5 seeds run so far (skill")
    assert said.endswith(", the hardest tried so far.")
    found = told(lambda *_: SOLVED if next(seeds) % 2 else CHANCE, most=3)
    assert _climbed(found)[0].startswith("solves lag 1 with 1 of 3 seeds run so far")


def test_before_a_rate_is_chosen_nothing_is_found(told):
    found = told(lambda *_: SOLVED, most=3, rates=(1e-3, 1e-2))
    assert found.found == [
        "Nothing yet: the learning rates are still being chosen at the first rung."
    ]


def test_seeds_that_came_to_nothing_are_not_still_to_run(told):
    [said] = _climbed(told(lambda _, seed: None if seed == 4 else SOLVED))
    assert said.startswith("solves lag up to 10 with the 4 of 5 seeds that came to something")
    assert said.endswith(", the hardest that was tried.")


def test_below_chance_is_not_called_chance(told):
    worse = {"solved": False, "accuracy": 0.02}
    found = told(
        lambda s, _: SOLVED if s.problem.lag < 5 else worse if s.problem.lag > 5 else CHANCE
    )
    [said] = _climbed(found)
    assert "cannot be told from chance at lag 5 (skill 0.000" in said
    assert "does worse than chance at lag 10 (skill −0.089" in said
    [table] = [block for block in found.sections[0].blocks if isinstance(block, Table)]
    why = [row[5].text for row in table.rows]
    assert why == ["", "", "at chance (5)", "below chance (5)"]


def test_curves_are_of_rungs_that_all_models_have(told):
    models = [LSTM(hidden_size=3), MLP(hidden_size=3)]
    found = told(lambda *_: SOLVED, most=13, seeds=3, models=models)
    # Rung 1 and 2 of both, and one seed of the third rung of the first.
    [panel] = _figure(found, 3).panels
    assert panel.title == "echo-value values=10, lag 2, 3 seeds"
    assert told(lambda *_: SOLVED, most=2, seeds=3, models=models).sections[3].empty


def test_mean_skill_has_a_possible_interval(told):
    rng = np.random.default_rng(0)
    models = [LSTM(hidden_size=3), MLP(hidden_size=3)]
    lucky = told(
        lambda s, seed: SOLVED if seed or isinstance(s.model, MLP) else CHANCE,
        seeds=2,
        models=models,
    )
    # The bounds there are: a seed at chance and one at the ceiling, of chance 0.1.
    assert "lstm hidden_size=3 0.500 [−0.111, 1.000]" in lucky.found[0]
    # Seeds all alike: no narrower than the noise of four times 2,000 draws.
    assert "mlp hidden_size=3 1.000 [0.999, 1.000]" in lucky.found[0]
    noisy = told(
        lambda *_: {"solved": False, "accuracy": 0.5 + 0.001 * rng.normal()},
        seeds=1,
        models=models,
    )
    assert "0.44" in noisy.found[0]
    low, high = noisy.found[0].split("[")[1].split("]")[0].split(", ")
    # One seed, four rungs: a quarter of the errors' root sum of squares, of a span of 0.9.
    assert float(high) - float(low) == pytest.approx(
        2 * 1.96 * (0.25 / 4000) ** 0.5 / 0.9, rel=0.05
    )


def test_how_rates_were_chosen_and_times_measured(told):
    found = told(lambda *_: SOLVED, rates=(1e-3, 1e-2), problems=[EchoValue(values=10), Ramp()])
    sure = " ".join(found.sure)
    assert "the seeds that chose are those that answer, which flatters a model there" in sure
    assert "Few different sequences: ramp (1)." in sure
    assert "on a stream of draws that no result is measured on" in sure
    caption = _figure(found, 1).caption
    assert "steps of about a fiftieth" in caption
    assert "only at the end counts with all of its sequences" in caption
    one = told(lambda *_: SOLVED)
    assert "flatters" not in " ".join(one.sure)
    assert "Few different" not in " ".join(one.sure)


@pytest.mark.parametrize(
    ("problem", "accuracy", "low"),
    [
        (EchoValue(values=10), 1.0, -0.15),
        (EchoValue(values=10), 0.0, -0.15),
        (EchoValue(values=2), 0.3, -0.4),
        (Memorization(), 0.3, -1),
    ],
)
def test_an_axis_goes_as_low_as_the_skill(told, problem, accuracy, low):
    found = told(lambda *_: {"solved": False, "accuracy": accuracy}, problems=[problem])
    for place, field in ((0, "low"), (3, "skill")):  # skill by rung, and learning curves
        figure = _figure(found, place)
        spec = figure.panels[0].chart.to_dict()
        [end, _] = spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
        rows = [row for rows in spec["datasets"].values() for row in rows if "skill" in row]
        assert low - 0.05 <= end <= low
        assert end <= max(-1, min(row[field] for row in rows if field in row))
        # Of memorization most steps can be guessed, so that skill may lie far below chance.
        noted = "What lies below −1 is drawn at −1." in figure.caption
        assert noted == isinstance(problem, Memorization)
