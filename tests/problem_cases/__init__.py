"""Settings of every problem that the contract is tried on, and oracles written with loops.

One family a module, each with `CASES` and `ORACLES`. A new one is added to `FAMILIES`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from longlag.problems import Problem

from . import automata, lstm1997, recall, strings, tutorials

FAMILIES = [tutorials, recall, automata, strings, lstm1997]

CASES: list[Problem] = [case for family in FAMILIES for case in family.CASES]
ORACLES: dict[type[Problem], Callable[..., list[Any]]] = {}
"""The target at each step of one sequence, None where there is none."""
for family in FAMILIES:
    ORACLES |= family.ORACLES

_PAGE = Path(__file__).parents[2] / "docs" / "howto" / "your-problem.md"
OWN = _PAGE.read_text().partition("```python\n")[2].partition("```")[0]
"""The file of a user, with the problem LagSum, as the documentation has it."""
