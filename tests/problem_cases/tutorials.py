"""The problems of the two tutorials."""

from collections.abc import Callable
from typing import Any

from longlag.problems import (
    CumulativeThreshold,
    EchoLag,
    EchoSubsequence,
    EchoValue,
    Memorization,
    Problem,
    Ramp,
)


def echo_lag(problem: EchoLag, inputs: list[int]) -> list[int | None]:
    said: list[int | None] = []
    memory: list[int] = []
    for value in inputs:
        memory.append(value)
        said.append(memory[-1 - problem.lag] if len(memory) > problem.lag else None)
    return said


def echo_value(problem: EchoValue, inputs: list[int]) -> list[int | None]:
    said: list[int | None] = [None for _ in inputs]
    for _ in range(problem.lag):
        inputs = inputs[:-1]
    said[-1] = inputs.pop()
    return said


def echo_subsequence(problem: EchoSubsequence, inputs: list[int]) -> list[int | None]:
    blank = problem.values
    shown = [value for value in inputs if value != blank]
    answer = shown[problem.start :]
    if problem.count is not None:
        answer = answer[: problem.count]
    assert len(shown) + len(answer) == len(inputs)
    return [None] * len(shown) + list(answer)


def ramp(problem: Ramp, inputs: list[float]) -> list[float]:
    return [(round(value * problem.length) + 1) / problem.length for value in inputs]


def memorization(problem: Memorization, inputs: list[int]) -> list[int | None]:
    """The sequence written out as the source has it: c, 0, 1, 2, …, c."""
    context = inputs[0]
    sequence = [context, *range(problem.length - 2), context]
    assert sequence[:-1] == inputs
    following: list[int | None] = [*sequence[1:]]
    if problem.ask == "last":
        following = [None] * (len(inputs) - 1) + following[-1:]
    return following


def cumulative(problem: CumulativeThreshold, inputs: list[float]) -> list[int]:
    total, said = 0.0, []
    threshold = problem.length / 4 if problem.threshold is None else problem.threshold
    for value in inputs:
        total += value
        said.append(0 if total < threshold else 1)
    return said


CASES: list[Problem] = [
    EchoLag(),
    EchoLag(lag=0, length=1, values=2),
    EchoLag(lag=0),
    EchoLag(lag=3, length=4, values=7),
    EchoLag(lag=10, length=31, values=5),
    EchoValue(),
    EchoValue(lag=0, length=1, values=3),
    EchoValue(lag=7, length=8, values=3),
    EchoSubsequence(),
    EchoSubsequence(length=1, values=2),
    EchoSubsequence(length=6, values=4, start=2, count=3),
    Ramp(),
    Ramp(length=2),
    Ramp(length=20, tolerance=0.1),
    Ramp(tolerance=0.05),
    Memorization(),
    Memorization(length=4, contexts=4),
    Memorization(length=9, contexts=3, ask="last"),
    CumulativeThreshold(),
    CumulativeThreshold(length=1),
    CumulativeThreshold(length=14, threshold=6.3),
]
ORACLES: dict[type[Problem], Callable[..., list[Any]]] = {
    EchoLag: echo_lag,
    EchoValue: echo_value,
    EchoSubsequence: echo_subsequence,
    Ramp: ramp,
    Memorization: memorization,
    CumulativeThreshold: cumulative,
}
