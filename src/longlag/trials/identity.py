"""Identity: a setting as a JSON document and back, and the hash that names a trial.

A trial is named by what it is, never by a place in a list: the hash of its settings, every
default written out, of its seed and of the versions of the parts it uses.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from longlag.adapters.models.user_model import UserModel
from longlag.knobs import Knobs
from longlag.problems import Series
from longlag.training import Recipe
from longlag.trials.documents import USER_PROBLEM, document
from longlag.trials.setting import Setting

ENGINE = 1
"""Version of all that every trial uses: streams, layouts, the compiled loop, evaluation, scoring.
Raised whenever equal settings give other results than before."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """A setting and a seed: the unit that is run, stored and never run twice.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> trial = Trial(setting=Setting(problem=EchoLag(), framing=Whole(), model=LSTM()), seed=3)
    >>> len(trial.id), trial.id == dataclasses.replace(trial, seed=4).id
    (16, False)
    """

    setting: Setting
    seed: int

    @functools.cached_property
    def id(self) -> str:
        """The name of the trial: 16 hexadecimal digits."""
        return digest(
            f"{identity_document(document(self.setting))} {self.seed} {parts(self.setting)}"
        )


def canonical(written: Mapping[str, Any]) -> str:
    """A document as one line of JSON, the same for equal documents."""
    return json.dumps(written, sort_keys=True, separators=(",", ":"), allow_nan=False)


def identity_document(written: Mapping[str, Any]) -> str:
    """A document as `canonical`, without where a user's files lie: what it is, is in their hash."""

    def plain(part: Any) -> Any:
        if isinstance(part, Mapping):
            kind = part.get("kind")
            own = kind in (UserModel.title(), Series.title(), USER_PROBLEM)
            path = ("path", "place") if own else ()
            # The names of trials were given when the knob was called so.
            former = {"sequences": "epochs"} if kind == Recipe.title() else {}
            items = ((former.get(name, name), each) for name, each in part.items())
            return {name: plain(each) for name, each in items if name not in path}
        return [plain(each) for each in part] if isinstance(part, list) else part

    return canonical(plain(written))


def digest(text: str) -> str:
    """The 16 hexadecimal digits that name a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def versions(setting: Setting) -> dict[str, int]:
    """The versions of what a setting uses, by name; `tests/test_golden.py` says when to raise one.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> versions(Setting(problem=EchoLag(), framing=Whole(), model=LSTM()))
    {'engine': 1, 'echo-lag': 1, 'whole': 1, 'lstm': 1, 'one-hot': 1}
    """
    encodings = setting.input_encoding, setting.target_encoding
    tests = dict(setting.tests).values()
    parts: list[Knobs] = [setting.problem, setting.framing, setting.model, *encodings, *tests]
    return {"engine": ENGINE, **{part.title(): part.version for part in parts}}


def parts(setting: Setting) -> str:
    """The same in words, for those who keep it."""
    return ", ".join(f"{name} {number}" for name, number in versions(setting).items())
