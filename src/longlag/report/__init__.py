"""The report: one HTML page of studies, of settled claims or of a forecast, with its figures.

Imported on first use, so that naming the report never waits for its figures or for jax.
"""

import importlib
from typing import Any

_HOMES = {
    "Page": "page",
    "figure_of_audit": "figures",
    "figure_of_gates": "figures",
    "figure_of_run": "figures",
    "page_of_claims": "claims",
    "page_of_forecast": "forecasts",
    "page_of_store": "studies",
    "save_figure": "figures",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"longlag.report.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'longlag.report' has no attribute {name!r}")
