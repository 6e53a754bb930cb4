"""Every answer has every form: text, HTML, values, frames, LaTeX, Markdown, figures, files."""

import base64
import copy
import dataclasses
import json
import pickle
import re
import subprocess
import sys
from importlib import metadata

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_cases import BUDGET, SETTING, drive, outcome, seed_score

import longlag as ll
from longlag.answers.answer import LINES, Answer, kind_of
from longlag.answers.blocks import cell, table
from longlag.answers.writers import latex, markdown
from longlag.checks.check import Checks
from longlag.checks.problem import check_problem
from longlag.files import check_outputs
from longlag.report.theme import DARK, INK
from longlag.studies.comparison import Comparison
from longlag.studies.frontier import Frontier
from longlag.studies.generalisation import Generalisation
from longlag.studies.profile import Profile
from longlag.studies.suite_study import Suite
from longlag.training import Recipe
from longlag.trials.gates_answer import Gates

MODELS = [ll.LSTM(hidden_size=3), ll.GRU(hidden_size=3)]
RECIPE = Recipe(sequences=BUDGET)
PROBLEM = ll.EchoLag(values=4)


def came(trial):
    """Skills that differ by seed and model, on every test of the setting."""
    skill = 0.4 + 0.1 * trial.seed + 0.2 * isinstance(trial.setting.model, ll.GRU)
    return outcome(skill, scores={name: seed_score(skill) for name in trial.setting.scored_on})


def of_study(study):
    drive(study, came)
    return study.answer()


ANSWERS = {
    "frontier": lambda: of_study(Frontier(SETTING, seeds=4)),
    "compare": lambda: of_study(
        Comparison(MODELS, [PROBLEM], recipe=RECIPE, rungs=2, rates=[0.01, 0.1], seeds=4)
    ),
    "profile": lambda: of_study(Profile(MODELS[0], [PROBLEM], recipe=RECIPE)),
    "generalise": lambda: of_study(
        Generalisation(SETTING.problem, SETTING.framing, MODELS, test=[12], recipe=RECIPE, seeds=4)
    ),
    "suite": lambda: of_study(Suite(["lstm", "min-gru"], ["parity", "reverse"], seeds=4)),
    "baselines": lambda: ll.suite_baselines(),
    "gates": lambda: Gates.of(ll.train(PROBLEM, ll.Whole(), MODELS[0], sequences=9).trained()),
    "audit": lambda: ll.audit(PROBLEM, ll.Chunks(timesteps=1, carry=True)),
    "checks": lambda: Checks(repr(PROBLEM), check_problem(PROBLEM)),
    "preflight": lambda: ll.preflight(PROBLEM, ll.Whole(), ll.MLP(hidden_size=3)),
    "score": lambda: ll.score(PROBLEM, ll.Window(timesteps=2), lambda inputs: inputs[:, -2]),
    "run": lambda: ll.train(PROBLEM, ll.Window(timesteps=3), MODELS[0], sequences=40, seeds=2),
    "forecast": lambda: ll.train(
        ll.Series(np.sin(np.arange(120.0)), length=4),
        ll.Window(timesteps=4),
        MODELS[0],
        sequences=40,
        seeds=2,
    ),
}


