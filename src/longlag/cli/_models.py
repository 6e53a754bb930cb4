"""Models by name: those of longlag, and `path/to/file.py:make_model` for those of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from longlag.adapters import user_code
from longlag.adapters.models import user_model
from longlag.cli._flags import build, build_all
from longlag.models import MODELS, ModelFactory


def model_from_name(name: str, typed: Mapping[str, Any]) -> ModelFactory:
    """The model called so, with the flags that were typed as its knobs."""
    if not user_code.is_reference(name):
        return build("model", name, MODELS, typed)
    if typed:
        flag = next(iter(typed)).replace("_", "-")
        raise ValueError(f"`--{flag}` is of longlag's models; {name} has its own settings inside.")
    return user_model.from_reference(name)


def models_from_names(names: Sequence[str], typed: Mapping[str, Any]) -> list[ModelFactory]:
    """The models called so; each of longlag's takes those of the flags that it has as knobs."""
    owned = {
        name: user_model.from_reference(name) for name in names if user_code.is_reference(name)
    }
    plain = [name for name in names if name not in owned]
    if not plain and typed:
        return [model_from_name(name, typed) for name in names]
    built = iter(build_all("model", plain, MODELS, typed) if plain else [])
    return [owned[name] if name in owned else next(built) for name in names]
