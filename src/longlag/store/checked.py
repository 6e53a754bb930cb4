"""Reading a store: what a file holds is checked against the types that it should have."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import json
import math
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from longlag import files
from longlag.store.records import SPENT, USAGE, Record, StoreError, StudyRecord

if TYPE_CHECKING:
    from longlag.trials.outcome import Curve, Outcome

R = TypeVar("R", Record, StudyRecord)

_MOST = sys.float_info.max  # of a whole number: a larger one is no float


def outcome(path: Path, trial: str, text: Any) -> Outcome:
    """The outcome of a trial as it stands in a store.

    Args:
        path: The file of the store.
        trial: Name of the trial.
        text: The outcome, as JSON.

    Raises:
        StoreError: A newer longlag wrote it, or it is damaged.
    """
    from longlag.trials.outcome import Outcome  # which loads jax

    found: Any = None
    try:
        found = Outcome.read(_parsed(text))
        why = _fault(found, typing.get_type_hints(Outcome))
        why = why or ("" if found.scores else "`scores` is empty") or _crooked(found.curve)
    except ValueError as error:
        line = " ".join(str(error).split())[:300]
        raise StoreError(f"{path}: trial {trial}: {line}") from error
    except (TypeError, LookupError, AttributeError, ArithmeticError) as error:
        why = f"{type(error).__name__}: {error}"
    if why:
        raise _damaged(path, f"trial {trial}", why)
    return found


def model(path: Path, trial: str, content: bytes) -> bytes:
    """A trained model as it stands in a store: a whole safetensors file of longlag's."""
    import safetensors

    try:
        safetensors.deserialize(content)
        if files.KINDS["safetensors"](content, b""):
            return content
        why = "longlag did not write it"
    except safetensors.SafetensorError as error:
        why = str(error)
    raise _damaged(path, f"the model of trial {trial}", why)


def _crooked(curve: Curve) -> str:
    """Why a learning curve is none; empty where it is one."""
    if len({len(points) for points in curve}) > 1:
        return "`curve` has points without a value"
    ends = (0, *curve.updates)
    if any(after <= before for before, after in itertools.pairwise(ends)):
        return "the updates of `curve` do not rise"
    return ""


def setting(path: Path, what: str, text: Any) -> dict[str, Any]:
    """A setting, each part of which has a kind."""
    written = document(path, what, text)
    tests = written.get("tests", [])
    parts = [part for name, part in written.items() if name != "tests"]
    if _fits(tests, list[list[Any]]) and all(len(test) == 2 for test in tests):
        parts += [problem for _, problem in tests]
    else:
        raise _damaged(path, what, "`tests` must be pairs")
    for part in parts:
        if isinstance(part, list) or (
            isinstance(part, dict) and not isinstance(part.get("kind"), str)
        ):
            raise _damaged(path, what, "a part has no kind")
    return written


def study(path: Path, row: StudyRecord) -> StudyRecord:
    """A study, with its question and its usage as documents."""
    what = f"study {row.id}"
    usage = None if row.usage is None else document(path, what, row.usage)
    if usage is not None:
        why = _fault(usage, USAGE) or _fault(usage["spent"], SPENT)
        if not why and any(len(pair) != 2 for pair in usage["failed"]):
            why = "`failed` must be pairs"
        if why:
            raise _damaged(path, what, f"in its usage {why}")
    question = document(path, what, row.question)
    return record(path, what, row._replace(question=question, usage=usage))


def record(path: Path, what: str, row: R) -> R:
    """A row whose fields are of their types, and whose times are times."""
    why = _fault(row, typing.get_type_hints(type(row)))
    for name in ("finished", "started", "ended"):
        if not why and (time := getattr(row, name, None)) is not None:
            try:
                datetime.datetime.fromisoformat(time)
            except ValueError as error:
                why = str(error)
    if why:
        raise _damaged(path, what, why)
    return row


def document(path: Path, what: str, text: Any) -> dict[str, Any]:
    """A document, and nothing else, out of JSON."""
    try:
        written = _parsed(text)
    except ValueError as error:
        raise _damaged(path, what, str(error)) from error
    if not isinstance(written, dict):
        raise _damaged(path, what, "it is no document")
    return written


def _damaged(path: Path, what: str, why: str) -> StoreError:
    why = " ".join(why.split())[:300]
    return StoreError(f"{path}: {what} is damaged: {why}. Put back a copy, or use another --store.")


def _parsed(text: Any) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is no JSON, is nested too deep, or has a number that is not finite.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"it is no JSON that can be read: {error}") from error


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
    """Whether a value is of a type, all that is in it included."""
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
        return abs(value) <= _MOST
    return isinstance(value, hint)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