@pytest.fixture(scope="module")
def answers():
    return {name: make() for name, make in ANSWERS.items()}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_every_form(answers, tmp_path, name):
    answer: Answer = answers[name]
    assert len(repr(answer).splitlines()) <= LINES
    for end in (0, -1):
        assert repr(answer).splitlines()[end] == str(answer).splitlines()[end]
    document = json.loads(json.dumps(answer.to_dict(), allow_nan=False))
    assert document
    assert copy.deepcopy(answer).to_dict() == answer.to_dict()
    assert str(pickle.loads(pickle.dumps(answer))) == str(answer)
    frame = answer.to_frame()
    assert len(frame) == len(answer.rows()) > 0
    ends = frame.filter(regex="_(low|high)$").dtypes
    assert all(each.kind in "if" for each in ends)
    assert frame.columns[0] in ("problem", "model")
    for text in (answer.to_latex(), answer.to_markdown()):
        assert "longlag 0" in text
    page = answer._repr_html_()
    assert page.count("<table>") == page.count("</table>") > 0
    assert "<script" not in page
    drawn = re.findall(r'(?:dark\)" srcset|" src)="data:image/svg\+xml;base64,([^"]+)"', page)
    assert len(drawn) == 2 * bool(answer.figures)
    for each, ink, other in zip(drawn, (DARK[INK], INK), (INK, DARK[INK]), strict=False):
        svg = base64.b64decode(each).decode()
        assert ink in svg
        assert other not in svg
    for picture in answer.figures:
        assert answer.figure(picture).to_dict(validate=False)
    endings = "json csv parquet tex md html".split() + ["svg", "png"] * bool(answer.figures)
    for ending in endings:
        answer.save(tmp_path / f"a.{ending}")
        assert (tmp_path / f"a.{ending}").stat().st_size > 40
    assert list(pd.read_csv(tmp_path / "a.csv").columns) == list(frame.columns)
    assert len(pd.read_csv(tmp_path / "a.csv")) == len(frame)
    for ending in endings:  # files of its own kinds, which the command line may replace
        kind = kind_of(f"a.{ending}", "save")
        check_outputs({"--output": (tmp_path / f"a.{ending}", kind)}, {})


@pytest.mark.parametrize(
    "name", ["frontier", "compare", "profile", "generalise", "suite", "run", "forecast"]
)
def test_a_document_has_the_size_of_models_and_what_they_took(answers, name):
    text = json.dumps(answers[name].to_dict())
    assert {"parameters", "state", "flops_per_update"} <= set(re.findall(r'"(\w+)":', text))
    if name == "forecast":
        assert answers[name].to_dict()["error"] is None  # it would be in another unit
        found = answers[name].to_dict()["forecast"]
        frame = answers[name].to_frame().set_index("model")["error"]
        assert found["baselines"] == pytest.approx(frame.iloc[:-1].to_dict())
        assert found["error"]["mean"] == frame.iloc[-1]
        error = answers[name].forecast.error
        last = answers[name].to_frame().iloc[-1]
        assert np.isnan(last["error_low"]) == bool(error.left_out)
        between = f"{error.interval[0]:.4g} to "
        assert (error.left_out or between) in str(answers[name])
        assert (between in str(answers[name])) != bool(error.left_out)
        trials = answers[name].to_frame("trial")
        assert trials["error"].mean() == pytest.approx(frame.iloc[-1])


def test_the_best_possible_score_is_one_number_in_every_form():
    problem, framing = ll.EchoLag(values=4), ll.Chunks(timesteps=1)
    run = ll.train(problem, framing, MODELS[0], sequences=40)
    best = ll.audit(problem, framing).ceiling
    assert best == run.reachable == run.to_dict()["reachable"] == 0.25
    assert run.ceiling == run.to_dict()["ceiling"] == 1  # of any model under any framing
    for level in ("cell", "trial"):
        row = run.to_frame(level).iloc[0]
        assert (row["reachable"], row["ceiling"]) == (best, 1)
    assert "best possible score 0.25\n" in str(run)
    for text in (run.to_markdown(), run.to_latex()):
        (line,) = (each for each in text.splitlines() if "at chance" in each)
        assert "0.25" in line
        assert not re.search(r"[|&] 1 ", line)
    drawn = json.dumps([run.figure(each).to_dict() for each in run.figures])
    assert "best possible 0.25" in drawn
    assert "best possible 1" not in drawn
    study = Generalisation(problem, framing, MODELS[:1], test=[30], recipe=RECIPE, seeds=1)
    for score in of_study(study).models[0].scores:
        assert (score.reachable, score.ceiling) == (best, 1)


@pytest.mark.parametrize("name", ["frontier", "compare", "profile", "generalise", "run"])
def test_the_size_and_speed_of_models_and_the_version_of_the_problem_are_columns(answers, name):
    frame = answers[name].to_frame()
    of_none = "state", "flops_per_update", "memory", "seconds_per_step"  # made-up trial
    assert set(of_none) <= set(frame)
    assert not frame[["parameters", "updates_per_second", "problem_version"]].isna().any(axis=None)
    assert (frame["problem_version"] == PROBLEM.version).all()
    caption = answers[name].caption
    if name != "compare":  # whose table has columns of them
        assert f"{frame['parameters'].iloc[0]:,.0f} weights" in caption
    if name != "profile":  # of as many as it had time for
        assert "4 seeds" in caption or "2 seeds" in caption


