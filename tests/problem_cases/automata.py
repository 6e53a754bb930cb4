"""The problems of finite automata, and of modular arithmetic."""

import itertools
from collections.abc import Callable
from typing import Any

from longlag.problems import (
    CycleNavigation,
    FlipFlop,
    ModularArithmetic,
    Parity,
    Problem,
    WordProblem,
)


def only_last(problem: Any, said: list[Any]) -> list[Any]:
    if problem.ask == "last":
        return [None] * (len(said) - 1) + said[-1:]
    return said


def parity(problem: Parity, inputs: list[int]) -> list[int | None]:
    said = [inputs[: step + 1].count(1) % 2 for step in range(len(inputs))]
    return only_last(problem, said)


def cycle_navigation(problem: CycleNavigation, inputs: list[int]) -> list[int | None]:
    place, said = 0, []
    for move in inputs:
        if move == 1:
            place = 0 if place == problem.places - 1 else place + 1
        elif move == 2:
            place = problem.places - 1 if place == 0 else place - 1
        said.append(place)
    return only_last(problem, said)


def orders(things: int, even: bool) -> list[tuple[int, ...]]:
    """The permutations that a number of swaps makes, an even one or any."""
    reached = {(tuple(range(things)), 0)}
    while True:
        more = set(reached)
        for order, swaps in reached:
            for a, b in itertools.combinations(range(things), 2):
                other = list(order)
                other[a], other[b] = other[b], other[a]
                more.add((tuple(other), 1 - swaps))
        if more == reached:
            return sorted({order for order, swaps in reached if not (even and swaps)})
        reached = more


ORDERS = {
    "s3": orders(3, even=False),
    "s5": orders(5, even=False),
    "a5": orders(5, even=True),
    "a4xz5": orders(4, even=True),
}
FEW: dict[str, list[Any]] = {
    "z60": [0, 1],
    "s3": [(0, 1, 2), (1, 0, 2), (1, 2, 0)],
    "s5": [(0, 1, 2, 3, 4), (1, 0, 2, 3, 4), (1, 2, 3, 4, 0)],
    "a5": [(0, 1, 2, 3, 4), (1, 2, 0, 3, 4), (1, 2, 3, 4, 0)],
    "a4xz5": [
        ((0, 1, 2, 3), 0),
        ((1, 2, 0, 3), 0),
        ((1, 0, 3, 2), 0),
        ((0, 1, 2, 3), 1),
    ],
}


def word_problem(problem: WordProblem, inputs: list[int]) -> list[int | None]:
    """Each permutation moves the thing at place i to its i-th entry; the clock turns."""
    name, said = problem.monoid, []
    every = ORDERS.get(name, [()])
    hours = {"z60": 60, "a4xz5": 5}.get(name, 1)
    clock, place = 0, [*range(len(every[0]))]
    for number in inputs:
        order, hour = every[number // hours], number % hours
        if problem.generators == "few":
            few = FEW[name][number]
            order, hour = few if name == "a4xz5" else ((), few) if name == "z60" else (few, 0)
        place = [order[at] for at in place]
        clock = (clock + hour) % hours
        said.append(every.index(tuple(place)) * hours + clock)
    return only_last(problem, said)


def flip_flop(problem: FlipFlop, inputs: list[int]) -> list[int | None]:
    assert len(inputs) == problem.length
    memory, said = None, []
    while inputs:
        (instruction, bit), inputs = inputs[:2], inputs[2:]
        said += [memory if instruction == 3 else None, None]
        if instruction == 2:
            memory = bit
        elif instruction == 3:
            assert bit == memory
        else:
            assert instruction == 4
    return said


def modular_arithmetic(problem: ModularArithmetic, inputs: list[int]) -> list[int | None]:
    signs = "+-()" if problem.brackets else "+-*"
    symbols = [*map(str, range(problem.modulus)), *signs]
    *expression, blank = inputs
    assert blank == len(symbols)
    text = [symbols[number] for number in expression]
    if problem.order == "left":
        value = int(text[0])
        for sign, digit in zip(text[1::2], text[2::2], strict=True):
            value = eval(f"({value}) {sign} {digit}")
    else:
        value = eval("".join(text))
    return [None] * len(expression) + [value % problem.modulus]


CASES: list[Problem] = [
    Parity(length=12),
    Parity(length=1),
    Parity(length=9, ask="last"),
    CycleNavigation(length=12),
    CycleNavigation(length=7, places=2),
    CycleNavigation(length=9, places=7, ask="last"),
    WordProblem(length=8),
    WordProblem(length=4, monoid="z60", generators="few"),
    WordProblem(length=5, monoid="a4xz5", generators="few"),
    WordProblem(length=3, monoid="a4xz5"),
    WordProblem(length=4, monoid="a5"),
    WordProblem(length=5, monoid="a5", generators="few", ask="last"),
    WordProblem(length=6, monoid="s5", generators="few"),
    FlipFlop(length=12),
    FlipFlop(length=4),
    FlipFlop(length=8, ignore=1.0),
    FlipFlop(length=10, ignore=0.0),
    ModularArithmetic(),
    ModularArithmetic(length=1, modulus=2),
    ModularArithmetic(length=7, modulus=10, order="left"),
    ModularArithmetic(length=3, modulus=2, order="left"),
    ModularArithmetic(length=9, brackets=True),
    ModularArithmetic(length=4, modulus=3, brackets=True),
    ModularArithmetic(length=12, modulus=2, brackets=True),
]
ORACLES: dict[type[Problem], Callable[..., list[Any]]] = {
    Parity: parity,
    CycleNavigation: cycle_navigation,
    WordProblem: word_problem,
    FlipFlop: flip_flop,
    ModularArithmetic: modular_arithmetic,
}
