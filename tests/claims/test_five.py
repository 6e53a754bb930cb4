import dataclasses
from typing import Any

import numpy as np
import pytest
from claim_cases import came_out, settled

from longlag.claims import CARDS, settle
from longlag.claims.five import cards, common, cumulative, echo_value
from longlag.framings import Chunks
from longlag.models import LSTM, MLP
from longlag.problems import Ramp
from longlag.training import Recipe
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search

EXPECTED = [
    "ramp/one-step",
    "ramp/subsequence",
    "memorization/one-step",
    "memorization/sequence",
    "echo-value/current",
    "echo-value/previous",
    "echo-value/deeper",
    "subsequence/whole-vector",
    "subsequence/whole-per-step",
    "subsequence/partial",
    "cumulative/labels",
    "cumulative/bidirectional",
]
ONE_STEP = "MLP, one step, one vector"
FIVE = [card for card in CARDS.values() if card.document == "five"]


def adding(step):
    """Stands for `Run.predict` of a model that adds so much to the last value of a window of 3."""
    return lambda run, values, *, seed: values[2:] + step  # noqa: ARG005


@pytest.fixture(autouse=True)
def _made_up_runs_add_a_step(monkeypatch):
    """They have no models that could be asked about values off the ramp."""
    monkeypatch.setattr(Run, "predict", adding(0.1))


def test_all_twelve_cards_are_there():
    assert [card.id for card in FIVE] == EXPECTED


def test_every_card_sets_the_lstm_beside_an_mlp_tuned_on_the_same_budget():
    for card in FIVE:
        tuned = [arm for arm in card.arms.values() if isinstance(arm, Search)]
        settings: list[Any] = [getattr(arm, "setting", arm) for arm in card.arms.values()]
        contexts = {setting.model.context for setting in settings if isinstance(setting.model, MLP)}
        one_form = card.id in ("ramp/one-step", "memorization/one-step")
        assert contexts == ({None} if one_form else {None, 1})
        assert len({setting.recipe.sequences for setting in settings}) == 1
        for arm in tuned:
            assert arm.learning_rates == (1e-3, 3e-3, 1e-2)
            assert arm.hidden_sizes == ((50, 200) if isinstance(arm.setting.model, MLP) else (50,))
        if card.id != "echo-value/deeper":
            assert len(tuned) == len(card.arms)


def test_what_the_audit_says_of_every_arm():
    """The one-step MLP sees too little everywhere but where the answer is the input."""
    for card in FIVE:
        for name, arm in card.arms.items():
            setting = arm if isinstance(arm, Setting) else arm.setting
            verdict = setting.audit().verdict
            if card.id == "memorization/one-step" and "gradient" not in name:
                assert verdict == ("unreachable" if name == "MLP" else "state-only")
            elif "one step" in name and card.id not in ("echo-value/current", "ramp/subsequence"):
                assert verdict == "unreachable"
            else:
                assert verdict == "learnable"


@pytest.mark.parametrize(
    ("id", "accuracies", "expected"),
    [
        ("ramp/one-step", {}, "holds"),
        ("ramp/one-step", {"LSTM": 0.5}, "does not hold"),
        ("ramp/subsequence", {"MLP, flattened": 0.5}, "does not hold"),
        ("memorization/one-step", {"MLP": 0.875}, "holds"),
        ("memorization/one-step", {}, "does not hold"),
        ("memorization/one-step", {"LSTM": 0.9, "MLP": 0.8}, "does not hold"),
        ("memorization/sequence", {"MLP, one step": 0.5}, common.BOTH_FORMS),
        ("memorization/sequence", {"MLP, one step": 0.5, "MLP, flattened": 0.5}, "holds"),
        ("memorization/sequence", {}, "does not hold"),
        ("memorization/sequence", {"LSTM": 0.5, "MLP, one step": 0.5}, "does not hold"),
        ("echo-value/current", {}, "holds"),
        ("echo-value/current", {"MLP, one step": 0.5}, "does not hold"),
        ("echo-value/previous", {"MLP, one step": 0.01}, common.BOTH_FORMS),
        ("echo-value/previous", {"MLP, one step": 0.01, "MLP, flattened": 0.1}, "holds"),
        ("subsequence/whole-vector", {}, "holds"),
        ("subsequence/whole-vector", {"LSTM": 0.9}, "does not hold"),
        ("subsequence/whole-per-step", {}, "holds"),
        ("subsequence/whole-per-step", {"LSTM": 0.9}, "does not hold"),
        (
            "subsequence/partial",
            {"LSTM, one vector": 0.9, "MLP, flattened, one vector": 0.9, ONE_STEP: 0.1},
            "holds",
        ),
        ("subsequence/partial", {"LSTM, one vector": 0.9, ONE_STEP: 0.1}, "does not hold"),
        ("subsequence/partial", {"encoder-decoder": 0.3}, "does not hold"),
        ("subsequence/partial", {}, "does not hold"),
        (
            "subsequence/partial",
            {"encoder-decoder": 0.9, "encoder-decoder with attention": 0.9},
            "does not hold",
        ),
        ("cumulative/labels", {"MLP, one step": 0.55}, common.BOTH_FORMS),
        ("cumulative/labels", {"MLP, one step": 0.55, "MLP, flattened": 0.9}, "holds"),
        ("cumulative/labels", {}, "does not hold"),
        ("cumulative/labels", {"LSTM": 0.9, "MLP, one step": 0.55}, "does not hold"),
        ("cumulative/bidirectional", {}, "holds"),
        ("cumulative/bidirectional", {"bidirectional LSTM": 0.9}, "does not hold"),
    ],
)
def test_a_card_decides_by_what_its_runs_show(id, accuracies, expected):
    assert settled(id, accuracies).verdict == expected


