import itertools

import pytest

from longlag.live import remedies
from longlag.live.setup import Setup

STARTS = [
    {"framing": "chunks"},
    {"framing": "chunks", "carry": "true"},
    {"framing": "chunks", "carry": "true", "rows": "consecutive"},
    {"framing": "window", "timesteps": "2", "lag": "4"},
    {"framing": "window", "timesteps": "2", "lag": "4", "model": "mlp", "context": "1"},
    {"model": "mlp", "context": "2", "lag": "6"},
    {"framing": "chunks", "model": "mlp"},
]


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_each_change_of_a_remedy_of_an_audit_leads_to_learnable(start):
    audit = Setup.of(start).setting().audit()
    assert audit.verdict != "learnable"
    found = remedies.changes(audit.remedy)
    assert found
    for change in found:
        assert Setup.of(start | change.knobs).setting().audit().verdict == "learnable", change


def test_texts_without_an_argument_give_no_button():
    assert remedies.changes("") == []
    assert remedies.changes("No further change is known to help.") == []
    assert remedies.changes("Train on longer or more varied sequences, or use another model.") == []


@pytest.mark.parametrize(
    ("remedy", "changes"),
    [
        ("Use stop_at=0.9926, or none.", [{"stop-at": "0.9926"}]),
        (
            "Use optimizer='adamw' and weight_decay=1.",
            [{"optimizer": "adamw", "weight-decay": "1"}],
        ),
        (
            "Use sequences=16000 and schedule='cosine', or hidden_size=20.",
            [{"sequences": "16000", "schedule": "cosine"}, {"hidden-size": "20"}],
        ),
        ("Use carry=True.", [{"carry": "true"}]),
        ("Use framing Whole() or Chunks().", [{"framing": "whole"}, {"framing": "chunks"}]),
        (
            "Use framing Whole(), Chunks() or Window().",
            [{"framing": f} for f in ("whole", "chunks", "window")],
        ),
        ("`lag` must be below `length` (25), got 30. Use length=31 or more.", [{"length": "31"}]),
        (
            "Use learning_rate=0.01; if it still learns at the end, also sequences=8000.",
            [{"learning-rate": "0.01"}],
        ),
    ],
)
def test_arguments_become_knobs(remedy, changes):
    assert [each.knobs for each in remedies.changes(remedy)] == changes


def test_every_remedy_of_a_diagnosis_has_knobs_that_the_page_knows():
    from longlag.trials.remedies import remedy

    reasons = "unstable", "overfit", "undertrained", "stuck", "at chance", "unclear", "stopped"
    starts = [{}, {"learning-rate": "0.1"}, {"hidden-size": "4"}, {"optimizer": "sgd"}]
    for reason, start in itertools.product(reasons, starts):
        text = remedy(reason, Setup.of(start).setting())
        for change in remedies.changes(text):
            Setup.of(start | change.knobs)  # raises for a name or a value that it does not know
