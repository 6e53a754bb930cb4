"""The six experiments of Hochreiter and Schmidhuber (1997)."""

from collections.abc import Callable
from typing import Any

from longlag.problems import (
    Adding,
    EmbeddedReber,
    LongLags,
    Multiplication,
    NoiseAndSignal,
    Problem,
    RandomLags,
    TemporalOrder,
)


def _marked_values(problem: Adding | Multiplication, inputs: list[list[float]]) -> list[float]:
    """The two values that are picked: a first pair has no mark, but its value tells."""
    values = [value for value, mark in inputs if mark == 1]
    if problem.variant == "1997" and len(values) == 1:
        values.append(inputs[0][0])
        assert values[1] == (0.0 if isinstance(problem, Adding) else 1.0)
    assert len(values) == 2
    return values


def _last_pair(problem: Adding | Multiplication, inputs: list[list[float]]) -> int:
    if problem.variant != "1997":
        return len(inputs) - 1
    ends = [step for step, (_, mark) in enumerate(inputs) if mark == -1]
    assert ends[0] == 0
    assert len(ends) == 2
    assert problem.length <= ends[1] + 1 <= problem.length * 1.1
    return ends[1]


def adding(problem: Adding, inputs: list[list[float]]) -> list[float | None]:
    said: list[float | None] = [None for _ in inputs]
    one, two = _marked_values(problem, inputs)
    if problem.variant == "1997":
        said[_last_pair(problem, inputs)] = 0.5 + (one + two) / 4.0
    else:
        said[-1] = one + two
    return said


def multiplication(problem: Multiplication, inputs: list[list[float]]) -> list[float | None]:
    said: list[float | None] = [None for _ in inputs]
    one, two = _marked_values(problem, inputs)
    said[_last_pair(problem, inputs)] = one * two
    return said


_GRAPH = {
    1: [("T", 2), ("P", 3)],
    2: [("S", 2), ("X", 4)],
    3: [("T", 3), ("V", 5)],
    4: [("X", 3), ("S", 6)],
    5: [("P", 4), ("V", 6)],
    6: [("E", 7)],
}


def embedded_reber(problem: EmbeddedReber, inputs: list[int]) -> list[list[int] | None]:
    """Walk the graph with a pencil: the outer B and T or P, the inner B, the graph, the same."""
    names = "BTPSXVE"
    text = [names[symbol] for symbol in inputs if symbol < len(names)]
    legal: list[str] = []
    outer, node = "", 0
    for place, symbol in enumerate(text):
        if place == 0:
            assert symbol == "B"
            legal.append("TP")
        elif place == 1:
            outer = symbol
            legal.append("B")
        elif place == 2:
            assert symbol == "B"
            node = 1
            legal.append("TP")
        elif node == 7:
            assert symbol == outer
            legal.append("E")
        else:
            node = dict(_GRAPH[node])[symbol]
            legal.append(outer if node == 7 else "".join(each for each, _ in _GRAPH[node]))
    assert legal[-1] == "E"
    assert problem.shortest <= len(text) + 1 <= problem.length
    sets: list[list[int] | None] = [[int(name in each) for name in names] for each in legal]
    return sets + [None] * (len(inputs) - len(text))


def long_lags(problem: LongLags, inputs: list[int]) -> list[int | None]:
    p = problem.length
    first = inputs[0]
    assert first in (p - 1, p)
    whole = [*inputs, first]
    if problem.middle == "fixed":
        assert whole == [first, *range(p - 1), first]
    said: list[int | None] = [whole[step + 1] for step in range(p)]
    return said if problem.ask == "every" else [None] * (p - 1) + said[-1:]


def random_lags(problem: RandomLags, inputs: list[int]) -> list[int | None]:
    p = problem.distractors
    names = [f"a{number}" for number in range(p)] + ["e", "b", "x", "y", "-"]
    text = [names[symbol] for symbol in inputs]
    end = text.index("e")
    assert text[0] == "b"
    assert problem.length <= len(text[2:end]) <= problem.length + problem.most
    assert all(symbol.startswith("a") for symbol in text[2:end])
    said: list[int | None] = [None] * len(inputs)
    said[end] = ["x", "y"].index(text[1])
    return said


def noise_and_signal(problem: NoiseAndSignal, inputs: list[float]) -> list[float | None]:
    """The class is seen in the first inputs; with noise on them, what is likelier is checked."""
    total = 0.0
    for step in range(problem.signal):
        total += inputs[step]
        if problem.noise != "everywhere":
            assert inputs[step] in (1.0, -1.0)
            assert inputs[step] == inputs[0]
    first = total > 0
    said: list[float | None] = [None] * len(inputs)
    last = len(inputs)
    while inputs[last - 1] == 0.0:  # after the end
        last -= 1
    if problem.noise == "targets":
        said[last - 1] = 0.8 if first else 0.2
    else:
        said[last - 1] = 1.0 if first else 0.0
    return said


def temporal_order(problem: TemporalOrder, inputs: list[int]) -> list[int | None]:
    text = ["abcdXYEB-"[symbol] for symbol in inputs]
    end = text.index("B")
    assert text[0] == "E"
    assert problem.length <= end + 1 <= problem.length * 1.1
    order = [symbol for symbol in text if symbol in "XY"]
    classes = {2: ["XX", "XY", "YX", "YY"]}
    classes[3] = [first + rest for first in "XY" for rest in classes[2]]
    said: list[int | None] = [None] * len(inputs)
    said[end] = classes[problem.marks].index("".join(order))
    return said


CASES: list[Problem] = [
    Adding(length=8),
    Adding(length=3, variant="anywhere"),
    Adding(length=20, variant="1997"),
    Multiplication(length=2),
    Multiplication(length=7, variant="anywhere"),
    Multiplication(length=20, variant="1997"),
    EmbeddedReber(length=14),
    EmbeddedReber(length=9),
    EmbeddedReber(length=15, shortest=12),
    LongLags(length=6),
    LongLags(length=3, ask="every"),
    LongLags(length=7, middle="fixed", ask="every"),
    LongLags(length=5, middle="fixed"),
    RandomLags(length=3, distractors=4, most=6),
    RandomLags(length=1, distractors=1, most=1),
    RandomLags(length=8, distractors=9, most=3),
    NoiseAndSignal(length=10),
    NoiseAndSignal(length=4, signal=1),
    NoiseAndSignal(length=12, signal=2, noise="targets").for_part("evaluation"),
    TemporalOrder(length=10),
    TemporalOrder(length=20),
    TemporalOrder(length=12, marks=3),
]
ORACLES: dict[type[Problem], Callable[..., list[Any]]] = {
    Adding: adding,
    Multiplication: multiplication,
    EmbeddedReber: embedded_reber,
    LongLags: long_lags,
    RandomLags: random_lags,
    NoiseAndSignal: noise_and_signal,
    TemporalOrder: temporal_order,
}
