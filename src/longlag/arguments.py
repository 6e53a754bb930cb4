"""Arguments of the functions of longlag that are plain values, checked by their annotations."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import numbers
import os
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

C = TypeVar("C", bound=type)

LARGEST = 2**31 - 1
"""The largest integer: arrays have 32 bits, and more steps would not fit into memory."""

_PLAIN = {bool, int, float, str, type(None)}

_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "None": (type(None), "None"),
    "bool": (bool, "True or False"),
    "int": (numbers.Integral, "a whole number"),
    "float": (numbers.Real, "a number"),
    "Iterable[int]": (Collection, "whole numbers in a list"),
    "Iterable[float]": (Collection, "numbers in a list"),
    "Iterable[str]": (Collection, "texts in a list"),
    "tuple[int, ...]": ((list, tuple), "whole numbers in a list"),
    "tuple[float, ...]": ((list, tuple), "numbers in a list"),
    "tuple[str, ...]": ((list, tuple), "texts in a list"),
    "str": (str, "text"),
    "os.PathLike[str]": (os.PathLike, ""),
}
"""What an argument may be, by the parts of its annotation: its type, and that as text."""

_ELEMENTS: dict[str, type] = {
    **dict.fromkeys(("Iterable[int]", "tuple[int, ...]"), numbers.Integral),
    **dict.fromkeys(("Iterable[float]", "tuple[float, ...]"), numbers.Real),
    **dict.fromkeys(("Iterable[str]", "tuple[str, ...]"), str),
}


def check(function: Callable[..., Any], values: Mapping[str, Any], owner: str = "") -> None:
    """Refuse values that are of another type than the annotations of a function, or no numbers.

    Args:
        function: The function. Annotations with a part that is not plain are passed over.
        values: Its arguments by name.
        owner: Its name in a message, if it is not its own.

    Raises:
        TypeError: A value is of another type.
        ValueError: It is NaN, too large, or text that cannot be written.

    >>> def ask(minutes: float | None = None, *, rates: "Iterable[float]" = ()): ...
    >>> check(ask, {"minutes": None, "rates": [0.1]})
    >>> check(ask, {"rates": 0.1})
    Traceback (most recent call last):
    TypeError: ask: `rates` must be numbers in a list, got 0.1. Use rates=[0.1].
    """
    for name, parts in _annotations(function).items():
        if name in values:
            _check(f"{owner or function.__name__}: `{name}` must be", name, values[name], parts)


def checked(kind: C) -> C:
    """Decorate a class: its public methods refuse values as `check` does."""
    for name, method in list(vars(kind).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(kind, name, _checked(method))
    return kind


def plain(value: Any) -> Any:
    """A number, or an array of one, as Python has it: small ones of NumPy overflow.

    >>> import numpy as np
    >>> plain(np.uint8(200)), plain(np.array(0.5)), plain("lstm")
    (200, 0.5, 'lstm')
    """
    if type(value) in _PLAIN:
        return value
    with contextlib.suppress(Exception):  # of an object of the user's
        value = value.item() if value.shape == () else value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return value
    try:
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    except OverflowError:  # of a fraction, which is refused
        return value


def path(owner: str, name: str, value: object, *, folder: bool = False) -> None:
    """Refuse what is no path of a file.

    Args:
        owner: The function or class, for the message.
        name: The name of the argument.
        value: Its value.
        folder: Whether it may be a folder.

    Raises:
        TypeError: It is no path.
        ValueError: It has a zero byte or half a character, or is a folder.
    """
    rule = f"{owner}: `{name}` must be"
    _check(rule, name, value, ("str", "os.PathLike[str]"))
    if not folder and isinstance(value, str | os.PathLike) and os.path.isdir(value or "."):
        raise ValueError(
            f"{rule} the path of a file, got the folder {os.fspath(value)}. Name a file in it."
        )


def short_repr(value: object) -> str:
    """A value in a message: as Python writes it, if that is a short line."""
    try:
        text = repr(value)
    except Exception:  # of an object of the user's, or too many digits
        text = ""
    return text if text and len(text) <= 60 and "\n" not in text else f"a {type(value).__name__}"


def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    names = list(inspect.signature(method).parameters)

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        args = tuple(map(plain, args))
        kwargs = {name: plain(each) for name, each in kwargs.items()}
        check(method, {**dict(zip(names, args, strict=False)), **kwargs})
        return method(*args, **kwargs)

    return call


@functools.cache
def _annotations(function: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """The parts of the plain annotations of a function, by the name of the argument."""
    parameters = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    parts = {each.name: str(each.annotation).strip("'\"").split(" | ") for each in parameters}
    return {name: tuple(kinds) for name, kinds in parts.items() if set(kinds) <= _KINDS.keys()}


def _is_path(value: os.PathLike[str]) -> bool:
    try:
        return isinstance(os.fspath(value), str)
    except Exception:  # of an object of the user's
        return False


def _check(rule: str, name: str, value: Any, parts: tuple[str, ...]) -> None:
    is_path = "os.PathLike[str]" in parts
    rules = [_KINDS[part][1] for part in parts if not (is_path and part != "None")]
    rule = f"{rule} {' or '.join(['the path of a file'] * is_path + rules)}, got"
    fits = any(isinstance(value, _KINDS[part][0]) for part in parts)
    if isinstance(value, bool) and "bool" not in parts:
        fits = False
    if isinstance(value, str | bytes) and "str" not in parts:
        fits = False
    if is_path and isinstance(value, os.PathLike) and not _is_path(value):
        fits = False
    elements = next((kind for part, kind in _ELEMENTS.items() if part in parts), None)
    of_array = getattr(value, "tolist", None) if elements is not None else None
    items = value if of_array is None else of_array()
    items = tuple(items) if isinstance(items, list | tuple | set | dict) else ()
    if elements is not None:
        fits = fits and all(isinstance(item, elements) for item in items)
    if not fits:
        one = elements is not None and isinstance(value, elements) and not isinstance(value, bool)
        raise TypeError(f"{rule} {short_repr(value)}.{f' Use {name}=[{value!r}].' if one else ''}")
    for number in map(plain, items if elements is not None else (value,)):
        if isinstance(number, int | Fraction) and abs(number) > LARGEST:
            raise ValueError(f"{rule} more than {LARGEST}. Use a smaller number.")
        if isinstance(number, numbers.Real) and math.isnan(number):
            raise ValueError(f"{rule} nan. Use a number.")
    if is_path and value is not None and "\0" in str(value):
        raise ValueError(f"{rule} one with a zero byte. Name another file.")
    if isinstance(value, str | os.PathLike):
        try:  # bytes of names that are no text are half characters from U+DC80 on
            os.fsencode(value) if is_path else str(value).encode()
        except UnicodeEncodeError:
            raise ValueError(f"{rule} {value!a}, with half a character.") from None


def ending(path: str | os.PathLike[str]) -> str:
    """What the name of a file ends in, also where it is nothing else.

    >>> ending("table.TEX"), ending(".png"), ending("model")
    ('.tex', '.png', '')
    """
    _, dot, last = Path(path).name.lower().rpartition(".")
    return f"{dot}{last}" if dot and last else ""
