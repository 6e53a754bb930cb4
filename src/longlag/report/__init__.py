"""The report: one HTML page about studies, claims or a forecast, with its figures."""

import sys

import lazy_loader

if sys.flags.optimize > 1:
    raise ValueError(
        "Altair, which draws the charts, needs the docstrings that python -OO leaves out. Unset "
        "PYTHONOPTIMIZE, or use PYTHONOPTIMIZE=1."
    )

# The names of __init__.pyi, each imported on first use: importing the report never waits for jax.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
