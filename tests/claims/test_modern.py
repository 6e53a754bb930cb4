"""The cards of the newer literature: settings, problems and verdicts, without their training."""

import dataclasses

import numpy as np
import pytest
from claim_cases import came_out

import longlag as ll
from longlag.claims import CARDS
from longlag.claims.card import Arm, settle
from longlag.claims.modern.cards import CARDS as ROWS
from longlag.claims.modern.common import (
    Fails,
    Figure,
    Learns,
    StaysBelow,
    Worse,
    card,
    setting,
    total,
    tuned,
)
from longlag.claims.modern.fixed_set import FixedSet
from longlag.claims.modern.icl import PairRecall, TokenInduction
from longlag.claims.modern.marked import MarkedCopying
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search

IDS = [
    "modern/cogscale-copy",
    "modern/cogscale-selective",
    "modern/aru-copying",
    "modern/aru-adding",
    "modern/icl-recall",
    "modern/icl-induction",
    "modern/induction",
    "modern/flip-flop-lstm",
    "modern/flip-flop-mamba",
    "modern/parity-sign",
    "modern/slstm-arithmetic",
    "modern/reverse-capacity",
    "modern/bucket-sort",
    "modern/selective-copying",
    "modern/a5-one-layer",
    "modern/aru-counting",
]


def setting_of(arm) -> Setting:
    return arm.setting if isinstance(arm, Search) else arm


def test_all_rows_are_there_in_order():
    assert [row.id for row in ROWS] == IDS
    assert [id for id, each in CARDS.items() if each.document == "modern"] == IDS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_arm_can_learn_and_be_scored(row):
    for arm in row.arms.values():
        each = setting_of(arm)
        assert each.audit().verdict == "learnable"
        assert len(set(each.scored_on)) == len(each.scored_on)
        if isinstance(arm, Search):
            assert len(arm.learning_rates) > 1
            assert not isinstance(each.problem, FixedSet)


@pytest.mark.parametrize(
    ("id", "arm", "steps", "chance", "sequences"),
    [
        ("cogscale-copy", "as published", 50 + 10 + 1 + 50, 1 / 8, 50_000),
        ("cogscale-selective", "as published", 80 + 10 + 1 + 10, 1 / 8, 50_000),
        ("aru-copying", "tuned", 10 + 50 + 1 + 10, 1 / 8, None),
        ("icl-recall", "LSTM, tuned", 42, 1 / 9, None),
        ("icl-induction", "tuned", 31, 1 / 18, None),
        ("induction", "LSTM", 32, 1 / 16, None),
        ("flip-flop-lstm", "LSTM", 512, 1 / 2, None),
        ("a5-one-layer", "Mamba", 12, 1 / 60, None),
    ],
)
def test_sizes_and_chance_are_those_of_the_source(id, arm, steps, chance, sequences):
    each = setting_of(CARDS[f"modern/{id}"].arms[arm])
    assert each.problem.steps == steps
    assert each.problem.chance(each.scored) == pytest.approx(chance)
    assert sequences is None or each.recipe.sequences == sequences


@pytest.mark.parametrize(
    ("row", "least", "most"),
    [("cogscale-copy", 9_500, 10_500), ("cogscale-selective", 9_500, 10_500)],
)
def test_weights_are_as_many_as_published(row, least, most):
    from longlag.training.program import parameters

    for arm in CARDS[f"modern/{row}"].arms.values():
        assert least < parameters(setting_of(arm).create(0)) < most


def test_the_mean_of_a_count_has_the_published_error():
    row = CARDS["modern/aru-counting"]
    for arm in row.arms.values():
        run = came_out(arm, 1.0)
        assert Figure(squared=True).chance(run) == pytest.approx(9.0)
        assert Figure(squared=True).of(run).mean == 0
    # In tens, one off is ten ones.
    wrong = came_out(row.arms["LSTM, tuned"], 0.0)
    assert Figure(squared=True).of(wrong).mean == pytest.approx(100, rel=1e-3)


# Problems.


def test_a_fixed_set_has_so_many_sequences_and_is_scored_on_fresh_ones():
    fixed = FixedSet(problem=ll.EchoLag(length=30), size=7)
    drawn = fixed.draw(np.random.default_rng(0), 500).inputs
    assert len(np.unique(drawn, axis=0)) == 7
    again = fixed.draw(np.random.default_rng(1), 500).inputs
    assert (np.unique(drawn, axis=0) == np.unique(again, axis=0)).all()
    assert fixed.for_part("evaluation") == fixed.for_part("validation") == fixed.problem
    run = ll.train(fixed, ll.Whole(), ll.MLP(context=1), sequences=10)
    assert len(np.unique(run.evaluations[0].inputs, axis=0)) > 900


