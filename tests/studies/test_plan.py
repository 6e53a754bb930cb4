"""What a study would take, told before it starts."""

import dataclasses
from typing import Any

import pytest
from study_cases import BUDGET, SETTING, Scripted, outcome

import longlag as ll
from longlag.store.store import Store
from longlag.studies.comparison import Comparison
from longlag.studies.conduct import conduct
from longlag.studies.frontier import Frontier
from longlag.studies.plan import plan_of
from longlag.studies.profile import Profile
from longlag.training import Recipe
from longlag.trials.outcome import Seconds

RECIPE = Recipe(sequences=BUDGET)


def frontier():
    return Frontier(SETTING, seeds=2, limit=4)


def test_without_a_store_only_the_number_of_trials_is_known():
    found = plan_of(frontier(), None, 2)
    assert (found.most, found.stored, found.seconds) == (8, 0, None)
    assert str(found) == (
        "8 trials to run, at most; 0 are in the store. How long is not known: the store has no "
        "finished trial. Memory: at most about 0.3 GiB for each worker, an estimate."
    )


def test_stored_trials_are_not_run_again_and_nothing_is_written(tmp_path):
    path = tmp_path / "s.db"
    with Store(path, write=True) as store:
        conduct(frontier(), store, Scripted(lambda _: outcome()))
        count = len(store.records())
    before = path.read_bytes()
    with Store(path) as store:
        found = plan_of(frontier(), store, 2)
        assert (found.most, found.stored) == (0, count)
        assert str(found) == f"No trial to run: {count} are in the store."
        wider = plan_of(Frontier(SETTING, seeds=4, limit=4), store, 2)
        assert wider.stored == count
        assert wider.most
    assert path.read_bytes() == before


@pytest.mark.parametrize("workers", [1, 4])
def test_the_time_is_that_of_the_whole_budget_shared_by_the_workers(tmp_path, workers):
    half = dataclasses.replace(outcome(), sequences=BUDGET // 2, seconds=Seconds(0.0, 10.0, 4.0))
    model, problem = SETTING.model, ll.EchoLag(values=4, length=6)
    with Store(tmp_path / "s.db", write=True) as store:
        conduct(frontier(), store, Scripted(lambda _: half))
        study = Comparison([model], [problem], recipe=RECIPE, rungs=2, rates=[0.1], seeds=4)
        found = plan_of(study, store, workers)
    assert found.most == 8
    assert found.seconds == 8 * (2 * 10 + 4) / workers


def test_a_study_that_time_limits_says_so():
    found = plan_of(Profile(SETTING.model, [SETTING.problem], recipe=RECIPE), None, 2)
    assert str(found).startswith("As many trials as fit; 0 are in the store. Memory: at most about")


def test_of_many_trials_the_latest_tell_the_time(tmp_path, monkeypatch):
    monkeypatch.setattr("longlag.studies.plan._SEEN", 1)
    slow, fast = (
        dataclasses.replace(outcome(), seconds=Seconds(0.0, seconds, 0.0)) for seconds in (90, 1)
    )
    with Store(tmp_path / "s.db", write=True) as store:
        conduct(Frontier(SETTING, seeds=1, limit=1), store, Scripted(lambda _: slow))
        conduct(Frontier(SETTING, seeds=[7], limit=1), store, Scripted(lambda _: fast))
        found = plan_of(Frontier(SETTING, seeds=[8], limit=1), store, 1)
    assert (found.most, found.seconds, found.seen) == (1, 1, 1)


def test_the_memory_is_that_of_the_largest_model_on_the_longest_problem():
    def memory(hidden_size) -> int:
        problem = ll.EchoLag(values=4, length=400)
        setting = dataclasses.replace(
            SETTING, problem=problem, model=ll.LSTM(hidden_size=hidden_size)
        )
        return plan_of(Frontier(setting, seeds=1, limit=1), None, 1).memory or 0

    small, large = memory(4), memory(400)
    gates = 2**16 * 4 * 400 * 4  # bytes of the gates at all steps of one call
    assert small < 400 * 2**20
    assert gates < large - small < 3 * gates
    both = Comparison(
        [ll.LSTM(hidden_size=4), ll.LSTM(hidden_size=400)],
        [ll.EchoLag(values=4, length=400)],
        recipe=RECIPE,
    )
    assert plan_of(both, None, 1).memory == large


def test_the_memory_of_a_pytorch_model_grows_by_three_times_what_an_update_holds():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed here")

    wides = []  # bytes of the weights of a unit

    def memory(width) -> int:
        def make(sizes, _):
            wides.append(4 * (sizes.features + 1 + sizes.outputs))
            wide = torch.nn.Linear(sizes.features, width), torch.nn.Linear(width, sizes.outputs)
            return torch.nn.Sequential(*wide)

        setting = dataclasses.replace(SETTING, model=ll.adopt(make))
        return plan_of(Frontier(setting, seeds=1, limit=1), None, 1).memory or 0

    rows = SETTING.recipe.batch_size * SETTING.problem.steps
    small, large = memory(4), memory(40_004)
    least = 40_000 * (4 * wides[0] + 4 * rows)  # two moments, a gradient, and what is between
    assert 3 * least < large - small < 3 * 1.5 * least


CALLS = {
    "compare": (["lstm", "gru"], [SETTING.problem]),
    "frontier": (SETTING.problem, ll.Whole(), "lstm"),
    "generalise": (SETTING.problem, ll.Whole(), ["lstm"]),
    "profile": ("lstm", [SETTING.problem]),
    "suite": (["lstm"], ["parity"]),
}


@pytest.mark.parametrize("kind", CALLS)
def test_a_plan_takes_the_arguments_of_its_study_and_runs_nothing(kind, tmp_path, capsys):
    own: dict[str, Any] = {"effort": 0.01} if kind == "suite" else {"budget": BUDGET}
    found = ll.plan(getattr(ll, kind), *CALLS[kind], **own, store=tmp_path / "s.db")
    assert (found.most is None) == (kind == "profile")
    assert repr(found) == str(found)
    assert "0 are in the store." in repr(found)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")
    with pytest.raises(TypeError, match=f"{kind} has no argument `stor`. Did you mean `store`"):
        ll.plan(getattr(ll, kind), *CALLS[kind], stor=None)


def test_a_plan_counts_the_trials_of_the_store_and_is_of_a_study(tmp_path):
    store = tmp_path / "s.db"
    limited: dict[str, Any] = {"budget": 10, "seeds": 1, "limit": 1}
    ll.frontier(SETTING.problem, ll.Whole(), "lstm", store=store, progress=False, **limited)
    found = ll.plan(ll.frontier, SETTING.problem, ll.Whole(), "lstm", store=store, **limited)
    assert repr(found) == "No trial to run: 1 are in the store."
    with pytest.raises(TypeError, match=r"plan: `study` must be ll\.compare, .*, got .*train"):
        ll.plan(ll.train, SETTING.problem, ll.Whole(), "lstm")
