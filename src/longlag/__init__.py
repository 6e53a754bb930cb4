"""What can a sequence model remember, and why does it fail when it does?

A problem draws episodes, a framing lays them out as samples, a model is fitted to the
samples, a map shows who could see what, and a claim is settled by trials.

>>> import longlag as ll
>>> ll.audit(ll.EchoLag(lag=1), ll.Window(timesteps=5)).verdict
'learnable'
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longlag.adapters.own import adopt
    from longlag.encodings import OneHot, Scaled
    from longlag.framings import Chunks, EncoderDecoder, Prefix, Vector, Whole, Window
    from longlag.lab import Run, Score, Search, Setting, Store, Trained, load, score, train, tune
    from longlag.lab.comparison import compare
    from longlag.lab.diagnosis import diagnose
    from longlag.lab.frontier import frontier
    from longlag.lab.preflight import preflight
    from longlag.lab.profile import profile
    from longlag.maps import audit
    from longlag.models import GRU, LSTM, MLP, RNN, Bidirectional, Seq2Seq, Sizes
    from longlag.problems import (
        CumulativeThreshold,
        EchoLag,
        EchoSubsequence,
        EchoValue,
        Memorization,
        Ramp,
        Series,
    )
    from longlag.training import Loss, Recipe, fit

# Imported on first use, so that reading a problem never waits for jax.
_HOMES = {
    "adapters.own": ["adopt"],
    "encodings": ["OneHot", "Scaled"],
    "framings": ["Chunks", "EncoderDecoder", "Prefix", "Vector", "Whole", "Window"],
    "lab": [
        "Run",
        "Score",
        "Search",
        "Setting",
        "Store",
        "Trained",
        "load",
        "score",
        "train",
        "tune",
    ],
    "lab.comparison": ["compare"],
    "lab.diagnosis": ["diagnose"],
    "lab.frontier": ["frontier"],
    "lab.preflight": ["preflight"],
    "lab.profile": ["profile"],
    "maps": ["audit"],
    "models": ["GRU", "LSTM", "MLP", "RNN", "Bidirectional", "Seq2Seq", "Sizes"],
    "problems": [
        "CumulativeThreshold",
        "EchoLag",
        "EchoSubsequence",
        "EchoValue",
        "Memorization",
        "Ramp",
        "Series",
    ],
    "training": ["Loss", "Recipe", "fit"],
}

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "Bidirectional",
    "Chunks",
    "CumulativeThreshold",
    "EchoLag",
    "EchoSubsequence",
    "EchoValue",
    "EncoderDecoder",
    "Loss",
    "Memorization",
    "OneHot",
    "Prefix",
    "Ramp",
    "Recipe",
    "Run",
    "Scaled",
    "Score",
    "Search",
    "Seq2Seq",
    "Series",
    "Setting",
    "Sizes",
    "Store",
    "Trained",
    "Vector",
    "Whole",
    "Window",
    "adopt",
    "audit",
    "compare",
    "diagnose",
    "fit",
    "frontier",
    "load",
    "preflight",
    "profile",
    "score",
    "train",
    "tune",
]


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"longlag.{module}"), name)
    raise AttributeError(f"module 'longlag' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
