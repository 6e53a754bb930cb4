"""What is said of a comparison holds of the seeds that have run."""

import pytest

from longlag import LSTM, MLP, EchoValue, Memorization, Ramp
from longlag.answers.blocks import Table
from longlag.report.blocks import Figure
from longlag.report.comparisons import comparison
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
            recipe=Recipe(sequences=by_hand.budget),
        )
        ran = 0
        while ran < most and (trial := study.ask()) is not None:
            given = decide(trial.setting, trial.seed)
            study.tell(trial, given and by_hand.outcome(trial.setting, **given))
            ran += 1
        return comparison(study, "s1")

    return of


SOLVED, CHANCE = {"solved": True}, {"solved": False}


def _verdicts(told, place=0):
    """The rungs of a problem and a model, by verdict."""
    head, row = told.table.head[2:], told.table.rows[place][2:]
    return {name: cell.text for name, cell in zip(head, row, strict=True) if cell.text}


def _figure(told, place):
    return next(b for b in told.sections[place].blocks if isinstance(b, Figure))


def test_harder_rungs_that_were_solved_are_not_hidden(told):
    found = told(lambda s, seed: CHANCE if (s.problem.lag, seed) == (2, 3) else SOLVED)
    assert _verdicts(found) == {
        "solved": "lag 1, lag 5, lag 10",
        "solved by some": "lag 2 (4/5)",
    }


def test_rungs_solved_beyond_one_at_chance(told):
    found = told(lambda s, _: CHANCE if s.problem.lag == 2 else SOLVED)
    assert _verdicts(found) == {"solved": "lag 1, lag 5, lag 10", "at chance": "lag 2"}


def test_an_unfinished_comparison_says_how_many_seeds_there_are(told):
    seeds = iter(range(100))
    found = told(lambda *_: SOLVED, most=6)
    # All five at the first rung, one of the second.
    missing = {"missing": "lag 5 (0/0, 5 missing), lag 10 (0/0, 5 missing)"}
    assert _verdicts(found) == {"solved": "lag 1, lag 2 (1/1, 4 missing)"} | missing
    assert any("trials left" in each for each in found.certainty)
    found = told(lambda *_: SOLVED if next(seeds) % 2 else CHANCE, most=3)
    assert _verdicts(found)["solved by some"] == "lag 1 (1/3, 2 missing)"


def test_before_a_rate_is_chosen_nothing_is_found(told):
    found = told(lambda *_: SOLVED, most=3, rates=(1e-3, 1e-2))
    assert found.results == []
    assert [*_verdicts(found)] == ["missing"]


def test_seeds_that_came_to_nothing_are_not_still_to_run(told):
    found = told(lambda _, seed: None if seed == 4 else SOLVED)
    rungs = ", ".join(f"lag {lag} (4/4, 1 missing)" for lag in (1, 2, 5, 10))
    assert _verdicts(found) == {"solved": rungs}
    assert not any("left" in each for each in found.certainty)
    assert "Not complete: 4 trials missing at these levels." in found.certainty


def test_below_chance_is_not_called_chance(told):
    worse = {"solved": False, "accuracy": 0.02}
    found = told(
        lambda s, _: SOLVED if s.problem.lag < 5 else worse if s.problem.lag > 5 else CHANCE
    )
    assert _verdicts(found) == {
        "solved": "lag 1, lag 2",
        "at chance": "lag 5",
        "below chance": "lag 10",
    }
    [table] = [block for block in found.sections[0].blocks if isinstance(block, Table)]
    rows = [tuple(cell.text for cell in row[2:6]) for row in table.rows[2:]]
    assert table.head[6:] == ("share of seeds", "sequences")
    assert [(verdict, why) for verdict, _, _, why in rows] == [
        ("at chance", "at chance (5)"),
        ("below chance", "below chance (5)"),
    ]
    assert [skill.split()[0] for _, _, skill, _ in rows] == ["0.000", "−0.089"]


def test_curves_are_of_rungs_that_all_models_have(told):
    models = [LSTM(hidden_size=3), MLP(hidden_size=3)]
    found = told(lambda *_: SOLVED, most=13, seeds=3, models=models)
    # Rung 1 and 2 of both, and one seed of the third rung of the first.
    [panel] = _figure(found, 3).panels
    assert panel.title == "echo-value values=10, lag 2, seeds: 3"
    assert told(lambda *_: SOLVED, most=1, seeds=3, models=models).sections[3].empty


def test_mean_skill_has_a_possible_interval(told):
    models = [LSTM(hidden_size=3), MLP(hidden_size=3)]
    lucky = told(
        lambda s, seed: SOLVED if seed or isinstance(s.model, MLP) else CHANCE,
        seeds=2,
        models=models,
    )
    # The bounds there are: a seed at chance and one at the ceiling, of chance 0.1.
    assert lucky.results[1].endswith(
        "over all levels: 0.500 (2 seeds too far apart for an interval)."
    )
    # Seeds all alike: no narrower than the noise of four times 2,000 draws.
    assert (
        lucky.results[0] == "Mean skill of mlp hidden_size=3 over all levels: 1.000 [0.999, 1.000]."
    )
    halfway = {"solved": False, "accuracy": 0.5}
    alike = told(lambda *_: halfway, seeds=4, models=models)
    low, high = alike.results[0].split("[")[1].split("]")[0].split(", ")
    # Four seeds, four rungs: a quarter of the errors' root sum of squares, of a span of 0.9.
    assert float(high) - float(low) == pytest.approx(
        2 * 1.96 * (0.25 / 16000) ** 0.5 / 0.9, rel=0.05
    )
    one = told(lambda *_: halfway, seeds=1, models=models)
    assert one.results[0].endswith("over all levels: 0.444 (one seed: no interval).")


def test_how_rates_were_chosen_and_times_measured(told):
    found = told(lambda *_: SOLVED, rates=(1e-3, 1e-2), problems=[EchoValue(values=10), Ramp()])
    sure = " ".join(found.certainty)
    assert "The same seeds are scored there, so a model whose seeds differ much" in sure
    assert "on validation sequences" in sure
    caption = _figure(found, 1).caption
    assert "looked at about fifty times" in caption
    assert "only at the end counts with all of its sequences" in caption
    one = told(lambda *_: SOLVED)
    assert "The same seeds" not in " ".join(one.certainty)


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
        assert "below −1 is drawn at −1." in figure.caption
