"""The results of the baselines that come with longlag: written, read, and trained again."""

import dataclasses
import json

import pytest
from study_cases import drive, outcome, seed_score

import longlag as ll
from longlag.studies import suite_baselines as module
from longlag.studies.standing import LENGTHS, Standing
from longlag.studies.suite_baselines import parts, suite_baselines
from longlag.studies.suite_check import (
    check,
    document_of,
    merged,
    sample,
    setting_of_seeds,
    text_of,
)
from longlag.studies.suite_rows import BASELINES, ROWS
from longlag.studies.suite_study import Suite
from longlag.trials.environment import here
from longlag.trials.fit import finish, fit
from longlag.trials.outcome import skill
from longlag.workers.worker import outcome_of

SKILL = {"lstm": 1.0, "mamba": 0.4, "transformer": 0.988}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file in the place of that of the package; a function writes a document to it."""
    path = tmp_path / "results.json"

    def write(document):
        path.write_text(text_of(document))
        module._read.cache_clear()

    monkeypatch.setattr(module, "FILE", str(path))
    write({"runs": []})
    yield write
    module._read.cache_clear()


def finished(models=("lstm", "mamba"), problems=("parity", "reverse"), seeds=4, **more):
    """A study of baselines that has ended, with the skill of each model at every length."""
    chosen = {name: BASELINES[name] for name in models}
    study = Suite(chosen, problems, seeds=seeds, rates=(0.001, 0.01), **more)

    def come_out(trial):
        name = trial.setting.model.words.split()[0].replace("residual", "lstm")
        scores = {test: seed_score(SKILL[name]) for test in trial.setting.scored_on}
        return outcome(scores=scores, environment=here())

    drive(study, come_out)
    return study


def names(results):
    return [(each.standing.problem, each.standing.model) for each in results.results]


def test_what_a_study_found_is_read_as_it_was_written(file):
    study = finished(effort=0.25)
    file(merged({"runs": []}, document_of(study, "2026-01-31")))
    results, answer = suite_baselines(), study.answer()
    assert names(results) == [(cell.problem, cell.model) for cell in answer.cells]
    for result, cell in zip(results.results, answer.cells, strict=True):
        assert result.standing == cell.standing
        assert result.skills == {times: cell.skill(times) for times in LENGTHS}
        assert (result.width, result.rate, result.note) == (cell.width, cell.rate, cell.notes())
        assert (result.effort, result.date) == (0.25, "2026-01-31")
    assert results.of(["reverse"], ["mamba"]).problems == ("reverse",)
    assert not suite_baselines("state").results


def test_newer_results_take_the_place_of_older_ones_of_the_same_size(file):
    document = merged({"runs": []}, document_of(finished(), "2026-01-01"))
    document = merged(document, document_of(finished(["mamba"], ["parity"]), "2026-02-02"))
    document = merged(document, document_of(finished(match="state"), "2026-03-03"))
    file(document)
    dates = {pair: each.date[5:7] for pair, each in _pairs(suite_baselines())}
    assert dates == {
        ("parity", "lstm"): "01",
        ("parity", "mamba"): "02",
        ("reverse", "lstm"): "01",
        ("reverse", "mamba"): "01",
    }
    assert {each.date for each in suite_baselines("state").results} == {"2026-03-03"}


def _pairs(results):
    return zip(names(results), results.results, strict=True)


def test_results_of_parts_that_have_changed_since_are_left_out(file):
    document = document_of(finished(), "2026-01-01")
    cell = document["cells"][0]
    assert cell["parts"] == parts("parity", "lstm")
    cell["parts"] = cell["parts"].replace("parity 1", "parity 0")
    file(merged({"runs": []}, document))
    assert ("parity", "lstm") not in names(suite_baselines())
    assert len(suite_baselines().results) == 3


def test_a_study_that_has_not_ended_is_not_written():
    study = Suite([ll.GRU()], ["parity"], seeds=3)
    with pytest.raises(ValueError, match=r"8 trials are left, 0 failed"):
        document_of(study, "2026-01-01")


def test_the_results_stand_beside_those_of_a_user_s_own_model(file):
    file(merged({"runs": []}, document_of(finished(), "2026-01-01")))
    study = Suite([ll.MinGRU()], ["parity"], seeds=4)
    answer = study.answer()
    assert names(answer.baselines) == [("parity", "lstm"), ("parity", "mamba")]
    text = str(answer)
    assert "Beside: Baselines of about 20,000 weights, 4 seeds, effort 1; trained" in text
    assert "mamba (0.40 *)" in text
    chart = json.dumps(answer.figure("matrix").to_dict())
    assert all(f'"model": "{name}"' in chart for name in ("min-gru", "lstm", "mamba"))
    (shown,) = json.loads(json.dumps(answer.to_dict()))["baselines"][:1]
    assert (shown["verdict"], shown["skill_16"]["mean"]) == ("generalises", 1.0)


def test_a_baseline_that_is_trained_here_has_one_column(file):
    file(merged({"runs": []}, document_of(finished(), "2026-01-01")))
    chart = json.dumps(finished(["mamba"]).answer().figure("matrix").to_dict())
    cells = chart.count('"model": "mamba"'), chart.count('"model": "lstm"')
    assert cells == (2, 2)


def test_baselines_are_grouped_by_how_far_they_get(file):
    study = finished(["lstm", "mamba", "transformer"], ["parity"])
    file(merged({"runs": []}, document_of(study, "2026-01-01")))
    (row,) = suite_baselines().table().rows
    found = [getattr(each, "text", each) for each in row]
    # Three digits where two would round a failure up to the bar.
    assert found == ["parity", "lstm", "", "transformer (0.988 *), mamba (0.40 *)"]


def test_what_comes_with_longlag_is_of_the_suite_as_it_is():
    with open(module.__file__.removesuffix(".py") + ".json") as file:
        document = json.load(file)
    for run in document["runs"]:
        for cell in run["cells"]:
            assert cell["parts"] == parts(cell["problem"], cell["model"])
            assert {len(each["per_seed"]) for each in cell["skills"].values()} == {
                len(run["seeds"])
            }
    every = [(r["match"], c["problem"], c["model"]) for r in document["runs"] for c in r["cells"]]
    assert len(set(every)) == len(every)
    assert len(suite_baselines().results) == sum(match == "parameters" for match, *_ in every)


def test_no_such_baseline_is_named():
    with pytest.raises(ValueError, match=r"There is no baseline `mambo`.*mamba"):
        suite_baselines().of(["parity"], ["mambo"])
    with pytest.raises(ValueError, match=r"problem of the suite `paritty`.*parity"):
        suite_baselines().of(["paritty"])


def test_a_sample_has_as_many_models_and_problems_as_it_can(file):
    file(merged({"runs": []}, document_of(finished(problems=["parity", "reverse"]), "2026-01-01")))
    chosen = sample(suite_baselines(), 2)
    assert len({each.standing.model for each in chosen}) == 2
    assert len({each.standing.problem for each in chosen}) == 2
    assert len(sample(suite_baselines(), 100)) == 4


def test_a_result_that_is_trained_again_is_equal_or_named():
    standing = Standing(
        problem="word-problem",
        model="gru",
        skills=dict.fromkeys(LENGTHS, (0.0,)),
        solve_at=0.99,
        side="above",
    )
    result = module.BaselineResult(
        standing=standing,
        skills={},
        width=None,
        rate=0.01,
        sequences=(64,),
        note="",
        seeds=(3,),
        effort=0.00064,
        date="2026-01-01",
        environment=here(),
    )
    setting = setting_of_seeds(result, "parameters")
    assert setting.recipe.sequences == 64
    trained = outcome_of(finish(fit(setting, result.seeds)))
    tests = ROWS["word-problem"].tests
    skills = {n: skill([trained], test) for n, test in zip(LENGTHS, tests, strict=True)}
    for change, environment, expected in (
        (0.0, here(), "equal to the bit"),
        (1e-9, here(), "differs"),
        (1e-9, dataclasses.replace(here(), cores=99), "within tolerance"),
        (0.2, dataclasses.replace(here(), cores=99), "differs"),
    ):
        before = {
            times: dataclasses.replace(each, per_seed=(each.per_seed[0] + change,))
            for times, each in skills.items()
        }
        told = result._replace(skills=before, environment=environment)
        agreement = check(told, setting)
        assert agreement is not None
        assert (agreement.result, agreement.seed) == (expected, 3)
        assert bool(agreement.why) == bool(change)
