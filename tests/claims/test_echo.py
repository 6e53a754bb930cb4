import dataclasses
from typing import Any

import pytest
from claim_cases import came_out, settled

from longlag.claims import CARDS, Result, settle
from longlag.claims.echo.lags import LAGS, SIZES, _longest
from longlag.models import LSTM
from longlag.trials.setting import Setting

EXPECTED = [
    "encode",
    "current",
    "lag-without-context",
    "lag-with-context",
    "ignore-state",
    "mask-missing",
    "entire-sequence",
    "other-lags",
    "lag-sequence",
]


ECHO = [card for card in CARDS.values() if card.document == "echo"]


def test_all_nine_cards_are_there():
    assert [card.id for card in ECHO] == [f"echo/{id}" for id in EXPECTED]
    for card in ECHO:
        assert card.source.startswith("Brownlee (2017)")
        assert card.claim.endswith(".")


def test_every_arm_can_be_learned_but_those_that_show_why_not():
    verdicts = {
        f"{card.id}: {name}": setting.audit().verdict
        for card in ECHO
        for name, setting in card.arms.items()
        if isinstance(setting, Setting)
    }
    hard = {name: verdict for name, verdict in verdicts.items() if verdict != "learnable"}
    assert hard == {
        "echo/lag-without-context: consecutive rows, one step": "unreachable",
        "echo/lag-without-context: six sequences, one step": "state-only",
    }


def test_the_settings_are_the_sources():
    setting: Any = CARDS["echo/lag-without-context"].arms["consecutive rows, one step"]
    assert setting.layout.steps.shape == (4, 6, 1)
    assert setting.recipe.sequences == 2000
    assert setting.model == LSTM(hidden_size=50)
    setting = CARDS["echo/lag-with-context"].arms["state carried"]
    assert setting.layout.steps.shape == (4, 5, 5)
    setting = CARDS["echo/current"].arms["batch 5"]
    assert setting.model == LSTM(hidden_size=15)
    assert setting.recipe.sequences == 500


@pytest.mark.parametrize(
    ("id", "accuracies", "expected"),
    [
        ("current", {}, "holds"),
        ("current", {"batch 5": 0.9}, "does not hold"),
        (
            "lag-without-context",
            {"consecutive rows, one step": 0.01, "six sequences, one step": 0.07},
            "holds",
        ),
        (
            "lag-without-context",
            {"consecutive rows, one step": 0.5, "six sequences, one step": 0.07},
            "does not hold",
        ),
        (
            "lag-without-context",
            {"consecutive rows, one step": 0.01},
            "holds only if the rows of a batch are consecutive",
        ),
        ("lag-with-context", {}, "holds"),
        ("lag-with-context", {"state carried": 0.5}, "does not hold"),
        ("ignore-state", {"state reset, 500 sequences": 0.5}, "holds"),
        ("ignore-state", {"state carried, 500 sequences": 0.5}, "does not hold"),
        ("mask-missing", {}, "holds"),
        ("mask-missing", {"mask": 0.5}, "holds only if masked rows are trained for longer"),
        ("mask-missing", {"mask": 0.5, "mask, 8,000 sequences": 0.5}, "does not hold"),
        ("mask-missing", {"mark": 0.5}, "does not hold"),
        ("entire-sequence", {}, "holds"),
        ("entire-sequence", {"prefix": 0.5}, "does not hold"),
        ("other-lags", {}, "holds"),
        ("other-lags", {"lag 10, 50 units": 0.5}, "does not hold"),
        ("lag-sequence", {}, "holds"),
        ("lag-sequence", {"4,000 sequences": 0.5}, "does not hold"),
    ],
)
def test_a_card_decides_by_what_its_runs_show(id, accuracies, expected):
    assert settled(f"echo/{id}", accuracies).verdict == expected


OTHER_LAGS = CARDS["echo/other-lags"]


def lag_and_size(name):
    _, lag, size, _ = name.replace(",", "").split()
    return int(lag), int(size)