def test_a_finding_says_nothing_that_its_runs_do_not_show():
    for card in FIVE:
        failed, won = settled(card.id, {}, 0.3), settled(card.id, {}, 1.0)
        assert failed.because != won.because, card.id
        assert "most frequent" in won.shortcuts


@pytest.mark.parametrize(
    ("needed", "expected", "words"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], "holds", "down to 19 steps back."),
        ([1, 2, 3, 4, 6, 7, 8, 5], "holds", "the order is not strict"),
        ([8, 7, 6, 5, 4, 3, 2, 1], "does not hold", "down to 19 steps back."),
        ([3, 3, 3, 3, 3, 3, 3, 3], "not settled", "down to 19 steps back."),
        ([1, 2, 3, 4, 5, 6, None, None], "holds", "down to 12 steps back; not learned: [16, 19]."),
        ([1, 2, 3, None, 5, 6, 7, 8], "holds", "down to 2 steps back; not learned: [4]."),
        ([None] * 8, "does not hold", "Not even the current value"),
    ],
)
def test_the_deepest_index_and_the_trend(needed, expected, words):
    card = CARDS["echo-value/deeper"]
    by_lag: dict[int, int | None] = dict(zip(echo_value.LAGS, needed, strict=True))

    def attempt(name):
        thousands = 1 if "MLP" in name else by_lag[int(name.removeprefix("lag "))]
        learned = thousands is not None
        arm = card.arms[name]
        sequences = 1000 * thousands if learned else 50_000
        run = came_out(arm, 1.0 if learned else 0.5, sequences, stopped=learned)
        # Seeds apart, so that a trend that one of them breaks has an interval.
        if name == "lag 19" and expected == "not settled":
            late = dataclasses.replace(run.history[0][0], outcome="finished")
            run = dataclasses.replace(run, history=((late,), *run.history[1:]))
        return run

    finding = card.settle(attempt, (0, 1, 2))
    assert finding.verdict == expected
    assert words in finding.because
    assert len(finding.rows) == len(echo_value.LAGS) + 3


@pytest.mark.parametrize(
    ("step", "words"),
    [(0.1, "adds a step between the values of the ramp, adds a step"), (0.0, "is lost between")],
)
def test_what_a_model_does_off_the_ramp_is_told_from_its_predictions(monkeypatch, step, words):
    monkeypatch.setattr(Run, "predict", adding(step))
    finding = settled("ramp/subsequence", {})
    assert words in finding.because
    errors = [row.measured.mean for row in finding.rows if "error" in row.tried]
    assert errors == pytest.approx([0.1 - step] * 6, abs=1e-6)


def test_flips_found_are_those_right_before_and_at_the_flip():
    run = came_out(CARDS["cumulative/labels"].arms["LSTM"], 1.0)
    targets = run.evaluations[0].targets
    late = np.hstack([np.zeros_like(targets[:, :1]), targets[:, :-1]])  # flips one step late
    counting = np.broadcast_to(np.arange(10) >= 4, targets.shape).astype(np.int32)
    flips = targets[targets.any(axis=1)].argmax(axis=1)
    for said, share in ((targets, 1.0), (late, 0.0), (counting, (flips == 4).mean())):
        evaluation = dataclasses.replace(run.evaluations[0], predicted=said)
        found = cumulative._at_flip(dataclasses.replace(run, evaluations=(evaluation,)))
        assert found.mean == pytest.approx(share)


def test_a_search_is_tuned_before_it_is_tried():
    setting = Setting(
        problem=Ramp(),
        framing=Chunks(),
        model=LSTM(hidden_size=4),
        recipe=Recipe(sequences=30, batch_size=9),
    )
    search = Search(setting=setting, hidden_sizes=(4,), learning_rates=(1e-6, 1e-2))
    card = dataclasses.replace(
        cards.CARDS[0],
        arms={"LSTM": search},
        settle=lambda attempt, _: common.finding_of(attempt("LSTM"), "", "holds", ""),
    )
    heard, done = [], {}
    settle(card, (0,), lambda name, *_: heard.append(name), done)
    assert heard == sorted(heard, key=lambda name: name == "LSTM")
    rates = {name.rpartition(" ")[2] for name in heard if "tuning: width 4" in name}
    assert rates == {"1e-06", "0.01"}
    (run,) = done.values()
    assert run.setting.recipe.learning_rate == 1e-2
    (remark,) = run.remarks
    assert remark.endswith("chosen of 2")
