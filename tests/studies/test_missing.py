"""What came to nothing stays in every table, with the reason."""

import subprocess
import sys
from typing import Any

import pytest
from study_cases import BUDGET, SETTING, Scripted, outcome, seed_score

import longlag as ll
from longlag.answers.writers import text
from longlag.report.comparisons import comparison
from longlag.report.generalisations import generalisation
from longlag.store.store import Store
from longlag.studies.comparison import Comparison
from longlag.studies.conduct import conduct
from longlag.studies.frontier import Frontier
from longlag.studies.generalisation import Generalisation
from longlag.studies.profile import Profile
from longlag.studies.registry import load_study
from longlag.studies.suite_study import Suite
from longlag.training import Recipe

MODELS = [ll.LSTM(hidden_size=3), ll.GRU(hidden_size=3)]
RECIPE = Recipe(sequences=BUDGET)
WHY = "its process died [3] times"


@pytest.fixture
def kept(tmp_path):
    with Store(tmp_path / "longlag.db", write=True) as kept:
        yield kept


def compared():
    return Comparison(
        MODELS, [ll.EchoLag(values=4)], recipe=RECIPE, rungs=2, rates=[0.01, 0.1], seeds=2
    )


def reread(kept) -> Any:
    """The one study of a store, read back."""
    (record,) = kept.studies()
    return load_study(kept, record)


def page(part):
    return [" ".join(cell.text for cell in row) for row in part.table.rows]


def fails(model, **knobs):
    """A model fails, at values of knobs of its problem where they are named."""

    def came(task):
        written = task.setting["problem"] | task.setting["recipe"]
        here = all(written[name] == value for name, value in knobs.items())
        return WHY if task.setting["model"]["kind"] == model and here else scored(task)

    return came


def scored(task):
    """Half of the skill, on every test of the setting."""
    tests = [name for name, _ in task.setting.get("tests", [["in-distribution", None]])]
    return outcome(scores={name: seed_score(0.5) for name in tests})


def test_a_level_at_which_a_model_came_to_nothing_is_a_row_with_the_reason(kept):
    study = compared()
    usage = conduct(study, kept, Scripted(fails("gru", lag=2)))
    for each in (study, reread(kept)):
        answer = each.answer()
        assert [(cell.model, cell.rung) for cell in answer.cells] == [
            *[("lstm hidden_size=3", rung) for rung in (1, 2)],
            *[("gru hidden_size=3", rung) for rung in (1, 2)],
        ]
        missing = answer.cells[-1]
        assert (missing.skill, missing.time, missing.missing) == (None, None, 2)
        assert missing.failures == {WHY: 2}
        assert answer.mean_skill("gru hidden_size=3") is None
        (line,) = [
            line for line in text(answer.blocks(), width=200).splitlines() if "missing" in line
        ]
        assert f"{WHY} (2)" in line
        assert "lag 2" in line
        assert answer.to_dict()["cells"][-1]["failures"] == {WHY: 2}
        assert answer.failed == {"echo-lag values=4, lag 2, gru hidden_size=3": f"{WHY} (2)"}
        assert WHY in answer.to_latex().replace("\\_", "_")
        (row,) = [
            row for row in page(comparison(each, "a")) if row.startswith("echo-lag values=4 gru")
        ]
        assert "lag 2 (0/0, 2 missing)" in row
    assert len(usage.failed) == 2


def test_a_verdict_of_some_seeds_alone_is_marked_with_the_meaning_below(kept):
    """Seed 1 of the second model failed."""

    def came(task):
        lost = task.setting["model"]["kind"] == "gru" and task.seeds == (1,)
        return WHY if lost else scored(task)

    study = compared()
    conduct(study, kept, Scripted(came))
    for each in (study, reread(kept)):
        answer = each.answer()
        shown = text(answer.blocks(), width=200)
        rows = [line for line in shown.splitlines() if "above chance" in line]
        assert [("above chance*" in row, WHY in row) for row in rows] == [
            *[(False, False)] * 2,
            *[(True, True)] * 2,
        ]
        for whole in (shown, answer.to_latex(), answer.to_markdown()):
            assert "* Of the other seeds alone: some failed" in whole.replace("\\", "")


def test_a_rate_at_which_nothing_came_out_is_missing_and_another_is_chosen(kept):
    study = compared()
    conduct(study, kept, Scripted(fails("gru", learning_rate=0.01)))
    for each in (study, reread(kept)):
        lost = [cell for cell in each.answer().ladder if not cell.skill]
        assert [(cell.model, cell.rate) for cell in lost] == [("gru hidden_size=3", 0.01)]
        assert {cell.rate for cell in each.answer().cells if "gru" in cell.model} == {0.1}
        assert "missing" in repr(each.answer())


STUDIES = {
    "compare": compared,
    "frontier": lambda: Frontier(SETTING, seeds=2),
    "profile": lambda: Profile(MODELS[1], [ll.EchoLag(values=4)], recipe=RECIPE),
    "generalise": lambda: Generalisation(
        SETTING.problem, SETTING.framing, MODELS, test=[12], recipe=RECIPE, seeds=2
    ),
    "suite": lambda: Suite(MODELS, ["parity"], seeds=2),
}


@pytest.mark.parametrize("kind", STUDIES)
def test_where_nothing_of_a_model_could_run_it_is_an_error_that_says_why(kept, kind):
    executor = Scripted(fails("lstm" if kind == "frontier" else "gru"))
    with pytest.raises(ValueError, match=r"hidden_size=\d+: none of its trials could run: its pro"):
        conduct(STUDIES[kind](), kept, executor)
    (record,) = kept.studies()
    assert record.ended is not None
    finished = {each.model.split()[0] for each in kept.records()}
    assert finished == ({"lstm"} if kind in ("compare", "generalise", "suite") else set())


@pytest.mark.parametrize("kind", ["frontier", "profile", "generalise", "suite"])
def test_a_seed_that_failed_is_named_with_the_reason(kept, kind):
    def came(task):
        return WHY if task.seeds == (1,) else scored(task)

    study: Any = STUDIES[kind]()
    conduct(study, kept, Scripted(came))
    for each in (study, reread(kept)):
        assert WHY in text(each.answer().blocks(), width=200)
    if kind == "generalise":
        levels = generalisation(study, "a").groups[0]
        assert levels.failures == {WHY: 1}


def test_a_model_not_yet_run_has_a_row_in_the_frame_and_the_caption_says_so(kept):
    study: Any = STUDIES["generalise"]()
    conduct(study, kept, Scripted(scored, strike_after=1))  # Ctrl-C
    answer = study.answer()
    frame = answer.to_frame().set_index("model")
    assert set(frame.index) == {model.words for model in MODELS}
    without = frame[frame["skill"].isna()]
    assert "not run" in without["note"].iloc[0]
    assert "The study is not complete." in answer.caption


SCRIPT = """
import equinox as eqx, jax
import longlag as ll

def make(sizes, seed):
    return eqx.filter_vmap(eqx.nn.Linear(sizes.features, sizes.outputs, key=jax.random.key(seed)))

problem = ll.EchoLag(values=3, length=5)
ll.compare([make, ll.RNN(hidden_size=2)], [problem], rungs=1, budget=40, seeds=1)
print("answered")
"""


def test_a_script_without_a_guard_is_an_error_with_the_remedy(tmp_path):
    (tmp_path / "mine.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "answered" not in done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        "ValueError: mine.py:make: none of its trials could run: mine.py starts a study when it "
        'is imported. Put that under `if __name__ == "__main__":`.'
    )
