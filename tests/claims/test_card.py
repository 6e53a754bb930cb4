"""When a figure settles a claim, and when it takes more seeds."""

import pytest

from longlag.claims.card import Card, Finding, reaches, settle
from longlag.scores import statistics

BAR = 0.99


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (statistics.accuracy([1.0] * 5, 1000), "holds"),
        (statistics.accuracy([0.5, 0.51, 0.49], 1000), "does not hold"),
        (statistics.accuracy([1.0, 0.98, 1.0], 1000), "not settled"),
        (statistics.accuracy([1.0], 20), "not settled"),  # its twenty sequences are few
        (statistics.accuracy([1.0] * 5, None), "holds"),  # the one sequence there is, by all seeds
        (statistics.accuracy([0.5] * 5, None), "does not hold"),
        (statistics.accuracy([1.0, 1.0, 0.9], None), "not settled"),
    ],
)
def test_a_claim_is_settled_where_no_interval_straddles_its_bar(figure, verdict):
    def tried(attempt, seeds):
        del attempt, seeds
        found = "holds" if reaches(figure, BAR) else "does not hold"
        return Finding(measured=figure, what="", chance=0.0, verdict=found, because="Tried.")

    card = Card(
        id="a/b", document="a", source="", claim="", arms={}, settle=tried, recorded="holds"
    )
    result = settle(card, [0])
    assert result.finding.verdict == verdict
    assert ("take more seeds" in result.finding.because) == (verdict == "not settled")
