"""Recall by position, by mark and by key."""

import itertools
from collections.abc import Callable
from typing import Any

from longlag.problems import (
    AssociativeRecall,
    CopyingMemory,
    Induction,
    Problem,
    SelectiveCopying,
)


def copying_memory(problem: CopyingMemory, inputs: list[int]) -> list[int | None]:
    """x: the symbols, delay - 1 of fill, a marker, blanks. y: as much fill, then the symbols."""
    fill, marker, blank = problem.values, problem.values + 1, problem.values + 2
    symbols = []
    rest = list(inputs)
    while len(symbols) < problem.symbols:
        symbols.append(rest.pop(0))
    assert all(0 <= symbol < problem.values for symbol in symbols)
    assert rest == [fill] * (problem.delay - 1) + [marker] + [blank] * problem.symbols
    before: list[int | None] = [fill if problem.ask == "every" else None]
    return before * (problem.delay + problem.symbols) + symbols


def selective_copying(problem: SelectiveCopying, inputs: list[int]) -> list[int | None]:
    said: list[int | None] = []
    seen = []
    for step, symbol in enumerate(inputs):
        if step < problem.length:
            if symbol != problem.values:
                seen.append(symbol)
            said.append(None)
        else:
            assert symbol == problem.values + 1
            said.append(seen.pop(0))
    assert not seen
    return said


def induction(problem: Induction, inputs: list[int]) -> list[int | None]:
    trigger, followed = problem.values, None
    for before, symbol in itertools.pairwise(inputs):
        if before == trigger:
            assert followed is None
            followed = symbol
    assert inputs[-1] == trigger
    assert followed is not None
    assert followed != trigger
    return [None] * (len(inputs) - 1) + [followed]


def associative_recall(problem: AssociativeRecall, inputs: list[int]) -> list[int | None]:
    table: dict[int, int] = {}
    said: list[int | None] = []
    while len(said) < 2 * problem.pairs:
        key, value = inputs[len(said)], inputs[len(said) + 1]
        assert key not in table
        assert value not in table.values()
        table[key] = value
        said += [None, None]
    for symbol in inputs[2 * problem.pairs :]:
        said.append(table.get(symbol))
    asked = [s for s in inputs[2 * problem.pairs :] if s in table]
    assert len(asked) == len(set(asked)) == (problem.queries or problem.pairs)
    return said


CASES: list[Problem] = [
    CopyingMemory(),
    CopyingMemory(symbols=1, values=2, delay=1),
    CopyingMemory(symbols=3, values=4, delay=4, ask="every"),
    SelectiveCopying(length=12, values=5),
    SelectiveCopying(length=2, symbols=1, values=2),
    SelectiveCopying(length=4, symbols=4, values=3),
    Induction(),
    Induction(length=4, values=2),
    Induction(length=9, values=3),
    AssociativeRecall(),
    AssociativeRecall(length=7, pairs=3, keys=5, values=7, queries=1),
    AssociativeRecall(length=11, pairs=3, keys=3, values=3, queries=2, spread=0.01),
]
ORACLES: dict[type[Problem], Callable[..., list[Any]]] = {
    CopyingMemory: copying_memory,
    SelectiveCopying: selective_copying,
    Induction: induction,
    AssociativeRecall: associative_recall,
}
