import collections

import numpy as np
import pytest

from longlag.problems import EmbeddedReber
from longlag.problems import reber_grammar as grammar

# Written out from the figure of the paper, to be compared with the tables.
GRAPH = {
    "1": {"T": "2", "P": "3"},
    "2": {"S": "2", "X": "4"},
    "3": {"T": "3", "V": "5"},
    "4": {"X": "3", "S": "6"},
    "5": {"P": "4", "V": "6"},
    "6": {"E": "end"},
}


def inner_strings(longest, node="1", text="B", share=1.0):
    """Every string of Reber's grammar up to a length, with its probability."""
    if node == "end":
        yield text, share
    elif len(text) < longest:
        for symbol, to in GRAPH[node].items():
            yield from inner_strings(longest, to, text + symbol, share / len(GRAPH[node]))


def strings(longest):
    for inner, share in inner_strings(longest - 4):
        for outer in "TP":
            yield f"B{outer}{inner}{outer}E", share / 2


def as_text(inputs):
    return "".join("BTPSXVE_"[symbol] for symbol in inputs).rstrip("_") + "E"


def test_the_strings_have_the_probabilities_of_all_that_there_are():
    problem = EmbeddedReber(length=12)
    shares = dict(strings(12))
    total = sum(shares.values())
    assert problem.share == pytest.approx(total)
    texts = collections.Counter(map(as_text, problem.draw(np.random.default_rng(0), 30_000).inputs))
    assert set(texts) == set(shares)
    for text, share in shares.items():
        assert texts[text] / 30_000 == pytest.approx(share / total, abs=0.012)


def test_the_shortest_strings_have_nine_symbols_and_keep_the_outer_one_for_five_steps():
    (least,) = {len(text) for text, _ in strings(9)}
    assert least == 9
    needs = EmbeddedReber(length=9).needs()
    assert np.argwhere(needs[:, :2]).tolist() == [[6, 1]]  # no symbol but the outer one
    assert EmbeddedReber().share == pytest.approx(1 - 0.0013, abs=1e-4)
    assert 1 - EmbeddedReber(length=50).share == pytest.approx(2.5e-6, rel=0.02)


def best(groups):
    """The share of the most probable set in each group, summed."""
    return sum(max(sets.values()) for sets in groups.values())


@pytest.mark.parametrize("hidden", ["none", "all but the last", "all but the last three", "all"])
@pytest.mark.parametrize("shortest", [9, 11])
def test_chance_and_ceiling_are_those_of_a_table_of_all_strings(shortest, hidden):
    problem = EmbeddedReber(length=13, shortest=shortest)
    steps = np.arange(problem.steps)
    back = steps[:, None] - steps
    last = {"none": 99, "all but the last": 1, "all but the last three": 3, "all": 0}[hidden]
    sees = (back >= 0) & (back < last)
    rows = sees if hidden != "all" else np.zeros_like(sees)
    found = problem.ceiling_by_step(rows)
    for step in range(problem.steps):
        groups = collections.defaultdict(lambda: collections.defaultdict(float))
        for text, share in strings(13):
            if len(text) < shortest or step > len(text) - 2:
                continue
            shown = tuple(symbol for at, symbol in enumerate(text[: step + 1]) if rows[step, at])
            groups[shown][legal_after(text[: step + 1])] += share
        total = sum(sum(sets.values()) for sets in groups.values())
        assert found[step] == pytest.approx(best(groups) / total)


def legal_after(text):
    """The symbols that may come after a beginning, from the strings themselves."""
    return "".join(sorted({longer[len(text)] for longer in LONG if longer.startswith(text)}))


LONG = [text for text, _ in strings(19)]


def test_the_sets_are_the_symbols_that_strings_go_on_with():
    problem = EmbeddedReber(length=13)
    inputs = problem.draw(np.random.default_rng(1), 20).inputs
    for row, sets in zip(inputs, problem.oracle(inputs), strict=True):
        text = as_text(row)[:-1]
        for step in range(len(text)):
            names = "".join(sorted("BTPSXVE"[symbol] for symbol in np.flatnonzero(sets[step])))
            assert names == legal_after(text[: step + 1])


def test_needs_are_those_of_changing_one_symbol_of_every_string():
    problem = EmbeddedReber(length=12, shortest=10)
    union = np.zeros_like(problem.needs())
    for text, _ in strings(12):
        if len(text) >= 10:
            inputs = ["BTPSXVE".index(symbol) for symbol in text[:-1]]
            inputs += [grammar.BLANK] * (problem.steps - len(inputs))
            union |= problem.needs_of(np.array(inputs, np.int32))
    assert (union == problem.needs()).all()


def test_who_forgets_the_outer_symbol_is_wrong_at_half_of_the_ends():
    problem = EmbeddedReber()
    episodes = problem.draw(np.random.default_rng(0), 4000)
    (guess,) = problem.guesses(episodes.inputs).values()
    wrong = (~problem.targets.matches(guess, episodes.targets) & episodes.scored).sum(axis=1)
    assert set(wrong) == {0, 1}
    assert wrong.mean() == pytest.approx(0.5, abs=0.03)


def test_no_string_is_possible_that_the_grammar_lacks():
    problem = EmbeddedReber(length=9)
    inputs = problem.draw(np.random.default_rng(0), 1).inputs
    assert problem.possible(inputs).all()
    inputs[0, 1] = 3 - inputs[0, 1]  # another outer symbol: what was legal goes on to the end
    assert problem.possible(inputs)[0].tolist() == [True] * 7 + [False]


def test_shortest_is_at_most_length():
    with pytest.raises(
        ValueError, match=r"`shortest` must be at most `length` \(12\), got 13. Use"
    ):
        EmbeddedReber(length=12, shortest=13)
    with pytest.raises(ValueError, match="EmbeddedReber: `length` must be at least 9, got 8"):
        EmbeddedReber(length=8)
