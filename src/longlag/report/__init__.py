"""The report: one HTML page of studies, of settled claims or of a forecast, with its figures.

Imported on first use, so that naming the report never waits for its figures or for jax.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longlag.report.claims import page_of_claims
    from longlag.report.forecasts import page_of_forecast
    from longlag.report.page import Page
    from longlag.report.studies import page_of_store

_HOMES = {
    "Page": "page",
    "page_of_claims": "claims",
    "page_of_forecast": "forecasts",
    "page_of_store": "studies",
}

__all__ = ["Page", "page_of_claims", "page_of_forecast", "page_of_store"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"longlag.report.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'longlag.report' has no attribute {name!r}")