def test_marked_symbols_are_given_back_in_order():
    problem = MarkedCopying(length=6, symbols=2, values=4, delay=1)
    inputs, targets, scored = problem.draw(np.random.default_rng(2), 50)
    for shown, target, counts in zip(inputs, targets, scored, strict=True):
        marked = [int(step[:4].argmax()) for step in shown[:6] if step[4] == 1]
        assert target[counts].tolist() == marked
        assert len(marked) == 2
        assert shown[:, 5].tolist() == [0] * 7 + [1] + [0] * 2
        assert not shown[8:].any()


@pytest.mark.parametrize("last", [False, True])
def test_the_value_of_a_key_is_the_one_it_was_shown_with(last):
    inputs, targets, scored = PairRecall(length=40, last=last).draw(np.random.default_rng(3), 200)
    assert scored.sum() == (200 if last else 200 * 42)
    assert (targets[:, :-1] == inputs[:, 1:]).all()
    for shown, target in zip(inputs, targets, strict=True):
        pairs = dict(zip(shown[0:40:2].tolist(), shown[1:40:2].tolist(), strict=True))
        assert shown[40] == 18
        assert target[-1] == pairs[shown[41]]
        assert max(pairs) < 9 <= min(pairs.values())
        assert max(pairs.values()) < 18


def test_the_token_after_the_prefix_comes_again():
    problem = TokenInduction(length=30)
    inputs, targets, _ = problem.draw(np.random.default_rng(3), 200)
    for shown, target in zip(inputs.tolist(), targets.tolist(), strict=True):
        assert shown.count(18) == 2
        assert shown[-1] == 18
        assert target[-1] == shown[shown.index(18) + 1] < 18
        assert target[:-1] == shown[1:]
    assert (problem.oracle(inputs)[:, -1] == targets[:, -1]).all()


# Verdicts.

EASY = ll.EchoLag(lag=0, length=2, values=8)

ARMS = {
    name: setting(EASY, ll.MLP(), sequences=32, rate=rate)
    for name, rate in (("as published", 0.1), ("tuned", 0.2))
}


def verdict_of(parts, accuracies):
    """The verdict of a card on made-up runs with these accuracies, all seeds alike."""
    arms = {
        name: setting(EASY, ll.MLP(), sequences=32, rate=i + 1) for i, name in enumerate(accuracies)
    }
    each = card("x", "A claim.", source="A source", arms=arms, parts=parts)
    done: dict[tuple[Arm, tuple[int, ...]], Run] = {
        (arms[name], (0, 1, 2)): came_out(arms[name], share) for name, share in accuracies.items()
    }
    return settle(each, (0, 1, 2), done=done).finding


@pytest.mark.parametrize(
    ("literal", "best", "verdict"),
    [
        (0.125, 0.125, "reproduced"),
        (0.125, 0.99, "refuted"),
        (0.99, 0.99, "refuted"),
        (0.125, 0.5, "better"),
        (0.5, 0.125, "not settled"),
    ],
)
def test_a_failure_is_refuted_only_by_a_tuned_model_that_learns(literal, best, verdict):
    finding = verdict_of([Fails(published=0.13)], {"as published": literal, "tuned": best})
    assert finding.verdict == verdict
    assert finding.measured.mean == pytest.approx(best, abs=1e-6)
    assert "published 0.13" in finding.because
    assert [row.tried for row in finding.rows] == ["as published", "tuned"]


def test_seeds_too_far_apart_settle_nothing():
    arm = ARMS["tuned"]
    shares = [came_out(arm, share) for share in (0.3, 0.97, 0.97, 0.97, 0.97, 1.0)]
    run = dataclasses.replace(
        shares[0],
        seeds=tuple(range(6)),
        models=shares[0].models[:1] * 6,
        history=shares[0].history[:1] * 6,
        evaluations=tuple(each.evaluations[0] for each in shares),
    )
    each = card("x", "A claim.", source="A source", arms=ARMS, parts=[Fails(published=0.13)])
    done: dict[tuple[Arm, tuple[int, ...]], Run] = {
        (arm, tuple(range(6))): run for arm in ARMS.values()
    }
    finding = settle(each, tuple(range(6)), done=done).finding
    assert finding.verdict == "not settled"
    assert finding.because.endswith("take more seeds.")


