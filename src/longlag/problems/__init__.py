"""Problems: distributions over episodes. A new one is added to the table below."""

from longlag.problems._base import Episodes, Problem
from longlag.problems.echo import EchoLag

PROBLEMS: dict[str, type[Problem]] = {problem.title(): problem for problem in [EchoLag]}

__all__ = ["PROBLEMS", "EchoLag", "Episodes", "Problem"]
