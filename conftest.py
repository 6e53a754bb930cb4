"""Modules whose framework is not installed have no examples that could run."""

from importlib.util import find_spec

collect_ignore = [
    f"src/longlag/adapters/{name}.py" for name in ("keras", "torch") if find_spec(name) is None
]
