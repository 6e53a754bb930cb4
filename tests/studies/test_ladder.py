"""What the problems of a study, or its levels, have in common."""

import re

import pytest

import longlag as ll
from longlag.studies.comparison import Comparison
from longlag.studies.frontier import Frontier
from longlag.studies.profile import Profile

ROWS = ll.Chunks(carry=True, rows="consecutive")


def profile(framing, batch_size):
    recipe = ll.Recipe(sequences=100, batch_size=batch_size)
    return Profile(ll.LSTM(), framing=framing, recipe=recipe)


def comparison(framing, batch_size):
    recipe = ll.Recipe(sequences=100, batch_size=batch_size)
    problems = [ll.EchoLag(length=24), ll.EchoLag(length=10), ll.EchoLag(length=15)]
    return Comparison([ll.LSTM()], problems, framing=framing, recipe=recipe, rungs=1)


def frontier(framing, batch_size):
    recipe = ll.Recipe(sequences=100, batch_size=batch_size)
    setting = ll.Setting(problem=ll.Memorization(), framing=framing, model=ll.LSTM(), recipe=recipe)
    return Frontier(setting, limit=39)


@pytest.mark.parametrize("study", [profile, comparison, frontier])
@pytest.mark.parametrize("framing", [ROWS, ll.Window(timesteps=2, carry=True)], ids=repr)
def test_each_batch_size_that_a_refused_study_names_fits_all_its_problems(study, framing):
    with pytest.raises(ValueError, match="`batch_size` must divide the") as refused:
        study(framing, 7)
    sizes = re.findall(r"\d+", str(refused.value).rpartition("batch_size=")[2])
    assert sizes
    for size in sizes:
        study(framing, int(size))


@pytest.mark.parametrize("study", [profile, comparison, frontier])
@pytest.mark.parametrize("framing", [ll.Chunks, ll.Window])
def test_the_timesteps_that_a_refused_study_names_fit_all_its_problems(study, framing):
    with pytest.raises(ValueError, match="`timesteps` must be at most the number") as refused:
        study(framing(timesteps=30), 5)
    most = int(re.findall(r"Use timesteps=(\d+) or fewer", str(refused.value))[0])
    study(framing(timesteps=most), 5)


def test_a_batch_size_that_one_problem_refuses_is_refused_by_its_name():
    with pytest.raises(ValueError, match=r"got 7, where Memorization has 4\. Use batch_size=1, or"):
        profile(ROWS, 7)
