"""What can a sequence model remember, and why does it fail when it does?

A problem draws episodes, a framing lays them out as samples, a model is fitted to the
samples, a map shows which inputs can reach which outputs, and trials check the statements of
tutorials.

>>> import longlag as ll
>>> ll.audit(ll.EchoLag(lag=1), ll.Window(timesteps=5)).verdict
'learnable'
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longlag.adapters.models.user_model import adopt
    from longlag.checks.model import preflight
    from longlag.encodings import OneHot, Scaled
    from longlag.framings import Chunks, EncoderDecoder, Prefix, Vector, Whole, Window
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
    from longlag.scores.score import Score, score
    from longlag.store.store import Store
    from longlag.studies.comparison import compare
    from longlag.studies.frontier import frontier
    from longlag.studies.generalisation import generalise
    from longlag.studies.profile import profile
    from longlag.studies.train import train
    from longlag.training import Loss, Recipe, fit
    from longlag.trials.checkpoint import Trained, load
    from longlag.trials.diagnosis import diagnose
    from longlag.trials.run import Run
    from longlag.trials.setting import Setting
    from longlag.trials.tuning import Search, tune

# Imported on first use, so that reading a problem never waits for jax.
_HOMES = {
    "adapters.models.user_model": ["adopt"],
    "checks.model": ["preflight"],
    "encodings": ["OneHot", "Scaled"],
    "framings": ["Chunks", "EncoderDecoder", "Prefix", "Vector", "Whole", "Window"],
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
    "scores.score": ["Score", "score"],
    "store.store": ["Store"],
    "studies.comparison": ["compare"],
    "studies.frontier": ["frontier"],
    "studies.generalisation": ["generalise"],
    "studies.profile": ["profile"],
    "studies.train": ["train"],
    "training": ["Loss", "Recipe", "fit"],
    "trials.checkpoint": ["Trained", "load"],
    "trials.diagnosis": ["diagnose"],
    "trials.run": ["Run"],
    "trials.setting": ["Setting"],
    "trials.tuning": ["Search", "tune"],
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
    "generalise",
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
