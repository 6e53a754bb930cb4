"""Parsing the rows of a store, with a check of their types."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import itertools
import json
import math
import os
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from longlag import files
from longlag.store.records import USAGE, USAGE_SECONDS, Record, StoreError, StudyRecord
from longlag.trials.environment import Environment
from longlag.trials.environment import fault as environment_fault

if TYPE_CHECKING:
    from longlag.trials.outcome import Curve, Outcome

R = TypeVar("R", Record, StudyRecord)

_LARGEST = sys.float_info.max  # a larger whole number is no float

_LARGEST_SHARE = 1.001  # of sums that are rounded


def outcome(path: Path, trial: str, text: Any, where: Any = None) -> Outcome:
    """The outcome of a trial, parsed.

    Args:
        path: The file of the store.
        trial: Name of the trial.
        text: The outcome, as JSON.
        where: Its environment, likewise; None where it is not known.

    Raises:
        StoreError: A newer longlag wrote it, or it is damaged.
    """
    from longlag.trials.outcome import Outcome  # which loads jax

    result: Any = None
    try:
        result = Outcome.read(_parse(text))
        why = _fault(result, typing.get_type_hints(Outcome))
        why = why or ("" if result.scores else "`scores` is empty") or _curve_fault(result.curve)
        why = why or _share_fault(result)
    except ValueError as error:
        line = " ".join(str(error).split())[:300]
        raise StoreError(f"{path}: trial {trial}: {line}") from error
    except (TypeError, LookupError, AttributeError, ArithmeticError) as error:
        why = f"{type(error).__name__}: {error}"
    if why:
        raise damaged(path, f"trial {trial}", why)
    if where is None:
        return result
    return dataclasses.replace(result, environment=environment(path, where))


@functools.lru_cache(256)  # most trials of a store share one
def environment(path: Path, text: Any) -> Environment:
    """An environment, parsed."""
    hints = typing.get_type_hints(Environment)
    absent = {"threads": None, "random_numbers": ""}  # in old stores
    parsed = {**absent, **document(path, "an environment", text)}
    if why := _fault(parsed, hints) or environment_fault(parsed):
        raise damaged(path, "an environment", why)
    return Environment.read(parsed)


def model(path: Path, trial: str, content: bytes) -> bytes:
    """A trained model of a store: a whole safetensors file that longlag wrote."""
    import safetensors.numpy

    try:
        safetensors.numpy.load(content)
        if files.KINDS["safetensors"](content, b""):
            return content
        why = "longlag did not write it"
    except safetensors.SafetensorError as error:
        why = str(error)
    except KeyError as error:
        why = f"it has arrays of the type {error}"
    raise damaged(path, f"the model of trial {trial}", why)


def _curve_fault(curve: Curve) -> str:
    """Why a learning curve is invalid; empty if it is valid."""
    if len({len(points) for points in curve}) > 1:
        return "`curve` has points without a value"
    ends = (0, *curve.updates)
    if any(after <= before for before, after in itertools.pairwise(ends)):
        return "the updates of `curve` do not rise"
    return ""


def _share_fault(outcome: Outcome) -> str:
    """The first accuracy that is no share; empty where there is none."""
    pairs = ((each.accuracy, each.sequence_accuracy) for each in outcome.scores.values())
    shares = itertools.chain([outcome.validation or 0.0], outcome.curve.accuracy, *pairs)
    return next((f"an accuracy is {each}" for each in shares if abs(each) > _LARGEST_SHARE), "")


def setting(path: Path, what: str, text: Any) -> dict[str, Any]:
    """The document of a setting, each part with a kind."""
    parsed = document(path, what, text)
    tests = parsed.get("tests", [])
    parts = [part for name, part in parsed.items() if name != "tests"]
    if _fits(tests, list[list[Any]]) and all(len(test) == 2 for test in tests):
        parts += [problem for _, problem in tests]
    else:
        raise damaged(path, what, "`tests` must be pairs")
    for part in parts:
        if isinstance(part, list) or (
            isinstance(part, dict) and not isinstance(part.get("kind"), str)
        ):
            raise damaged(path, what, "a part has no kind")
    return _found(parsed, path)


def _found(part: Any, store: Path) -> Any:
    """A document with its series beside the store, where the working folder does not have them."""
    if isinstance(part, list):
        return [_found(each, store) for each in part]
    if not isinstance(part, Mapping):
        return part
    part = {name: _found(each, store) for name, each in part.items()}
    if part.get("kind") == "series" and isinstance(file := part.get("path"), str):
        beside = store.parent / file  # the path itself, where that is a whole one
        if not os.path.isfile(file) and os.path.isfile(beside):
            part["path"] = str(beside)
    return part


def study(path: Path, row: StudyRecord) -> StudyRecord:
    """A study, with its question and its usage parsed."""
    what = f"study {row.id}"
    usage = None if row.usage is None else document(path, what, row.usage)
    if usage is not None:
        why = _fault(usage, USAGE) or _fault(usage["spent"], USAGE_SECONDS)
        if not why and any(len(pair) != 2 for pair in usage["failed"]):
            why = "`failed` must be pairs"
        if why:
            raise damaged(path, what, f"in its usage {why}")
    question = _found(document(path, what, row.question), path)
    return record(path, what, row._replace(question=question, usage=usage))


def record(path: Path, what: str, row: R) -> R:
    """A row, its fields checked for their types, its times for their format."""
    why = _fault(row, typing.get_type_hints(type(row)))
    for name in ("finished", "started", "ended"):
        if not why and (time := getattr(row, name, None)) is not None:
            try:
                datetime.datetime.fromisoformat(time)
            except ValueError as error:
                why = str(error)
    if why:
        raise damaged(path, what, why)
    return row


def document(path: Path, what: str, text: Any) -> dict[str, Any]:
    """A JSON object, parsed."""
    try:
        parsed = _parse(text)
    except ValueError as error:
        raise damaged(path, what, str(error)) from error
    if not isinstance(parsed, dict):
        raise damaged(path, what, "it is no JSON object")
    return parsed


def fields(path: Path, what: str, text: Any, hints: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object, parsed, with its fields of these types."""
    parsed = document(path, what, text)
    if why := _fault(parsed, hints):
        raise damaged(path, what, why)
    return parsed


