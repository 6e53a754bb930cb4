"""Arguments of a user's function besides sizes and seed: `mine.py:make_model(width=64)`."""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from longlag.adapters import user_code
from longlag.knobs import unknown_name
from longlag.models.by_name import parse

_SEED = re.compile("seed|key|rng|random|^_|^[sk]$")


def split(reference: str) -> tuple[str, str]:
    """The reference of a function, and its arguments in one canonical text.

    Raises:
        ValueError: The arguments are not named literals.

    >>> split("mine.py:make_model(width = 64)"), split("mine.py:make_model")
    (('mine.py:make_model', 'width=64'), ('mine.py:make_model', ''))
    """
    if not (call := user_code.CALL.fullmatch(reference)):
        return reference, ""
    function, rest = call.groups()
    with contextlib.suppress(ValueError):
        if (given := text(parse(f"make_model({rest}", words=False)[1])) is not None:
            return function, given
    raise ValueError(
        f"`{reference:.80}`: arguments must be numbers, texts, lists or the like (no sets), each "
        f"once and by name. Use {function}(width=64), say."
    )


def text(values: Mapping[str, Any]) -> str | None:
    """Arguments as one text, whatever their order; None where one is no literal.

    >>> text({"width": 64, "bias": False}), text({"activation": print})
    ('bias=False, width=64', None)
    """
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in sorted(values.items())}
    for value in plain.values():
        try:
            if ast.literal_eval(repr(value)) != value:
                return None
            # A set is written in another order in another process, which would be another model.
            if any(isinstance(node, ast.Set) for node in ast.walk(ast.parse(repr(value)))):
                return None
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
    return ", ".join(f"{name}={value!r}" for name, value in plain.items())


def values(text: str) -> dict[str, Any]:
    """The arguments of a text.

    Raises:
        ValueError: They are not named literals.

    >>> values("bias=False, width=64")
    {'bias': False, 'width': 64}
    """
    return parse(f"make_model({text})", words=False)[1] if text else {}


def further(make: Callable[..., Any]) -> list[str]:
    """The arguments of a function besides sizes and seed.

    >>> further(lambda sizes, seed, width=64: None)
    ['width']
    """
    try:
        parameters = list(inspect.signature(make).parameters.values())
    except (TypeError, ValueError):  # of a function without a signature
        return []
    kind = inspect.Parameter
    by_place = [each for each in parameters if each.kind is kind.POSITIONAL_OR_KEYWORD]
    named = [each for each in parameters if each.kind is kind.KEYWORD_ONLY]
    return [each.name for each in (*by_place[2:], *named)]


def require_fit(make: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuse a function that sizes, a seed and these arguments do not fit.

    Raises:
        TypeError: An argument is unknown or missing, or another one would get the seed.
    """
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):  # of a function without a signature
        return
    if isinstance(make, type):  # whose own errors lead to a function that makes one
        return
    name = getattr(make, "__name__", "make_model")
    places = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    by_place = [each for each in parameters if each.kind in places]
    others = by_place[2:] + [each for each in parameters if each.kind is each.KEYWORD_ONLY]
    for each in by_place[1:2]:
        taken = each.name in given or each.default is not each.empty
        if taken and not _SEED.search(each.name):
            raise TypeError(
                f"its second argument, {each.name}, would get the seed. Write def "
                f"{name}(sizes, seed, {each.name}=…)."
            )
    known = [each.name for each in others]
    for each in given:
        if each not in known and not any(p.kind is p.VAR_KEYWORD for p in parameters):
            raise TypeError(unknown_name(f"{name} has no argument", each, known))
    for each in others:
        if each.default is each.empty and each.name not in given:
            raise TypeError(f"{name} needs {each.name}. Give it: {name}({each.name}=…).")
