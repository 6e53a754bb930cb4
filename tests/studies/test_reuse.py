"""Trials with another budget stand in for new ones only where they would be equal to the bit."""

import dataclasses

import pytest
from study_cases import SETTING, Scripted, outcome

import longlag as ll
from longlag.store.store import Store
from longlag.studies.conduct import conduct
from longlag.studies.frontier import Frontier
from longlag.studies.plan import plan_at
from longlag.studies.reuse import equal
from longlag.training import Recipe
from longlag.trials import documents
from longlag.trials.fit import duration, same_under
from longlag.trials.identity import Trial
from longlag.trials.outcome import Seconds
from longlag.trials.setting import Setting
from longlag.workers.threads import Threads

NO_TIME = Seconds(0.0, 0.0, 0.0)


def real(budget):
    setting = Setting(
        problem=ll.EchoLag(values=3, length=6),
        framing=ll.Whole(),
        model=ll.RNN(hidden_size=8),
        recipe=Recipe(sequences=budget, learning_rate=0.01),
    )
    return Frontier(setting, seeds=2, limit=2)


def answered(study, path):
    """The usage and the answer of a study, and its outcomes and models without their times."""
    with Store(path, write=True) as store, Threads(workers=1) as executor:
        usage = conduct(study, store, executor)
        trials = store.asked(study.id)
        kept = [
            (
                id,
                seed,
                setting,
                dataclasses.replace(came, seconds=Seconds(0.0, 0.0, 0.0)),
                store.weights(id),
            )
            for id, seed, setting, came in trials
        ]
        answer = study.answer().to_dict()
        for measured in ("updates_per_second", "seconds_per_step"):
            assert answer.pop(measured) > 0
        return usage, answer, kept


def test_the_answer_is_that_without_reuse_to_the_bit(tmp_path):
    smaller, _, _ = answered(real(4000), tmp_path / "a.db")
    before = plan_at(real(5000), tmp_path / "a.db", 1)
    again, *reused = answered(real(5000), tmp_path / "a.db")
    alone, *fresh = answered(real(5000), tmp_path / "b.db")
    assert smaller.ran == alone.ran
    assert before.stored == again.reused > 0
    assert again.ran + again.reused == alone.ran
    assert reused == fresh
    assert any(weights is not None for *_, weights in fresh[1])


def with_budget(sequences, **recipe):
    recipe = dataclasses.replace(SETTING.recipe, sequences=sequences, **recipe)
    return dataclasses.replace(SETTING, recipe=recipe)


CHUNK = duration(with_budget(5000), 99).chunk
LONG = 1_000_000  # drawn in other chunks


@pytest.mark.parametrize(
    ("ended", "chunks", "part", "before", "after", "same"),
    [
        ("stopped", 2, 0, 5000, 9000, True),
        ("diverged", 2, 0, 5000, 9000, True),
        ("stopped", 2, 0, 9000, 5000, True),  # a larger budget, likewise
        ("finished", 2, 0, 5000, 9000, False),
        ("stopped", 2, 1, 5000, 9000, False),  # the last chunk was cut by the budget
        ("stopped", 9, 0, 9000, 5000, False),  # later than this budget
        ("stopped", 2, 0, 5000, LONG, False),
    ],
)
def test_only_a_trial_that_ended_before_both_budgets_is_the_same(
    ended, chunks, part, before, after, same
):
    came = outcome(ended=ended, updates=chunks * CHUNK + part)
    assert same_under(with_budget(before), with_budget(after), came) == same


@pytest.mark.parametrize("knobs", [{}, {"schedule": "cosine"}, {"warmup": 0.1}])
def test_a_rate_that_follows_the_planned_updates_makes_another_trial(knobs):
    came = outcome(ended="stopped", updates=2 * CHUNK)
    assert same_under(with_budget(5000, **knobs), with_budget(9000, **knobs), came) == (not knobs)


def test_another_rate_or_criterion_or_seed_is_another_trial(tmp_path):
    came = outcome(ended="stopped", updates=CHUNK)
    with Store(tmp_path / "s.db", write=True) as store:
        study = Frontier(with_budget(5000), seeds=1, limit=1)
        conduct(study, store, Scripted(lambda _: came))
        ((id, _, setting, _),) = store.asked(study.id)
        assert store.budgets() == [5000]
        ran = documents.setting(setting)

        def found(seed=0, **recipe):
            recipe = dataclasses.replace(ran.recipe, sequences=9000, **recipe)
            trial = Trial(setting=dataclasses.replace(ran, recipe=recipe), seed=seed)
            return equal(store, trial, [5000])

        assert found() == (id, came)
        assert found(seed=1) is None
        assert found(learning_rate=0.5) is None
        assert found(stop_at=0.5) is None
        assert found(stop_at=None) is None
