"""One, two and three seeds: no interval that says nothing, none beyond what is possible."""

import pytest
from study_cases import SETTING, drive, outcome

from longlag.answers.estimate import caveats
from longlag.answers.format import with_interval
from longlag.scores.statistics import accuracy, difference, over_seeds
from longlag.studies.frontier import Frontier
from longlag.trials.outcome import skill

FEW = "(too few seeds for an interval)"


@pytest.mark.parametrize("shares", [(0.9, 0.6), (0.95, 0.9, 0.5)])
def test_what_may_be_anything_is_no_interval(shares):
    mean, few = sum(shares) / len(shares), f"({len(shares)} seeds too far apart for an interval)"
    skills = skill([outcome((each - 0.85) / 0.15, chance=0.85) for each in shares])
    assert str(skills).endswith(few)
    assert with_interval(skills).endswith(few)
    assert str(accuracy(shares, sequences=1000)) == f"{mean:.3f} {few}"
    assert str(over_seeds(shares, 0.0, 1.0)).endswith(few)
    assert str(difference(shares, shares[::-1], 100)).endswith(few)


def test_two_or_three_seeds_that_agree_have_one():
    low, high = accuracy([0.9, 0.91, 0.9], sequences=1000).interval
    assert 0 <= low < 0.9 < high <= 1
    assert str(accuracy([0.9, 0.91, 0.9], sequences=1000)) == f"0.903 [{low:.3f}, {high:.3f}]"


def test_where_the_number_of_seeds_alone_is_why_it_says_so():
    assert str(accuracy([1.0] * 3, sequences=None)) == f"1.000 {FEW}"


def test_one_seed_has_no_interval_in_text_though_its_test_sequences_have_one():
    one = accuracy([0.9], sequences=1000)
    assert one.interval[0] < 0.9 < one.interval[1]
    assert str(one) == "0.900 (one seed: no interval)" == with_interval(one)
    assert str(difference([0.9], [0.5], 100)) == "0.400 (one seed: no interval)"
    assert one.caveat == "one seed: no interval"
    assert over_seeds([0.5], 0.0, 1.0).caveat == "one seed: no interval"
    assert caveats([one, over_seeds([2.0])]) == "One seed: no interval."


@pytest.mark.parametrize(("seeds", "text"), [(1, "one seed: no interval"), (3, FEW[1:-1])])
def test_the_median_of_few_seeds_has_no_interval(seeds, text):
    study = Frontier(SETTING, seeds=seeds, limit=2)
    drive(study, lambda _: outcome())
    assert study.answer().words == f"lag 2 or more ({text})"
    assert f"{text.capitalize()}." in str(study.answer())
