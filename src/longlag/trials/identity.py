"""Identity: the hash that names a trial.

The name of a trial is a hash of its setting, with every default, of its seed and of the versions
of the parts that it uses; never an index.
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
"""Version of the parts that every trial uses: streams, layouts, the compiled loop, evaluation,
scoring. It is raised whenever equal settings give different results than before."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """A setting and a seed: the unit that a study runs once and stores.

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


def canonical(document: Mapping[str, Any]) -> str:
    """A document as one line of JSON, the same for equal documents."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def identity_document(document: Mapping[str, Any]) -> str:
    """A document as `canonical`, without the paths of user files, whose hashes identify them."""

    def plain(part: Any) -> Any:
        if isinstance(part, Mapping):
            kind = part.get("kind")
            own = kind in (UserModel.title(), Series.title(), USER_PROBLEM)
            path = ("path", "place") if own else ()
            # Names of trials must not change: the knob was called `epochs` once.
            former = {"sequences": "epochs"} if kind == Recipe.title() else {}
            items = ((former.get(name, name), each) for name, each in part.items())
            return {name: plain(each) for name, each in items if name not in path}
        return [plain(each) for each in part] if isinstance(part, list) else part

    return canonical(plain(document))


def digest(text: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def versions(setting: Setting) -> dict[str, int]:
    """The versions of the parts of a setting, by name; `tests/test_golden.py` tests them.

    >>> from longlag import EchoLag, LSTM, Whole
    >>> versions(Setting(problem=EchoLag(), framing=Whole(), model=LSTM()))
    {'engine': 1, 'echo-lag': 1, 'whole': 1, 'lstm': 1, 'one-hot': 1}
    """
    encodings = setting.input_encoding, setting.target_encoding
    tests = dict(setting.tests).values()
    parts: list[Knobs] = [setting.problem, setting.framing, setting.model, *encodings, *tests]
    return {"engine": ENGINE, **{part.title(): part.version for part in parts}}


def parts(setting: Setting) -> str:
    """The versions of the parts of a setting as text, for a store."""
    return ", ".join(f"{name} {number}" for name, number in versions(setting).items())