def test_a_caption_names_what_was_trained_how_and_with_which_libraries():
    rate = {"sequences": 40, "learning_rate": 0.02}
    run = ll.train(PROBLEM, ll.Window(timesteps=3), MODELS[0], dtype="bfloat16", **rate)
    assert "trained on 40 sequences per seed, learning_rate=0.02 dtype=bfloat16." in run.caption
    assert f"jax {metadata.version('jax')}" in run.caption
    assert "recipe" in str(run)
    for study in (
        Frontier(dataclasses.replace(SETTING, recipe=Recipe(**rate)), seeds=4),
        Generalisation(PROBLEM, ll.Whole(), MODELS, test=[12], recipe=Recipe(**rate), seeds=4),
    ):
        assert " learning_rate=0.02;" in of_study(study).caption


def test_a_forecast_has_a_row_for_each_predictor_in_the_unit_of_the_target(answers):
    run = answers["forecast"]
    assert run.forecast is not None
    frame = run.to_frame().set_index("model")
    assert list(frame.index) == [*run.forecast.baselines, run.predictor]
    assert frame["error"].to_dict() == {
        **{name: each.error for name, each in run.forecast.baselines.items()},
        run.predictor: run.forecast.error.mean,
    }
    assert frame["ratio"].notna().tolist() == [*[False] * len(run.forecast.baselines), True]


def test_a_frontier_has_its_interval_and_why_seeds_got_no_further(answers):
    answer = answers["frontier"]
    frame = answer.to_frame()
    assert set(frame["median"]) == {answer.median}
    assert {*frame["median_low"], *frame["median_high"]} == {*answer.interval}
    assert frame["reason"].tolist() == [
        step.reasons[0].reason for step in map(answer.first_failed, answer.about.seeds)
    ]


@pytest.mark.parametrize("name", ["frontier", "compare", "profile", "generalise", "run"])
def test_a_frame_of_trials_has_a_row_for_each(answers, name):
    frame = answers[name].to_frame("trial")
    if name == "compare":  # two levels and two models, at the chosen rates
        assert len(frame) == 2 * 2 * 4
        seeds = frame[frame["model"] == "gru hidden_size=3"].groupby("seed")["skill"].mean()
        np.testing.assert_allclose(seeds, [0.6, 0.7, 0.8, 0.9])
    assert {"problem", "model", "seed", "skill"} <= set(frame.columns)
    assert set(frame["problem_version"]) == {1}
    assert frame["parameters"].notna().all()


def test_a_forecast_has_the_version_of_its_series_and_the_numbers_of_each_trial(answers):
    run = answers["forecast"]
    for frame in (run.to_frame(), run.to_frame("trial")):
        assert set(frame["problem_version"]) == {run.problem.version}
    assert set(run.to_frame("trial")["dtype"]) == {"float32"}


def test_an_interval_is_two_columns_and_the_mean_its_own(answers):
    answer = answers["compare"]
    row = answer.to_frame().iloc[0]
    skill = answer.cells[0].skill
    assert (row["skill"], row["skill_low"], row["skill_high"]) == (skill.mean, *skill.interval)


def test_a_difference_is_paired_by_seed(answers):
    answer = answers["compare"]
    one, other = answer.models
    found = answer.difference(other, one)
    assert found.per_seed == pytest.approx([0.2] * 4)
    assert found.interval[0] <= 0.2 <= found.interval[1]
    opposite = answer.difference(one, other)
    assert opposite.interval == pytest.approx([-end for end in reversed(found.interval)])
    for absent in ("lstm", "lst", "nofile.py:make", ll.LSTM):
        with pytest.raises(ValueError, match="There is no model `"):
            answer.difference(absent, other)


@pytest.mark.parametrize("name", ["compare", "generalise"])
def test_a_difference_takes_models_as_they_were_given(answers, name):
    answer = answers[name]
    found = answer.difference("gru(hidden_size=3)", ll.LSTM(hidden_size=3))
    assert found == answer.difference("gru hidden_size=3", "lstm hidden_size=3")


