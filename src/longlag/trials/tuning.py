"""Tuning: a small search over width and learning rate, for a fair baseline.

Every candidate is trained on the training stream of one seed that no trial uses and scored
on the validation stream of that seed; evaluation sequences are never used.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from longlag import arguments
from longlag.events import Event
from longlag.knobs import named_arguments, require
from longlag.stop import ctrl_c_stops
from longlag.trials.fit import finish, fit
from longlag.trials.setting import Setting

SEED = 2**31
"""The seed of every search."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """A setting and the widths and learning rates to try.

    Args:
        setting: The setting to tune; its model has a knob `hidden_size`.
        hidden_sizes: The widths.
        learning_rates: The learning rates.
    """

    setting: Setting
    hidden_sizes: tuple[int, ...] = (50, 200)
    learning_rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)

    def __post_init__(self) -> None:
        require("Search", "setting", self.setting, Setting, "a setting, such as Setting(...)")
        arguments.check(Search, vars(self))
        for name in ("hidden_sizes", "learning_rates"):
            if not getattr(self, name):
                raise ValueError(f"Search: `{name}` must be at least one number, got none.")


class Candidate(NamedTuple):
    """One setting of the search, its validation accuracy and its last training loss."""

    setting: Setting
    accuracy: float
    loss: float


class Tuned(NamedTuple):
    """The result of a search: the best setting, and all candidates."""

    setting: Setting
    tried: tuple[Candidate, ...]

    def __str__(self) -> str:
        knobs = dataclasses.asdict(self.setting.model)
        width, rate = knobs["hidden_size"], self.setting.recipe.learning_rate
        return f"width {width} and learning rate {rate:g} chosen of {len(self.tried)}"


@named_arguments
def tune(search: Search, listen: Callable[[Setting, Event], object] = lambda *_: None) -> Tuned:
    """The best width and learning rate; each candidate trains for the whole budget.

    Ties in accuracy go to the lower last training loss, then to the first candidate.

    Args:
        search: The setting and the candidates.
        listen: Called with the setting and each event of its training.

    Raises:
        KeyboardInterrupt: The user stopped the search.

    >>> from longlag import Chunks, EchoLag, MLP
    >>> setting = Setting(problem=EchoLag(lag=0, values=4), framing=Chunks(), model=MLP())
    >>> search = Search(setting=setting, hidden_sizes=(4, 16), learning_rates=(1e-6, 1e-2))
    >>> result = tune(search)
    >>> result.setting.recipe.learning_rate, len(result.tried)
    (0.01, 4)
    """
    kind: Any = Callable  # which is no type to a type checker
    require("tune", "search", search, Search, "a search, such as Search(setting=setting)")
    require("tune", "listen", listen, kind, "a function of a setting and an event")
    tried = []
    for width in search.hidden_sizes:
        for rate in search.learning_rates:
            candidate = dataclasses.replace(
                search.setting,
                model=dataclasses.replace(search.setting.model, hidden_size=width),
                recipe=dataclasses.replace(search.setting.recipe, learning_rate=rate),
            )
            # Scored on the training problem: the tests must not choose.
            without_tests = dataclasses.replace(candidate, tests=())
            with ctrl_c_stops() as stop:
                fitting = fit(without_tests, (SEED,), part="validation", stop=stop)
                run = finish(fitting, functools.partial(listen, candidate))
            if run.interrupted:
                raise KeyboardInterrupt
            tried.append(Candidate(candidate, run.accuracy.mean, run.history[0][-1].loss))
    # A loss that is not finite loses every tie.
    best = max(tried, key=lambda each: (each.accuracy, -np.nan_to_num(each.loss, nan=np.inf)))
    return Tuned(best.setting, tuple(tried))
