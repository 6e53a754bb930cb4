"""Counting languages, majorities and numbers of ones: closed forms against enumeration."""

import dataclasses
import itertools

import numpy as np
import pytest
from problem_cases.strings import language

import longlag as ll
from longlag.checks.problem import check_problem
from longlag.problems import CountingLanguage, CountOnes, Majority


def drawn(problem, count=4000, seed=0):
    return problem.draw(np.random.default_rng(seed), count)


def repeats(episodes):
    return (episodes.inputs == 0).sum(axis=1)


@pytest.mark.parametrize("letters", [2, 3, 4])
def test_a_string_has_each_letter_alike_in_their_order(letters):
    problem = CountingLanguage(letters=letters, length=5 * letters, least=2)
    episodes = drawn(problem, 500)
    assert set(repeats(episodes)) == {2, 3, 4, 5}
    assert episodes.present is not None
    for row, present in zip(episodes.inputs, episodes.present, strict=True):
        string = row[present].tolist()
        n = len(string) // letters
        assert string == [letter for letter in range(letters) for _ in range(n)]
        assert (row[~present] == letters).all()


@pytest.mark.parametrize("stop", [0.0, 0.3, 0.9])
def test_n_is_uniform_or_geometric(stop):
    problem = CountingLanguage(length=10, least=2, stop=stop)
    counts = np.bincount(repeats(drawn(problem, 20_000)), minlength=6)[2:]
    weight = [(1 - stop) ** k for k in range(4)]
    assert np.allclose(counts / 20_000, np.array(weight) / sum(weight), atol=0.012)


@pytest.mark.parametrize(
    ("knobs", "line"),
    [
        (
            {"letters": 3, "length": 5, "least": 2},
            "CountingLanguage: `length` must be at least `letters` × `least` (6), got 5. "
            "Use length=6 or more.",
        ),
        (
            {"length": 3, "ask": "forced"},
            "CountingLanguage: `length` must be at least 4 where `ask` is forced, got 3: of the "
            "string ab only the end is. Use length=4 or more.",
        ),
    ],
)
def test_impossible_knobs_are_refused_in_a_line(knobs, line):
    with pytest.raises(ValueError, match="CountingLanguage") as error:
        CountingLanguage(**knobs)
    assert str(error.value) == line


def test_another_length_is_the_one_string_of_that_length():
    problem = CountingLanguage(letters=3, length=12)
    assert problem.showing(12) is problem
    longer = problem.showing(30)
    assert isinstance(longer, CountingLanguage)
    assert (longer.least, longer.most, longer.sequences, longer.varies) == (10, 10, 1, False)
    with pytest.raises(ValueError, match=r"must be a multiple of 3, got 31. Use 30\."):
        problem.showing(31)


def test_the_same_letter_again_is_right_but_once_for_each_letter():
    problem = CountingLanguage(letters=3, length=21, ask="forced")
    episodes = drawn(problem)
    (guess,) = problem.guesses(episodes.inputs).values()
    right = problem.targets.matches(guess, episodes.targets) & episodes.scored
    share = right.sum(axis=1) / episodes.scored.sum(axis=1)
    assert np.allclose(share, 1 - 1 / repeats(episodes))


def test_nothing_may_follow_after_a_wrong_letter():
    problem = CountingLanguage(length=8)
    inputs = np.array(
        [[0, 0, 1, 0, 0, 1, 1, 2], [1, 0, 1, 2, 2, 2, 2, 2], [0, 1, 1, 1, 2, 2, 2, 2]]
    )
    legal = np.asarray(problem.oracle(inputs.astype(np.int32)).any(axis=-1))
    assert legal[0].tolist() == [True, True, True, False, False, False, False, False]
    assert not legal[1].any()
    assert legal[2].tolist() == [True, True, False, False, False, False, False, False]


SETTINGS = [
    CountingLanguage(length=10),
    CountingLanguage(length=11, ask="forced", stop=0.4),
    CountingLanguage(length=12, letters=3, least=2),
    CountingLanguage(length=8, least=4),
]