def damaged(path: Path, what: str, why: str) -> StoreError:
    """The error for a part of a store or a bundle that is not as it must be."""
    other = "bundle" if path.suffix.lower() == ".zip" else "--store"
    why = " ".join(why.split())[:300]
    return StoreError(f"{path}: {what} is damaged: {why}. Put back a copy, or use another {other}.")


def _parse(text: Any) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is no JSON, is nested too deep, or has a number that is not finite.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"it is no valid JSON: {error}") from error


def _fault(value: Any, hints: Mapping[str, Any]) -> str:
    """The first field of a value that is missing or of another type; empty where there is none.

    Args:
        value: An object with these fields, or a mapping.
        hints: Types by name.

    >>> _fault({"count": 3, "names": ["a", 5]}, {"count": int, "names": list[str]})
    '`names` is ["a", 5]'
    """
    for name, hint in hints.items():
        missing = name not in value if isinstance(value, Mapping) else not hasattr(value, name)
        if missing:
            return f"`{name}` is missing"
        field = value[name] if isinstance(value, Mapping) else getattr(value, name)
        if not _fits(field, hint):
            text = json.dumps(field, default=str)
            return f"`{name}` is {text if len(text) < 60 else f'{text[:60]}…'}"
    return ""


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, with all its items."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return value in parts
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin in (tuple, list):
        if not isinstance(value, origin):
            return False
        if origin is list or parts[-1] is Ellipsis:
            return all(_fits(each, parts[0]) for each in value)
        return len(value) == len(parts) and all(map(_fits, value, parts))
    if origin is not None:
        return isinstance(value, Mapping) and all(
            _fits(name, parts[0]) and _fits(each, parts[1]) for name, each in value.items()
        )
    if dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        return type(value) is hint and not _fault(value, typing.get_type_hints(hint))
    if hint in (int, float) and isinstance(value, bool):
        return False
    if hint in (int, float) and isinstance(value, int):
        return abs(value) <= _LARGEST
    return isinstance(value, hint)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
