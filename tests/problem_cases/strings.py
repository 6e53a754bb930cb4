"""Strings, counters and stacks."""

from collections.abc import Callable
from typing import Any

from longlag.problems import (
    CountingLanguage,
    CountOnes,
    Duplicate,
    Dyck,
    Majority,
    Problem,
    Repeat,
    Reverse,
    Sort,
)


def answered(blank: int, inputs: list[int], answer: Callable[[list[int]], list[int]]):
    """Nothing while a string is shown, then its answer, then nothing."""
    string = []
    while inputs[len(string)] != blank:
        string.append(inputs[len(string)])
    said = [None for _ in string] + answer(string)
    return said + [None] * (len(inputs) - len(said))


def reverse(problem: Reverse, inputs: list[int]) -> list[int | None]:
    def backwards(stack: list[int]) -> list[int]:
        return [stack.pop() for _ in range(len(stack))]

    return answered(problem.values, inputs, backwards)


def duplicate(problem: Duplicate, inputs: list[int]) -> list[int | None]:
    return answered(problem.values, inputs, lambda string: [*string, *string])


def repeat(problem: Repeat, inputs: list[int]) -> list[int | None]:
    return answered(problem.values, inputs, lambda string: [*string])


def sort(problem: Sort, inputs: list[int]) -> list[int | None]:
    def bucket_sort(string: list[int]) -> list[int]:
        buckets = [0] * problem.values
        for symbol in string:
            buckets[symbol] += 1
        return [symbol for symbol, count in enumerate(buckets) for _ in range(count)]

    return answered(problem.values, inputs, bucket_sort)


def language(problem: CountingLanguage, inputs: list[int]) -> list[list[int] | None]:
    """For each prefix, what follows it in some string of the language."""
    shown = [letter for letter in inputs if letter != problem.letters]
    strings = [
        [letter for letter in range(problem.letters) for _ in range(n)] + [problem.letters]
        for n in range(1, len(inputs) + 2)
    ]
    said: list[list[int] | None] = []
    for end in range(1, len(shown) + 1):
        after = {string[end] for string in strings if string[:end] == shown[:end]}
        one = len(after) == 1
        asked = problem.ask == "every" or one
        said.append([int(v in after) for v in range(problem.letters + 1)] if asked else None)
    return said + [None] * (len(inputs) - len(said))


def majority(problem: Majority, inputs: list[int]) -> list[int | None]:
    said: list[int | None] = []
    for end in range(1, len(inputs) + 1):
        best = max(range(problem.values), key=lambda value: (inputs[:end].count(value), -value))
        said.append(best if problem.ask == "every" or end == len(inputs) else None)
    return said


def ones(problem: CountOnes, inputs: list[int]) -> list[float | None]:
    said: list[float | None] = []
    total = 0
    for value in inputs:
        total += value
        said.append(total / problem.scale)
    if problem.ask == "last":
        said[:-1] = [None] * (len(said) - 1)
    return said


def dyck(problem: Dyck, inputs: list[int]) -> list[list[int]]:
    said, stack = [], []
    for bracket in inputs:
        if bracket < problem.pairs:
            stack.append(bracket)
        else:
            assert stack.pop() == bracket - problem.pairs
        legal = [0] * (2 * problem.pairs + 1)
        if len(stack) < problem.depth:
            legal[: problem.pairs] = [1] * problem.pairs
        if stack:
            legal[problem.pairs + stack[-1]] = 1
        else:
            legal[-1] = 1
        said.append(legal)
    return said


CASES: list[Problem] = [
    Reverse(length=4),
    Reverse(length=4, least=2, values=3),
    Reverse(length=3, least=3, values=7),
    Repeat(),
    Repeat(length=1, values=2),
    Repeat(length=6, least=4, values=3),
    Repeat(length=4, least=4, values=3),
    Duplicate(length=4),
    Duplicate(length=4, least=2, values=3),
    Duplicate(length=1, values=4),
    Sort(length=4),
    Sort(length=5, least=3, values=2),
    Sort(length=4, least=4, values=3),
    CountingLanguage(length=8),
    CountingLanguage(length=9, ask="forced", stop=0.5),
    CountingLanguage(length=9, letters=3, stop=0.3),
    CountingLanguage(length=8, letters=4, least=2),
    Majority(length=6),
    Majority(length=5, values=4, ask="every"),
    Majority(length=7, values=2),
    CountOnes(length=8),
    CountOnes(length=5, density=0.6, scale=5, ask="every"),
    CountOnes(length=2, density=0.99, scale=1),
    Dyck(length=8),
    Dyck(length=7, pairs=1, depth=2, close=0.3),
    Dyck(length=6, pairs=4, depth=5, close=0.7),
]
ORACLES: dict[type[Problem], Callable[..., list[Any]]] = {
    Reverse: reverse,
    Repeat: repeat,
    Duplicate: duplicate,
    Sort: sort,
    CountingLanguage: language,
    Majority: majority,
    CountOnes: ones,
    Dyck: dyck,
}