def test_a_failure_below_chance_is_compared_with_chance():
    parts = [Fails(published=0.05)]
    assert verdict_of(parts, {"as published": 0.12, "tuned": 0.12}).verdict == "reproduced"


@pytest.mark.parametrize(
    ("reached", "whole_budget", "verdict"),
    [(0.99, False, "reproduced"), (0.5, False, "not settled"), (0.5, True, "refuted")],
)
def test_a_figure_is_refuted_only_with_the_budget_of_the_source(reached, whole_budget, verdict):
    parts = [Learns(arm="LSTM", published=0.97, whole_budget=whole_budget)]
    assert verdict_of(parts, {"LSTM": reached}).verdict == verdict


@pytest.mark.parametrize(("reached", "verdict"), [(0.5, "reproduced"), (1.0, "refuted")])
def test_a_bound_is_refuted_by_a_figure_above_it(reached, verdict):
    assert verdict_of([StaysBelow(arm="S4D", most=0.9)], {"S4D": reached}).verdict == verdict


def test_a_model_that_learned_nothing_shows_no_bound():
    """At chance also where it was trained: that says nothing about longer sequences."""
    parts = [StaysBelow(arm="LSTM", most=0.95, once=Figure(name="as trained"))]
    finding = verdict_of(parts, {"LSTM": 0.125})
    assert finding.verdict == "not settled"
    assert "not learned at all" in finding.because
    assert verdict_of([StaysBelow(arm="LSTM", most=0.95)], {"LSTM": 0.1}).verdict == "reproduced"


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [((0.3, 0.9, 0.9, 0.9), "refuted"), ((0.3, 0.9, 0.3, 0.9), "reproduced")],
)
def test_one_model_is_worse_than_another_where_that_holds_tuned(accuracies, verdict):
    names = ("LSTM", "GRU", "LSTM, tuned", "GRU, tuned")
    part = Worse(literal=names[:2], tuned=names[2:], published=(0.3, 0.9))
    assert verdict_of([part], dict(zip(names, accuracies, strict=True))).verdict == verdict


def test_one_part_that_is_refuted_refutes_a_statement():
    assert total(["better", "better"]) == "better"
    assert total(["reproduced", "better"]) == "reproduced"
    assert total(["reproduced", "not settled", "better"]) == "not settled"
    parts = [StaysBelow(arm="S4D", most=0.9), Learns(arm="Mamba", published=0.97)]
    finding = verdict_of(parts, {"S4D": 1.0, "Mamba": 0.5})
    assert finding.verdict == "refuted"
    assert "(refuted)" in finding.because
    assert "(not settled)" in finding.because


def test_a_figure_of_two_parts_is_shown_once():
    parts = [
        Learns(arm="a", published=1.0),
        Learns(figure=Figure(tolerance=0), arm="a", published=1.0),
    ]
    assert [row.tried for row in verdict_of(parts, {"a": 1.0}).rows] == ["a"]


def test_a_squared_error_is_better_where_it_is_smaller():
    figure = Figure(squared=True, tolerance=0.1)
    run = came_out(CARDS["modern/aru-adding"].arms["tuned"], 1.0)
    assert figure.as_good(figure.of(run), 0.01)
    assert figure.better_by(1.0) == 0.9
    assert figure.worse_by(1.0) == 1.1
    wrong = came_out(CARDS["modern/aru-adding"].arms["tuned"], 0.0)
    assert not figure.as_good(figure.of(wrong), 0.9)


def test_the_end_of_a_sequence_counts_alone_where_the_source_scores_that():
    arm = CARDS["modern/aru-copying"].arms["as published"]
    run = came_out(arm, 0.5)
    figure = Figure(last=10)
    assert figure.chance(run) == pytest.approx(1 / 8)
    assert figure.of(run).mean == pytest.approx(0.5)
    (evaluation, *_) = run.evaluations
    wrong = np.where(np.arange(71) < 61, 0, evaluation.predicted)
    other = dataclasses.replace(evaluation, predicted=wrong.astype(np.int32))
    changed = dataclasses.replace(run, evaluations=(other,) * 3)
    assert figure.of(changed) == figure.of(run)
    assert Figure().of(changed).mean < Figure().of(run).mean


def test_a_tuned_arm_keeps_its_width():
    search = tuned(setting(EASY, ll.LSTM(hidden_size=9), sequences=32))
    assert search.hidden_sizes == (9,)
    assert search.learning_rates == (1e-3, 3e-3, 1e-2)
