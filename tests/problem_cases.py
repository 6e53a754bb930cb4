"""Settings of every problem that the contract is tried on, and oracles written with loops."""

from collections.abc import Callable

from longlag.problems import EchoLag, Problem


def echo_lag(problem: EchoLag, inputs: list[int]) -> list[int | None]:
    said: list[int | None] = []
    memory: list[int] = []
    for value in inputs:
        memory.append(value)
        said.append(memory[-1 - problem.lag] if len(memory) > problem.lag else None)
    return said


CASES: list[Problem] = [
    EchoLag(),
    EchoLag(lag=0, length=1, values=2),
    EchoLag(lag=0),
    EchoLag(lag=3, length=4, values=7),
    EchoLag(lag=10, length=31, values=5),
]
ORACLES: dict[type[Problem], Callable[..., list[int | None]]] = {EchoLag: echo_lag}
"""The target at each step of one sequence, None where there is none."""

OTHERS: dict[type[Problem], dict[str, int]] = {EchoLag: {"lag": 2, "length": 30, "values": 50}}
"""For every knob of a problem, a value other than its default."""
