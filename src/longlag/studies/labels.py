"""The labels of a study's models: their own words, or the names that the user gave them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import MakeModel
from longlag.knobs import lookup
from longlag.models import ModelFactory
from longlag.studies.study import named, words

_LONGEST = 60  # characters of a name, so that tables stay tables

SeveralModels = Iterable[ModelFactory | MakeModel | str]
"""Several models: objects, functions or texts; or a mapping whose keys are the names to show."""


def models_by_label(owner: str, models: SeveralModels) -> dict[str, ModelFactory]:
    """Models by label.

    Raises:
        ValueError: There is none, two are the same, a name cannot be shown, or only some have a
            decoder.
        TypeError: `models` is a single model, or no models.

    >>> models_by_label("Comparison", {"ours": "lstm(hidden_size=8)", "gru": "gru"})
    {'ours': LSTM(hidden_size=8, chrono=None), 'gru': GRU(hidden_size=50)}
    """
    if isinstance(models, Mapping):
        every = {_name(owner, name): user_model.as_factory(each) for name, each in models.items()}
        if len(every) < len(models):
            twice = next(n for n in every if [str(key).strip() for key in models].count(n) > 1)
            raise ValueError(f"{owner}: the name {twice} is given twice. Use another.")
        for model in every.values():  # unlike ones may have the same words, as two lambdas
            named(owner, "models", [model])
        if twice := next((m for m in every.values() if [*every.values()].count(m) > 1), None):
            raise ValueError(f"{owner}: `models` names {words(twice)} twice. Name it once.")
        if not every:
            named(owner, "models", [])
        return _for_one_framing(owner, every)
    several = isinstance(models, Iterable) and not isinstance(models, str)
    factories: Any = map(user_model.as_factory, models) if several else models  # refused there
    return _for_one_framing(owner, named(owner, "models", factories))


def given_names(models: Mapping[str, ModelFactory]) -> dict[str, str]:
    """What each name that the user gave stands for.

    >>> given_names(models_by_label("Comparison", {"ours": "lstm(hidden_size=8)", "gru": "gru"}))
    {'ours': 'lstm hidden_size=8'}
    """
    return {name: words(model) for name, model in models.items() if name != words(model)}


def label(models: Iterable[str], model: ModelFactory | MakeModel | str) -> str:
    """The label of one of a study's models, given as the label or as the study got the model.

    Raises:
        ValueError: There is no such model.

    >>> label(["lstm hidden_size=8", "gru"], "lstm(hidden_size=8)")
    'lstm hidden_size=8'
    """
    known = dict.fromkeys(models)
    if not isinstance(model, str) or model not in known:
        with contextlib.suppress(TypeError, ValueError):
            if (own := getattr(user_model.as_factory(model), "words", None)) in known:
                return own
        lookup("model", str(model), known)
    return str(model)


def document(models: Mapping[str, ModelFactory]) -> dict[str, Any]:
    """The names as a part of a question; empty if none was given."""
    return {"names": list(models)} if given_names(models) else {}


def of(question: Mapping[str, Any], models: Iterable[ModelFactory]) -> SeveralModels:
    """The models of a question with the names that `document` wrote."""
    return dict(zip(question["names"], models, strict=True)) if "names" in question else [*models]


def _name(owner: str, name: object) -> str:
    if isinstance(name, str) and name.strip() and name.isprintable() and len(name) <= _LONGEST:
        return name.strip()
    raise ValueError(
        f"{owner}: the names of `models` must be texts of 1 to {_LONGEST} printable characters, "
        f"got {name!r:.70}. Use a short one, such as ours."
    )


def _for_one_framing(owner: str, models: dict[str, ModelFactory]) -> dict[str, ModelFactory]:
    """The models, if a framing can fit all of them."""
    decodes = {name: bool(getattr(model, "decodes", False)) for name, model in models.items()}
    if len({*decodes.values()}) < 2:
        return models
    one, other = (next(n for n, each in decodes.items() if each is has) for has in (True, False))
    raise ValueError(
        f"{owner}: no framing fits both {one}, which has a decoder, and {other}, which has none. "
        "Compare models with a decoder apart from those without."
    )
