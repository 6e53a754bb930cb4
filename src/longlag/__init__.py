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
    from longlag.encodings import OneHot, Scaled
    from longlag.framings import Chunks, Prefix, Whole, Window
    from longlag.lab import Run, Setting, train
    from longlag.maps import audit
    from longlag.models import LSTM, MLP
    from longlag.problems import EchoLag
    from longlag.training import Recipe, fit

# Imported on first use, so that reading a problem never waits for jax.
_HOMES = {
    "encodings": ["OneHot", "Scaled"],
    "framings": ["Chunks", "Prefix", "Whole", "Window"],
    "lab": ["Run", "Setting", "train"],
    "maps": ["audit"],
    "models": ["LSTM", "MLP"],
    "problems": ["EchoLag"],
    "training": ["Recipe", "fit"],
}

__all__ = [
    "LSTM",
    "MLP",
    "Chunks",
    "EchoLag",
    "OneHot",
    "Prefix",
    "Recipe",
    "Run",
    "Scaled",
    "Setting",
    "Whole",
    "Window",
    "audit",
    "fit",
    "train",
]


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"longlag.{module}"), name)
    raise AttributeError(f"module 'longlag' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
