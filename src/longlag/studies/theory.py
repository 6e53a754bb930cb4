"""What theory says of a layer on the problems of the suite, from how its state changes."""

from __future__ import annotations

from typing import NamedTuple

from longlag.models import ModelFactory

_SARROF = "Sarrof et al. (2024)"
_GRAZZI = "Grazzi et al. (2025)"


class Prediction(NamedTuple):
    """What theory predicts of a model on a problem.

    Attributes:
        can: Whether weights exist with which it solves the problem at every length; True says
            nothing of whether training finds them.
        because: Why, in a few words.
        source: Where that is proved.
    """

    can: bool
    because: str
    source: str


_AUTOMATA = "parity", "cycle-navigation", "word-problem", "flip-flop", "induction"

_FADES = "no eigenvalue of its state is negative: equal inputs bring it to rest"
_ALIKE = "its state changes by the same factors whatever the input"
_REAL = "its state counts at most modulo 2: it would need eigenvalues off the real line"
_ONE = "one reflection a step counts at most modulo 2"

# On equal inputs a state with such eigenvalues comes to rest, which excludes any modulus.
_CANNOT: dict[tuple[str, str], tuple[str, str]] = {
    ("fixed", "parity"): (_ALIKE, "Khavari et al. (2025)"),
    ("positive", "parity"): (_FADES, f"{_SARROF}; {_GRAZZI}"),
    ("positive", "cycle-navigation"): (_FADES, _GRAZZI),
    ("positive", "word-problem"): (_FADES, _GRAZZI),
    ("signed", "cycle-navigation"): (_REAL, _GRAZZI),
    ("signed", "word-problem"): (_REAL, _GRAZZI),
    ("reflections", "cycle-navigation"): (_ONE, _GRAZZI),
    ("attention", "parity"): ("one symbol of many changes little in an average", "Hahn (2020)"),
}


def predict(model: ModelFactory, problem: str, lag: int) -> Prediction | None:
    """What theory says of a model on a problem of the suite; None where it says nothing.

    Args:
        model: The model.
        problem: The name of the problem.
        lag: The steps that a model must look back at the longest length, at least.

    >>> from longlag import LSTM, MLP, MinGRU
    >>> predict(MinGRU(), "parity", 100)[:2]
    (False, 'no eigenvalue of its state is negative: equal inputs bring it to rest')
    >>> predict(LSTM(), "parity", 100).can, predict(MinGRU(), "adding", 100)
    (True, None)
    >>> predict(MLP(context=8), "parity", 100).because
    'it sees the last 8 steps'
    """
    if model.window is not None and model.window < lag:
        return Prediction(False, f"it sees the last {model.window} steps", "its definition")
    dynamics = model.dynamics
    if dynamics is None:
        return None
    if dynamics == "nonlinear" and problem in _AUTOMATA:
        return Prediction(True, "a finite automaton", "Siegelmann and Sontag (1995)")
    found = _CANNOT.get((dynamics, problem))
    if found is None or (dynamics == "reflections" and getattr(model, "layers", 1) > 1):
        return None  # two layers make a rotation of two reflections
    return Prediction(False, *found)
