"""Problems: distributions over episodes. A new one is added to the table below."""

from longlag.problems._base import Episodes, Ladder, Part, Problem
from longlag.problems.channels import Channels
from longlag.problems.counting import CountingLanguage
from longlag.problems.counts import CountOnes, Majority
from longlag.problems.cumulative import CumulativeThreshold
from longlag.problems.dyck import Dyck
from longlag.problems.echo import EchoLag, EchoSubsequence, EchoValue
from longlag.problems.memorization import Memorization
from longlag.problems.ramp import Ramp
from longlag.problems.series import Series
from longlag.problems.specs import Integers, Reals, Sets, Spec
from longlag.problems.strings import Duplicate, Reverse, Sort

PROBLEMS: dict[str, type[Problem]] = {
    problem.title(): problem
    for problem in [
        *(EchoLag, Ramp, Memorization, EchoValue, EchoSubsequence, CumulativeThreshold),
        *(Duplicate, Sort, Majority, CountOnes, CountingLanguage, Reverse, Dyck),
    ]
}

__all__ = [
    "PROBLEMS",
    "Channels",
    "CountOnes",
    "CountingLanguage",
    "CumulativeThreshold",
    "Duplicate",
    "Dyck",
    "EchoLag",
    "EchoSubsequence",
    "EchoValue",
    "Episodes",
    "Integers",
    "Ladder",
    "Majority",
    "Memorization",
    "Part",
    "Problem",
    "Ramp",
    "Reals",
    "Reverse",
    "Series",
    "Sets",
    "Sort",
    "Spec",
]
