"""Problems: distributions over episodes. A new one is added to the table below."""

from longlag.problems._base import Episodes, Ladder, Part, Problem
from longlag.problems.adding import Adding, Multiplication
from longlag.problems.automata import CycleNavigation, Parity, WordProblem
from longlag.problems.channels import Channels
from longlag.problems.counting import CountingLanguage
from longlag.problems.counts import CountOnes, Majority
from longlag.problems.cumulative import CumulativeThreshold
from longlag.problems.dyck import Dyck
from longlag.problems.echo import EchoLag, EchoSubsequence, EchoValue
from longlag.problems.flip_flop import FlipFlop
from longlag.problems.keys import AssociativeRecall, Induction
from longlag.problems.long_lags import LongLags, RandomLags
from longlag.problems.memorization import Memorization
from longlag.problems.modular import ModularArithmetic
from longlag.problems.noise import NoiseAndSignal
from longlag.problems.ramp import Ramp
from longlag.problems.reber import EmbeddedReber
from longlag.problems.recall import CopyingMemory, SelectiveCopying
from longlag.problems.series import Series
from longlag.problems.sorting import Sort
from longlag.problems.specs import Integers, Reals, Sets, Spec
from longlag.problems.strings import Duplicate, Repeat, Reverse
from longlag.problems.temporal_order import TemporalOrder

PROBLEMS: dict[str, type[Problem]] = {
    problem.title(): problem
    for problem in [
        *(EchoLag, Ramp, Memorization, EchoValue, EchoSubsequence, CumulativeThreshold),
        *(CopyingMemory, SelectiveCopying, Repeat, Induction, AssociativeRecall),
        *(Parity, CycleNavigation, WordProblem, FlipFlop, ModularArithmetic),
        *(Adding, Multiplication, LongLags, RandomLags, NoiseAndSignal, TemporalOrder),
        *(EmbeddedReber, Duplicate, Sort, Majority, CountOnes, CountingLanguage, Reverse, Dyck),
    ]
}

__all__ = [
    "PROBLEMS",
    "Adding",
    "AssociativeRecall",
    "Channels",
    "CopyingMemory",
    "CountOnes",
    "CountingLanguage",
    "CumulativeThreshold",
    "CycleNavigation",
    "Duplicate",
    "Dyck",
    "EchoLag",
    "EchoSubsequence",
    "EchoValue",
    "EmbeddedReber",
    "Episodes",
    "FlipFlop",
    "Induction",
    "Integers",
    "Ladder",
    "LongLags",
    "Majority",
    "Memorization",
    "ModularArithmetic",
    "Multiplication",
    "NoiseAndSignal",
    "Parity",
    "Part",
    "Problem",
    "Ramp",
    "RandomLags",
    "Reals",
    "Repeat",
    "Reverse",
    "SelectiveCopying",
    "Series",
    "Sets",
    "Sort",
    "Spec",
    "TemporalOrder",
    "WordProblem",
]
