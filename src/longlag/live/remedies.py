"""Remedies as changes of knobs, for buttons that apply them."""

from __future__ import annotations

import re
from typing import NamedTuple

from longlag.framings import FRAMINGS
from longlag.live.setup import option_text
from longlag.models import MODELS

_CALL = re.compile(r"\b(?P<kind>[A-Z]\w*)\((?P<knobs>[^()]*)\)")
_ARGUMENT = re.compile(r"\b(?P<name>[a-z]\w*)=(?P<mark>'?)(?P<value>[\w.+-]*\w)(?P=mark)")
_OR = re.compile(r",? or (?!more\b|fewer\b|less\b|not\b)|, (?=[A-Z]\w*\()")


class Change(NamedTuple):
    """Knobs to change together, as texts by name, and what a button calls them."""

    label: str
    knobs: dict[str, str]


def changes(remedy: str) -> list[Change]:
    """The changes that a remedy offers, each for itself; none where it has no argument.

    Args:
        remedy: A sentence with arguments, as of an audit or a diagnosis.

    >>> [change.knobs for change in changes("Use sequences=8000 or learning_rate=0.01.")]
    [{'sequences': '8000'}, {'learning-rate': '0.01'}]
    >>> changes("Use rows='parallel' and timesteps=2. Timesteps up to 25 work too.")
    [Change(label='rows parallel, timesteps 2', knobs={'rows': 'parallel', 'timesteps': '2'})]
    >>> changes("Use context=2 or model LSTM(). A longer context works too.")[1].knobs
    {'model': 'lstm'}
    """
    _, _, advice = remedy.rpartition("Use ")
    found = (_knobs(part) for part in _OR.split(advice.partition("; ")[0]))
    return [Change(_label(knobs), knobs) for knobs in found if knobs]


def _knobs(part: str) -> dict[str, str]:
    knobs: dict[str, str] = {}
    for call in _CALL.finditer(part):
        for kind, table in (("framing", FRAMINGS), ("model", MODELS)):
            for name, each in table.items():
                if each.__name__ == call["kind"]:
                    knobs[kind] = name
    for argument in _ARGUMENT.finditer(part):
        value = argument["value"]
        text = value.lower() if value in ("True", "False") else value
        knobs[option_text(argument["name"])] = "" if value == "None" else text
    return knobs


def _label(knobs: dict[str, str]) -> str:
    words = {"true": "on", "false": "off", "": "none"}
    return ", ".join(f"{name.replace('-', ' ')} {words.get(v, v)}" for name, v in knobs.items())
