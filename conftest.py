"""Modules whose framework is not installed have no examples that could run."""

import os
from importlib.util import find_spec

_NEEDS = {"keras": "keras", "torch": "torch", "flax": "flax"}

collect_ignore = [
    f"src/longlag/adapters/{kind}/{name}.py"
    for name, framework in _NEEDS.items()
    for kind in ("models", "datasets")
    if find_spec(framework) is None
]

# What Keras runs on unless it is told needs TensorFlow; modules here may be the first to import it.
os.environ.setdefault("KERAS_BACKEND", "jax")
