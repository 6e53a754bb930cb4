"""Fitted baselines: AutoETS and AutoARIMA of statsforecast."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

_LONG_SEASON = 24  # rows; with a longer season the search for the order of an ARIMA takes hours
_APPROXIMATE = 150, 12  # rows and season above which the search approximates, as in R


def rolling(
    values: NDArray[np.float64], trains: int, season: int, horizon: int
) -> dict[str, NDArray[np.float64]]:
    """Forecasts of every row after the training rows, each from the rows up to `horizon` before it.

    Models and parameters are fitted to the training rows. After that, each past row updates only
    the state (levels, seasons, errors).

    Args:
        values: `(row,)`, in order of time, none missing.
        trains: Number of training rows.
        season: Rows in a season, 1 for none.
        horizon: Number of rows to forecast ahead.

    Returns:
        Forecasts `(row,)` by the name of the model, NaN for the training rows. AutoARIMA ignores a
        season of more than 24 rows, with a name that tells it.

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
    approximate = trains > _APPROXIMATE[0] or season > _APPROXIMATE[1]
    models = {
        "AutoETS": AutoETS(season_length=season),
        "AutoARIMA, no season" if long else "AutoARIMA": AutoARIMA(
            season_length=1 if long else season, approximation=approximate
        ),
    }
    by_model = {}
    for name, model in models.items():
        forecasts = np.full(len(values), np.nan)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # about rejected orders
                model.fit(values[:trains])
                for row in range(trains, len(values)):
                    past = values[: row - horizon + 1]
                    forecasts[row] = model.forward(past, h=horizon)["mean"][-1]
        except Exception as error:  # any error of statsforecast
            raise ValueError(_unfit(name, trains, error)) from error
        if not np.isfinite(forecasts[trains:]).all():
            raise ValueError(_unfit(name, trains, "a forecast is not finite"))
        by_model[name] = forecasts
    return by_model


def _unfit(name: str, trains: int, why: object) -> str:
    return (
        f"{name} cannot be fitted to the {trains:,} training rows: {str(why).rstrip('.')}. Leave "
        "out the fitted baselines."
    )