def test_too_few_seeds_settle_nothing_and_contradict_nothing():
    card = CARDS["echo/ignore-state"]

    def attempt(name):
        run = came_out(card.arms[name], 1.0 if "carried" in name else 0.9)
        return dataclasses.replace(run, seeds=(0,), evaluations=run.evaluations[:1])

    finding = card.settle(attempt, (0,))
    assert finding.verdict == "not settled"
    assert Result(card=card, finding=finding, seconds=0.0).as_recorded


def test_a_finding_says_nothing_that_its_runs_do_not_show():
    for card in ECHO:
        if card.arms and card.id != "echo/ignore-state":  # that one asks for a difference
            failed = card.settle(lambda name, card=card: came_out(card.arms[name], 0.3), (0, 1, 2))
            won = card.settle(lambda name, card=card: came_out(card.arms[name], 1.0), (0, 1, 2))
            assert failed.because != won.because, card.id


def test_longer_lags_that_need_more_sequences_are_a_condition():
    def attempt(name):
        sequences = 5000 if lag_and_size(name)[0] == 10 else 1000
        return came_out(OTHER_LAGS.arms[name], 1.0, sequences)

    finding = OTHER_LAGS.settle(attempt, (0, 1, 2))
    assert finding.verdict == "holds only if longer lags get more sequences"
    assert "at lags [10]" in finding.because
    assert len(finding.rows) == len(LAGS)


@pytest.mark.parametrize("truth", [0, 1, 7, 10])
def test_the_longest_lag_of_a_size_is_found(truth):
    def attempt(name):
        return came_out(OTHER_LAGS.arms[name], 1.0 if lag_and_size(name)[0] <= truth else 0.2)

    assert _longest(attempt, SIZES[1]) == truth


def test_the_smallest_size_of_each_lag_is_named():
    reach = {50: 10, 20: 4, 10: 0, 5: 0}
    tried = []

    def attempt(name):
        tried.append(name)
        lag, size = lag_and_size(name)
        return came_out(OTHER_LAGS.arms[name], 1.0 if lag <= reach[size] else 0.2)

    rows = OTHER_LAGS.settle(attempt, (0,)).rows
    smallest = [int(row.note.rpartition(" ")[2]) for row in rows]
    assert smallest == [20] * 4 + [50] * 6
    assert not any(lag_and_size(name)[1] == 5 for name in tried), "10 units solved nothing"


def test_the_first_two_cards_come_out_as_recorded():
    for id in ("echo/encode", "echo/current"):
        result = settle(CARDS[id], (0, 1))
        assert result.as_recorded
        assert result.holds


def test_a_run_made_for_one_card_serves_the_next(monkeypatch):
    card = CARDS["echo/current"]
    shared = {}
    settle(card, (0,), done=shared)
    assert {setting for setting, _ in shared} == set(card.arms.values())
    assert {seeds for _, seeds in shared} == {(0,)}
    monkeypatch.setattr("longlag.claims.card.fit", None)
    assert settle(dataclasses.replace(card, id="echo/again"), (0,), done=shared).holds


def spread(run, accuracies):
    """The run, its seeds this good."""
    made = [came_out(run.setting, each).evaluations[0] for each in accuracies]
    return dataclasses.replace(run, evaluations=tuple(made))


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [
        ((1.0, 1.0, 1.0), "holds"),
        ((1.0, 1.0, 0.975), "not settled"),
        ((1.0, 1.0, 0.95), "not settled"),
        ((0.8, 0.82, 0.81), "does not hold"),
    ],
)
def test_an_interval_that_straddles_its_bar_settles_nothing(accuracies, verdict):
    """The mean of the second lies above 0.99, that of the third below."""
    card = CARDS["echo/current"]
    done = {(arm, (0, 1, 2)): spread(came_out(arm, 1.0), accuracies) for arm in card.arms.values()}
    result = settle(card, (0, 1, 2), done=done)
    assert result.finding.verdict == verdict
    assert ("take more seeds" in result.finding.because) == (verdict == "not settled")
    assert result.as_recorded == (verdict != "does not hold")
