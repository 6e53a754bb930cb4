"""Facts of modular arithmetic that the contract cannot see."""

import itertools

import numpy as np
import pytest

from longlag.problems import ModularArithmetic, nested


def every_expression(length, modulus):
    kinds = [range(modulus), range(modulus, modulus + 3)]
    return np.array([*itertools.product(*(kinds[at % 2] for at in range(length)))], np.int32)


@pytest.mark.parametrize(
    ("knobs", "line"),
    [
        ({"length": 6}, r"`length` must be odd.*, got 6\. Use length=7, or brackets=True\.$"),
        ({"modulus": 1}, r"`modulus` must be at least 2, got 1\. Use modulus=2 or more\.$"),
        ({"brackets": True, "order": "left"}, r"`order` must be precedence with brackets"),
    ],
)
def test_what_is_no_problem_is_refused(knobs, line):
    with pytest.raises(ValueError, match=f"^ModularArithmetic: {line}"):
        ModularArithmetic(**knobs)


def test_the_examples_of_the_published_generator():
    """1 + 2 * 3 = 2, 1 - 1 - 1 = 4, 0 * 1 + 4 * 3 - 2 = 0, modulo 5."""
    plus, minus, times = 5, 6, 7
    for symbols, value in (
        ([1, plus, 2, times, 3], 2),
        ([1, minus, 1, minus, 1], 4),
        ([0, times, 1, plus, 4, times, 3, minus, 2], 0),
    ):
        problem = ModularArithmetic(length=len(symbols))
        inputs = problem.with_blank_answer(np.array([symbols], np.int32))
        assert problem.oracle(inputs)[0, -1] == value


def test_from_left_to_right_is_another_value():
    inputs = np.array([[1, 5, 2, 7, 3, 8]], np.int32)
    assert ModularArithmetic(length=5, order="left").oracle(inputs)[0, -1] == (1 + 2) * 3 % 5
    assert ModularArithmetic(length=5).oracle(inputs)[0, -1] == (1 + 2 * 3) % 5


@pytest.mark.parametrize(
    ("length", "order", "share"),
    [
        (3, "precedence", 0.253),
        (5, "precedence", 0.232),
        (7, "precedence", 0.217),
        (39, "precedence", 0.2),
        (39, "left", 0.273),
    ],
)
def test_zero_is_too_frequent_for_a_while_and_from_the_left_for_ever(length, order, share):
    assert round(ModularArithmetic(length=length, order=order).chance(), 3) == share


@pytest.mark.parametrize("order", ["precedence", "left"])
@pytest.mark.parametrize("modulus", [2, 3, 4])
def test_chance_and_ceilings_are_those_of_all_expressions(order, modulus):
    problem = ModularArithmetic(length=5, modulus=modulus, order=order)
    shown = every_expression(5, modulus)
    values = problem.oracle(problem.with_blank_answer(shown))[:, -1]
    for hidden in range(6):
        seen = shown[:, hidden:] @ (modulus + 3) ** np.arange(5 - hidden)
        _, keys = np.unique(seen, return_inverse=True)
        table = np.zeros((keys.max() + 1, modulus))
        np.add.at(table, (keys, values), 1 / len(shown))
        sees = np.broadcast_to((np.arange(6) >= hidden) & (np.arange(6) < 5), (6, 6))
        assert problem.ceiling_by_step(sees)[-1] == pytest.approx(table.max(axis=1).sum())
    assert problem.chance() == pytest.approx(np.bincount(values).max() / len(shown))


def written(length):
    """All expressions with brackets, by the rules of the source, in letters."""
    if length < 5:
        return [("d", "-d", "(d)", "(-d)")[length - 1]]
    return [
        f"({left}{sign}{right})"
        for split in range(1, length - 3)
        for left in written(split)
        for right in written(length - split - 3)
        for sign in "+-"
    ]


def in_letters(symbols, modulus):
    letters = "d" * modulus + nested.SYMBOLS
    return ["".join(letters[symbol] for symbol in row) for row in symbols.tolist()]


@pytest.mark.parametrize("length", range(1, 12))
def test_nested_expressions_are_those_of_the_source(length):
    """Each shape, as often as uniform splits make it."""
    drawn = nested.expressions(np.random.default_rng(0).random((3000, length)), 3)
    found = in_letters(drawn, 3)
    assert set(found) == set(written(length))
    assert nested.valid(drawn, 3).all()


def test_parts_are_split_at_a_uniform_place():
    drawn = nested.expressions(np.random.default_rng(1).random((8000, 9)), 5)
    first = [text.index("d") for text in in_letters(drawn, 5)]
    # Of the five left parts d, -d, (d), (-d) and (d+d), the digit stands at 1, 2, 2, 3 and 2.
    assert np.bincount(first) / 8000 == pytest.approx([0, 0.2, 0.6, 0.2], abs=0.02)


def test_only_expressions_are_valid():
    right, modulus = {*written(7)}, 2
    every = np.array([*itertools.product((0, 2, 3, 4, 5), repeat=7)], np.int32)
    valid = nested.valid(every, modulus)
    assert {*in_letters(every[valid], modulus)} == right
    assert valid.sum() == len(right)  # with one digit, each shape once


def test_nested_values_are_spread_evenly():
    problem = ModularArithmetic(length=10, brackets=True, modulus=4)
    values = problem.draw(np.random.default_rng(0), 20_000).targets[:, -1]
    assert np.bincount(values) / 20_000 == pytest.approx(0.25, abs=0.02)
    assert problem.chance() == 0.25


def test_a_factor_of_zero_is_not_needed():
    inputs = np.array([3, 7, 0, 5, 2, 8], np.int32)  # 3 * 0 + 2
    needs = ModularArithmetic(length=5).needs_of(inputs)
    # The product changes with its second digit, and with its sign; the first digit is lost.
    assert needs[-1].tolist() == [False, True, True, True, True, False]
