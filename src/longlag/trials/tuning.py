"""Tuning: a small search over width and learning rate, so that a baseline is a fair one.

Every candidate is trained on the training stream of one seed that no trial uses and scored
on the validation stream of that seed; evaluation draws are never looked at.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from longlag.events import Event, ctrl_c_stops
from longlag.trials.fit import finish, fit
from longlag.trials.setting import Setting

SEED = 2**31
"""The seed of every search."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """A setting whose width and learning rate are to be chosen.

    Args:
        setting: What is tuned; its model has a knob `hidden_size`.
        hidden_sizes: The widths.
        learning_rates: The learning rates.
    """

    setting: Setting
    hidden_sizes: tuple[int, ...] = (50, 200)
    learning_rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)


class Candidate(NamedTuple):
    """One setting tried, its score on the validation stream and its last training loss."""

    setting: Setting
    accuracy: float
    loss: float


class Tuned(NamedTuple):
    """What a search found: the best setting, and all that were tried."""

    setting: Setting
    tried: tuple[Candidate, ...]

    def __str__(self) -> str:
        knobs = dataclasses.asdict(self.setting.model)
        width, rate = knobs["hidden_size"], self.setting.recipe.learning_rate
        return f"width {width} and learning rate {rate:g} chosen of {len(self.tried)}"


def tune(search: Search, listen: Callable[[Setting, Event], object] = lambda *_: None) -> Tuned:
    """The best width and learning rate, each given the setting's whole budget.

    Ties in accuracy go to the lower training loss at the end, then to the first tried.

    Args:
        search: What to choose from.
        listen: Told of all events, with the setting that they are of.

    Raises:
        KeyboardInterrupt: The search was cut short.

    >>> from longlag import Chunks, EchoLag, MLP
    >>> setting = Setting(problem=EchoLag(lag=0, values=4), framing=Chunks(), model=MLP())
    >>> search = Search(setting=setting, hidden_sizes=(4, 16), learning_rates=(1e-6, 1e-2))
    >>> found = tune(search)
    >>> found.setting.recipe.learning_rate, len(found.tried)
    (0.01, 4)
    """
    tried = []
    for width in search.hidden_sizes:
        for rate in search.learning_rates:
            candidate = dataclasses.replace(
                search.setting,
                model=dataclasses.replace(search.setting.model, hidden_size=width),
                recipe=dataclasses.replace(search.setting.recipe, learning_rate=rate),
            )
            # Of the problem trained on: what it is to be tested on chooses nothing.
            trained = dataclasses.replace(candidate, tests=())
            with ctrl_c_stops() as stop:
                fitting = fit(trained, (SEED,), part="validation", stop=stop)
                run = finish(fitting, functools.partial(listen, candidate))
            if run.interrupted:
                raise KeyboardInterrupt
            tried.append(Candidate(candidate, run.accuracy.mean, run.history[0][-1].loss))
    # A loss that is no number loses every tie.
    best = max(tried, key=lambda each: (each.accuracy, -np.nan_to_num(each.loss, nan=np.inf)))
    return Tuned(best.setting, tuple(tried))
