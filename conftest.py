"""Modules whose framework is not installed have no examples that could run."""

from importlib.util import find_spec

_NEEDS = {"keras": "keras", "torch": "torch", "flax": "flax"}

collect_ignore = [
    f"src/longlag/adapters/{kind}/{name}.py"
    for name, framework in _NEEDS.items()
    for kind in ("models", "datasets")
    if find_spec(framework) is None
]
