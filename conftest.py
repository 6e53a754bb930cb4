"""How the tests are run: on all cores where all of them are, and which have no framework here."""

import os
from importlib.util import find_spec

import pytest

_NEEDS = {"keras": "keras", "torch": "torch", "flax": "flax"}

# Modules whose framework is not installed have no examples that could run.
collect_ignore_glob = [
    f"src/longlag/adapters/{kind}/{name}*.py"
    for name, framework in _NEEDS.items()
    for kind in ("models", "datasets")
    if find_spec(framework) is None
]

# What Keras runs on unless it is told needs TensorFlow; modules here may be the first to import it.
os.environ.setdefault("KERAS_BACKEND", "jax")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """The whole suite takes a process for each core; a file alone is quicker in this one."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # which would start workers of its own, without end
        return
    whole = config.args_source is config.ArgsSource.TESTPATHS
    if whole and getattr(config.option, "numprocesses", 0) is None:
        config.option.numprocesses = "auto"
        config.option.maxprocesses = config.option.maxprocesses or 8
        config.option.dist = "worksteal"