def test_a_difference_of_generalisation_is_of_the_lengths_that_both_read(answers):
    answer = answers["generalise"]
    one, other = (each.model for each in answer.models)
    found = answer.difference(other, one)
    assert found.per_seed == pytest.approx([0.2] * 4)
    assert found.interval[0] < 0.2 < found.interval[1]
    assert answer.differences() == {(one, other): answer.difference(one, other)}
    alone = answer.difference(other, one, length=12)
    assert alone.interval[1] - alone.interval[0] > found.interval[1] - found.interval[0]
    assert answer.differences(length=12).keys() == {(one, other)}
    with pytest.raises(ValueError, match="There is no model `lstm`"):
        answer.difference("lstm", other)
    with pytest.raises(ValueError, match=r"`length` must be one of .*12, got 7"):
        answer.difference(one, other, length=7)
    models = [ll.LSTM(hidden_size=3), ll.MLP(hidden_size=3)]
    answer = of_study(Generalisation(PROBLEM, ll.Whole(), models, test=[40], seeds=4))
    lstm, mlp = (each.model for each in answer.models)
    assert str(answer.difference(lstm, mlp)).startswith("0.000")
    assert answer.difference(lstm, mlp, length=40) is None


def test_a_difference_of_one_seed_has_no_interval():
    study = Comparison(MODELS, [PROBLEM], recipe=RECIPE, rungs=1, rates=[0.01], seeds=1)
    drive(
        study, lambda trial: outcome(scores={n: seed_score(0.5) for n in trial.setting.scored_on})
    )
    (found,) = study.answer().differences().values()
    assert str(found) == "0.000 (one seed: no interval)"
    mean = study.answer().mean_skill(study.answer().models[0])
    assert str(mean) == "0.500 (one seed: no interval)"


def test_differences_of_many_pairs_are_corrected_for_their_number():
    rng = np.random.default_rng(0)
    skills = {(seed, kind): rng.normal(0.5, 0.1) for seed in range(5) for kind in ("lstm", "gru")}

    def one(trial):
        skill = skills[trial.seed, trial.setting.model.title()]
        return outcome(skill, scores={name: seed_score(skill) for name in trial.setting.scored_on})

    study = Comparison(MODELS, [PROBLEM], recipe=RECIPE, rungs=1, rates=[0.01], seeds=5)
    drive(study, one)
    answer = study.answer()
    ours, theirs = answer.models
    pairs = [skills[seed, "lstm"] - skills[seed, "gru"] for seed in range(5)]
    for count in (1, 3):
        found = answer.difference(ours, theirs, pairs=count)
        assert found is not None
        low, high = found.interval
        expected = stats.t.interval(1 - 0.05 / count, 4, loc=np.mean(pairs), scale=stats.sem(pairs))
        # Never narrower than the noise of the test sequences.
        assert low <= expected[0] + 1e-9
        assert high >= expected[1] - 1e-9
        assert (low, high) == pytest.approx(expected, abs=0.02)


def test_what_failed_is_named(answers):
    assert answers["frontier"].failed == {}
    broken = ll.preflight(PROBLEM, ll.Whole(), lambda *_: 3)
    assert set(broken.failed) == {"made"}


def test_what_was_not_run_is_named():
    made = [
        Frontier(SETTING, seeds=2),
        Generalisation(SETTING.problem, SETTING.framing, MODELS, test=[12], seeds=2),
        Profile(MODELS[0], [PROBLEM, ll.EchoValue()], recipe=RECIPE),
    ]
    for study in made:
        trial = study.ask()
        study.tell(trial, came(trial))
    frontier, generalise, profile = (study.answer().failed for study in made)
    assert made[1].answer().differences() == {}
    assert frontier == {"seed 1": "not run"}
    assert generalise == {"lstm hidden_size=3": "1 not run", "gru hidden_size=3": "2 not run"}
    assert list(profile.values()) == ["not run"]


