"""The cards of 1997: targets, learning rates and verdicts, without their training."""

import dataclasses

import numpy as np
import pytest

import longlag as ll
from longlag.answers.estimate import Estimate
from longlag.claims import CARDS, Finding, Result, settle
from longlag.claims.lstm1997.cards import CARDS as ROWS
from longlag.claims.lstm1997.common import LITERAL, MODERN, _estimate, _test
from longlag.claims.lstm1997.outputs import AsOutputs
from longlag.cli.reproduce import _page
from longlag.events import Advanced
from longlag.file_kinds import holds
from longlag.trials.criterion import Criterion, UntilMet

PROBLEM = AsOutputs(problem=ll.TemporalOrder(length=20), tolerance=0.3)


def test_classes_are_outputs_of_zero_and_one():
    inner, outer = (each.draw(np.random.default_rng(3), 9) for each in (PROBLEM.problem, PROBLEM))
    assert (inner.inputs == outer.inputs).all()
    assert (inner.scored == outer.scored).all()
    assert outer.targets.shape == (*inner.targets.shape, 4)
    assert (outer.targets.argmax(axis=-1) == inner.targets)[inner.scored].all()
    assert (outer.targets.sum(axis=-1) == 1).all()
    near = outer.targets + np.array([0.29, -0.29, 0.2, -0.1], np.float32)
    far = near + np.array([0.02, 0, 0, 0], np.float32)
    assert PROBLEM.targets.matches(near, outer.targets).all()
    assert not PROBLEM.targets.matches(far, outer.targets).any()
    assert PROBLEM.chance() == PROBLEM.problem.chance() == 0.25


@pytest.mark.parametrize("card", ROWS, ids=lambda card: card.id)
def test_each_row_has_both_recipes_and_a_setting_that_can_be_trained(card):
    assert {name.partition(",")[0] for name in card.arms} == {LITERAL, MODERN}
    for arm in card.arms.values():
        assert isinstance(arm, UntilMet)
        assert arm.setting.recipe.batch_size == 1
        assert arm.setting.layout.sequences == 1
    literal = next(iter(card.arms.values())).setting  # pyright: ignore[reportAttributeAccessIssue]
    assert literal.recipe.optimizer == "sgd"
    assert isinstance(literal.model, ll.LSTM1997)
    assert literal.model.logistic
    assert CARDS[card.id] is card


def test_the_learning_rate_is_that_of_the_half_sum():
    """Four outputs: the loss is the mean of four squares, the paper's half their sum."""
    rates = ("6a", 0.5 * 4 / 2), ("4-100", 0.5 / 2), ("2c-50-50", 0.01), ("2a", 101 * 100 / 2)
    for row, rate in rates:
        arm = CARDS[f"lstm-1997/{row}"].arms[LITERAL]
        assert isinstance(arm, UntilMet)
        assert arm.setting.recipe.learning_rate == rate


def history(right_from, total=3000):
    """A run that is right from a sequence on, as the events of a seed."""
    shares = (np.arange(total) >= right_from).astype(float)
    return (Advanced(0, total, total, np.zeros(total), float(shares.mean()), shares=shares),)


@pytest.mark.parametrize(
    ("right_from", "verdict"),
    [
        ((100, 110, 120, 130), "better"),
        ((480, 490, 510, 530), "reproduced"),
        ((800, 810, 820, 830), "refuted"),
        ((100, 110, 120, 2900), "refuted"),  # one seed never meets it
        ((10, 20, 30, 1900), "not settled"),
    ],
)
def test_verdicts_compare_the_interval_with_the_published_number(right_from, verdict):
    finding = finding_of(right_from)
    assert finding.verdict == verdict
    assert "Published: 1,000" in finding.because
    assert finding.chance is None
    met = [min(start + 500, 3000) for start in right_from]
    assert list(finding.measured.per_seed) == met


def finding_of(right_from, gap=""):
    run = ll.train(
        ll.EchoLag(lag=0, length=2, values=2), ll.Whole(), ll.MLP(), sequences=5, seeds=4
    )
    run = dataclasses.replace(run, history=tuple(map(history, right_from)))
    test = _test(1000, Criterion(sequences=500), gap, [LITERAL, MODERN])
    return test(lambda _: run, (0, 1, 2, 3))


def test_what_the_source_leaves_open_refutes_nothing():
    finding = finding_of((100, 110, 120, 2900), gap="It does not say how.")
    assert finding.verdict == "not settled"
    assert finding.because.startswith("Published: 1,000 sequences. It does not say how.")
    assert finding_of((100, 110, 120, 130), gap="It does not say how.").verdict == "better"


def test_a_card_trains_until_its_criterion_is_met():
    card = CARDS["lstm-1997/6a"]
    setting = ll.Setting(
        problem=ll.EchoLag(lag=0, length=2, values=2),
        framing=ll.Whole(),
        model=ll.LSTM(hidden_size=8),
        recipe=ll.Recipe(sequences=6000, batch_size=1, learning_rate=0.03),
    )
    arm = UntilMet(setting=setting, criterion=Criterion(sequences=100))
    small = dataclasses.replace(card, arms={LITERAL: arm, MODERN: arm})
    runs = {}
    settle(small, (0, 1), done=runs)
    (run,) = runs.values()
    assert [history[-1].outcome for history in run.history] == ["stopped"] * 2
    assert all(arm.criterion.of_history(history) for history in run.history)


def test_an_update_must_be_on_one_sequence():
    setting = ll.Setting(problem=ll.EchoLag(), framing=ll.Whole(), model=ll.LSTM())
    with pytest.raises(ValueError, match="Use batch_size=1 and framing Whole"):
        UntilMet(setting=setting, criterion=Criterion())


def test_a_page_of_either_source_is_known_as_longlags_own(tmp_path):
    for id in ("echo/encode", "lstm-1997/6a"):
        finding = Finding(
            measured=Estimate(4.0, (3.0, 5.0), (3.0, 5.0)),
            what="",
            chance=None,
            verdict="better",
            because="",
        )
        page = _page([Result(card=CARDS[id], finding=finding, seconds=1.0)], 2)
        path = tmp_path / "claims.md"
        path.write_text(page)
        assert holds(path, "claims")


@pytest.mark.parametrize("counts", [[None, None, None, None], [100, 200, None, 300]])
def test_a_seed_that_never_meets_the_criterion_makes_a_bound_without_an_interval(counts):
    found = _estimate(counts, 1000)
    assert found.text(",.0f").endswith(" (or more: a seed ended at its limit)")
    assert max(found.per_seed) == 3000
    assert "[" in _estimate([100, 200, 150, 300], 1000).text()
