"""Baselines that are fitted: AutoETS and AutoARIMA of statsforecast."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

_LONG_SEASON = 24  # rows; with a longer one a search for the order of an ARIMA takes hours
_APPROXIMATE = 150, 12  # rows and season above which orders are compared by a shortcut, as R does


def rolling(
    values: NDArray[np.float64], trains: int, season: int, horizon: int
) -> dict[str, NDArray[np.float64]]:
    """Forecasts of every row after those that train, each from the rows up to `horizon` before it.

    Models are chosen and parameters fitted on the rows that train. From then on each row that has
    passed updates the state (levels, seasons, errors) and nothing else.

    Args:
        values: `(row,)`, in order of time, none missing.
        trains: How many of them train.
        season: Rows in a season, 1 for none.
        horizon: Rows to look ahead.

    Returns:
        By the name of the model `(row,)`, NaN for the rows that train. AutoARIMA leaves out a
        season of more than 24 rows, and is named so.

    Raises:
        ValueError: statsforecast is not installed, or a model cannot be fitted.
    """
    try:
        from statsforecast.models import (  # pyright: ignore[reportMissingImports]
            AutoARIMA,
            AutoETS,
        )
    except ImportError:
        raise ValueError(
            "AutoETS and AutoARIMA need statsforecast. Use pip install 'longlag[baselines]'."
        ) from None
    long = season > _LONG_SEASON
    shortcut = trains > _APPROXIMATE[0] or season > _APPROXIMATE[1]
    models = {
        "AutoETS": AutoETS(season_length=season),
        "AutoARIMA, no season" if long else "AutoARIMA": AutoARIMA(
            season_length=1 if long else season, approximation=shortcut
        ),
    }
    found = {}
    for name, model in models.items():
        forecasts = np.full(len(values), np.nan)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # of orders that were tried and dropped
                model.fit(values[:trains])
                for row in range(trains, len(values)):
                    known = values[: row - horizon + 1]
                    forecasts[row] = model.forward(known, h=horizon)["mean"][-1]
        except Exception as error:  # whatever statsforecast raises for rows it does not like
            raise ValueError(_unfit(name, trains, error)) from error
        if not np.isfinite(forecasts[trains:]).all():
            raise ValueError(_unfit(name, trains, "a forecast is not finite"))
        found[name] = forecasts
    return found


def _unfit(name: str, trains: int, why: object) -> str:
    return (
        f"{name} cannot be fitted to the {trains:,} rows that train: {str(why).rstrip('.')}. Leave "
        "out the fitted baselines."
    )