def test_an_ending_of_no_form_is_refused(answers, tmp_path):
    with pytest.raises(ValueError, match=r"save: an answer cannot be written as `\.xyz`. Use \.js"):
        answers["audit"].save(tmp_path / "a.xyz")
    with pytest.raises(
        ValueError, match=r"`\.xyz`. Use .* or \.png, or \.safetensors for the model"
    ):
        answers["run"].save(tmp_path / "a.xyz")
    with pytest.raises(ValueError, match=r"Preflight has no figure. Use to_frame\(\)"):
        answers["preflight"].save(tmp_path / "a.png")


def test_names_are_text_in_latex_markdown_and_html():
    odd = table("", ("a_b", "c"), [("50% & <b>$x$</b>", cell("p|q"))])
    assert r"50\% \& <b>\$x\$</b> & p|q \\" in latex(odd, "of #1")
    assert r"\caption{of \#1}" in latex(odd, "of #1")
    assert r"| 50% & <b>$x$</b> | p\|q |" in markdown(odd, "c")


def test_a_notebook_shows_no_markup_of_a_name():
    answer = ll.preflight(PROBLEM, ll.Whole(), lambda *_: "<script>alert(1)</script>")
    assert "<script>" not in answer._repr_html_()


def test_importing_longlag_brings_no_pandas_and_an_answer_needs_none_to_print():
    code = (
        "import sys, longlag as ll; a = ll.audit(ll.EchoLag(), ll.Whole()); repr(a); a.to_latex(); "
        "print(sorted({'pandas', 'altair', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_interval_of_a_difference_covers_the_true_one():
    rng, covered = np.random.default_rng(1), 0
    for _ in range(200):
        skills = {
            (seed, kind): float(np.clip(rng.normal(mean, 0.08), 0, 1))
            for seed in range(5)
            for kind, mean in (("lstm", 0.5), ("gru", 0.4))
        }

        def one(trial, skills=skills):
            skill = skills[trial.seed, trial.setting.model.title()]
            return outcome(
                skill, scores={name: seed_score(skill) for name in trial.setting.scored_on}
            )

        study = Comparison(MODELS, [PROBLEM], recipe=RECIPE, rungs=1, rates=[0.01], seeds=5)
        drive(study, one)
        answer = study.answer()
        found = answer.difference(*answer.models)
        assert found is not None
        low, high = found.interval
        covered += low <= 0.1 <= high
    assert covered >= 0.92 * 200


def test_a_table_stands_apart_from_the_sentences_above_it(answers):
    lines = str(answers["frontier"]).splitlines()
    assert lines[lines.index(next(line for line in lines if line.startswith("seed "))) - 1] == ""
    lines = str(answers["compare"]).splitlines()
    assert " weights" in lines[1]  # right below the name of its problem
    assert (lines[2], lines[3].split()[0]) == ("", "model")


def test_every_figure_is_drawn_and_every_drawing_is_named(answers):
    from longlag.report.drawings import DRAWINGS

    named = {(type(each).__name__, name) for each in answers.values() for name in each.figures}
    assert named == set(DRAWINGS)
    with pytest.raises(ValueError, match=r"There is no figure `skil`\. Did you mean `skill`"):
        answers["compare"].figure("skil")


def test_the_text_of_an_answer_is_its_text_in_a_notebook_too(answers, monkeypatch):
    expected = str(answers["compare"])
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert str(answers["compare"]) == expected
    assert "Skill: 0 is chance" in expected


@pytest.mark.parametrize(
    ("name", "instead"),
    [("summary", "print(answer)"), ("plot", "figure()"), ("evaluate", "scored already")],
)
def test_a_method_of_another_library_is_answered_with_the_one_here(answers, name, instead):
    for answer in answers.values():
        with pytest.raises(AttributeError, match=re.escape(instead)):
            getattr(answer, name)
        assert not hasattr(answer, "foo")
        assert copy.copy(answer).caption == answer.caption


@pytest.mark.parametrize("name", [".png", ".csv", "table.CSV"])
def test_a_file_of_no_other_name_is_written_by_its_ending(answers, tmp_path, name):
    answers["audit"].save(tmp_path / name)
    start = (tmp_path / name).read_bytes()[:8]
    assert (start == b"\x89PNG\r\n\x1a\n") == name.endswith(".png")
    assert (b"," in start) != name.endswith(".png")
