"""Problems: distributions over episodes. A new one is added to the table below."""

from longlag.problems._base import Episodes, Ladder, Part, Problem
from longlag.problems.adding import Adding, Multiplication
from longlag.problems.channels import Channels
from longlag.problems.cumulative import CumulativeThreshold
from longlag.problems.echo import EchoLag, EchoSubsequence, EchoValue
from longlag.problems.long_lags import LongLags, RandomLags
from longlag.problems.memorization import Memorization
from longlag.problems.noise import NoiseAndSignal
from longlag.problems.ramp import Ramp
from longlag.problems.reber import EmbeddedReber
from longlag.problems.series import Series
from longlag.problems.specs import Integers, Reals, Sets, Spec
from longlag.problems.temporal_order import TemporalOrder

PROBLEMS: dict[str, type[Problem]] = {
    problem.title(): problem
    for problem in [
        EchoLag,
        Ramp,
        Memorization,
        EchoValue,
        EchoSubsequence,
        CumulativeThreshold,
        Adding,
        Multiplication,
        EmbeddedReber,
        LongLags,
        RandomLags,
        NoiseAndSignal,
        TemporalOrder,
    ]
}

__all__ = [
    "PROBLEMS",
    "Adding",
    "Channels",
    "CumulativeThreshold",
    "EchoLag",
    "EchoSubsequence",
    "EchoValue",
    "EmbeddedReber",
    "Episodes",
    "Integers",
    "Ladder",
    "LongLags",
    "Memorization",
    "Multiplication",
    "NoiseAndSignal",
    "Part",
    "Problem",
    "Ramp",
    "RandomLags",
    "Reals",
    "Series",
    "Sets",
    "Spec",
    "TemporalOrder",
]