def weights(problem):
    """The share of each n and its string, written out."""
    n = range(problem.least, problem.length // problem.letters + 1)
    share = [(1 - problem.stop) ** (each - problem.least) for each in n]
    for each, weight in zip(n, share, strict=True):
        string = [letter for letter in range(problem.letters) for _ in range(each)]
        string += [problem.letters] * (problem.steps - len(string))
        yield string, language(problem, string), weight / sum(share)


@pytest.mark.parametrize("problem", SETTINGS, ids=repr)
@pytest.mark.parametrize("seen", [0, 1, 3])
def test_the_ceiling_of_a_window_by_going_through_all_strings(problem, seen):
    """Each step alone, and all steps that the window does not tell apart."""
    sees = np.tri(problem.steps, dtype=bool) & ~np.tri(problem.steps, k=-seen, dtype=bool)
    steps = np.arange(problem.steps)
    groups = np.minimum(steps, seen)  # windows cut off by the beginning tell the step
    for clock, found in (
        (steps, problem.ceiling_by_step(sees)),
        (groups, problem.ceiling_without_clock(sees, groups)),
    ):
        votes, times = {}, {}
        for string, said, weight in weights(problem):
            for step, target in enumerate(said):
                if target is not None:
                    key = clock[step], tuple(string[max(0, step + 1 - seen) : step + 1])
                    kinds = votes.setdefault(key, {})
                    kinds[tuple(target)] = kinds.get(tuple(target), 0) + weight
                    times[clock[step]] = times.get(clock[step], 0) + weight
        for group, total in times.items():
            right = sum(max(kinds.values()) for key, kinds in votes.items() if key[0] == group)
            members = [step for step in steps if clock[step] == group]
            stated = problem.average(found, np.isin(steps, members))
            assert stated == pytest.approx(right / total), (group, seen)


def test_one_string_has_the_chance_of_one_constant():
    problem = CountingLanguage(length=8, least=4)
    assert problem.chance() == 4 / 8  # the set of a and b
    assert CountingLanguage(length=8, least=4, ask="forced").chance() == 3 / 4


def test_chance_weighs_steps_by_how_often_they_are_asked():
    problem = CountingLanguage(length=12, stop=0.3)
    episodes = drawn(problem, 20_000)
    times = episodes.scored.mean(axis=0)
    assert problem.chance() == pytest.approx(
        np.average(problem.chance_by_step(), weights=times), abs=0.003
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Generous(CountingLanguage):
    """Chance of each step alike in weight, though few strings are long."""

    def average(self, by_step, steps):
        return float(by_step[steps].mean())


def test_a_chance_that_weighs_all_steps_alike_is_found():
    found = {check.name: check for check in check_problem(_Generous(length=12, stop=0.5))}
    assert not found["chance"].passed
    assert "`chance` says" in found["chance"].found


def test_a_window_of_a_language_has_the_ceiling_of_its_steps():
    """The audit weighs the steps of a window as often as they are asked."""
    problem, framing = CountingLanguage(length=12), ll.Window(timesteps=3, missing="mask")
    found = ll.audit(problem, framing)
    episodes = drawn(problem, 20_000)
    votes = {}
    for row, code, scored in zip(
        episodes.inputs, episodes.targets.argmax(-1) * 2 + episodes.targets.sum(-1) - 1,
        episodes.scored, strict=True,
    ):  # fmt: skip
        for step in np.flatnonzero(scored):
            key = tuple(row[max(0, step - 2) : step + 1])
            votes.setdefault(key, []).append(code[step])
    right = sum(np.bincount(each).max() for each in votes.values())
    assert found.verdict == "unreachable"
    assert found.ceiling == pytest.approx(right / sum(map(len, votes.values())), abs=0.01)


# Counts of independent draws.


@pytest.mark.parametrize(("values", "length"), [(2, 5), (2, 6), (3, 5), (4, 4)])
def test_the_chance_of_a_majority_by_going_through_all(values, length):
    winners = [
        max(range(values), key=lambda value: (row.count(value), -value))
        for row in itertools.product(range(values), repeat=length)
    ]
    expected = np.bincount(winners).max() / len(winners)
    assert Majority(values=values, length=length).chance() == pytest.approx(expected)


def test_two_values_in_an_odd_number_have_the_chance_of_a_coin():
    assert Majority(values=2, length=101).chance() == pytest.approx(0.5)


def test_the_error_of_the_mean_number_of_ones_is_the_published_variance():
    problem = CountOnes(length=100, density=0.1, scale=1)
    assert problem.chance_error() ** 2 == pytest.approx(9)
    assert problem.chance() == pytest.approx(0.1319, abs=1e-4)  # ten ones


def test_the_error_of_every_step_is_the_mean_of_their_variances():
    problem = CountOnes(length=7, density=0.3, scale=2, ask="every")
    targets = drawn(problem, 40_000).targets
    assert problem.chance_error() ** 2 == pytest.approx(targets.var(axis=0).mean(), rel=0.03)


def test_ones_come_as_often_as_stated():
    assert drawn(CountOnes(density=0.2, length=30)).inputs.mean() == pytest.approx(0.2, abs=0.01)


def test_a_longer_sequence_of_ones_has_targets_of_the_same_scale():
    longer = CountOnes(length=10).showing(40)
    assert isinstance(longer, CountOnes)
    assert (longer.scale, longer.targets) == (10, CountOnes(length=10).targets)


@pytest.mark.parametrize("problem", [Majority(length=9), CountOnes(length=9)], ids=repr)
def test_the_second_half_alone_is_a_rule_between_chance_and_one(problem):
    episodes = drawn(problem)
    (guess,) = problem.guesses(episodes.inputs).values()
    score = problem.targets.matches(guess, episodes.targets)[episodes.scored].mean()
    assert problem.chance() < score < 0.9
