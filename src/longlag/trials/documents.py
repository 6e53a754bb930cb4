"""Documents: a setting as plain JSON values, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from longlag.adapters import tables
from longlag.adapters.models.user_model import UserModel
from longlag.encodings import ENCODINGS
from longlag.framings import FRAMINGS
from longlag.knobs import Knobs, lookup, unknown
from longlag.models import MODELS, ModelFactory
from longlag.problems import PROBLEMS, Problem, Series
from longlag.training import Recipe
from longlag.trials.setting import Setting

K = TypeVar("K", bound=Knobs)


def document(setting: Setting) -> dict[str, Any]:
    """A setting as plain values, every knob written out.

    >>> from longlag import Chunks, EchoLag, MLP
    >>> document(Setting(problem=EchoLag(), framing=Chunks(), model=MLP()))["problem"]
    {'kind': 'echo-lag', 'length': 25, 'lag': 1, 'values': 100}
    """
    encoding, tests = setting.encoding, dict(setting.tests)
    return {
        "problem": _problem(setting.problem),
        "framing": _knobs(setting.framing),
        "encoding": None if encoding is None else encoding.title(),
        "model": _model(setting.model),
        "recipe": _knobs(setting.recipe),
        # Only where there are any: the names of trials without tests stay as they are.
        **({"tests": [[name, _problem(made)] for name, made in tests.items()]} if tests else {}),
    }


def setting(written: Mapping[str, Any], series: np.ndarray | None = None) -> Setting:
    """The setting that `document` wrote.

    Args:
        written: The document.
        series: The values of its series, where it has one; by default they are read from its file.

    Raises:
        ValueError: A part is missing, a kind or a knob is unknown, or a series is another one.

    >>> from longlag import Chunks, EchoLag, MLP
    >>> before = Setting(problem=EchoLag(lag=3), framing=Chunks(), model=MLP())
    >>> setting(document(before)) == before
    True
    """
    parts = "problem", "framing", "encoding", "model", "recipe"
    for part in parts:
        if part not in written:
            raise ValueError(f"setting: the document has no part `{part}`.")
    encoding = written["encoding"]
    if not isinstance(encoding, str | None):
        raise ValueError(f"setting: `encoding` must be a name, got {encoding!r}.")
    return Setting(
        problem=_posed(written["problem"], series),
        framing=_built("framing", written["framing"], FRAMINGS),
        encoding=None if encoding is None else lookup("encoding", encoding, ENCODINGS),
        model=_built("model", written["model"], {**MODELS, UserModel.title(): UserModel}),
        recipe=_built("recipe", written["recipe"], {Recipe.title(): Recipe}),
        tests=tuple(_tests(written, series)),
    )


def _tests(written: Mapping[str, Any], series: np.ndarray | None) -> Iterator[tuple[str, Problem]]:
    for each in written.get("tests", ()):
        if not (isinstance(each, list) and len(each) == 2 and isinstance(each[1], Mapping)):
            raise ValueError(
                f"setting: `tests` must be pairs of a name and a problem, got {each!r}."
            )
        name, problem = each
        same = problem.get("digest") == written["problem"].get("digest")
        yield name, _posed(problem, series if same else None)


def _knobs(made: Knobs) -> dict[str, Any]:
    written: dict[str, Any] = {"kind": made.title()}
    for knob in type(made).knobs():
        value = getattr(made, knob.name)
        # Equal settings must be written alike: 3 and 3.0 are one threshold, 1 and True one flag.
        written[knob.name] = value if value is None else knob.kind(value)
    return written


def _problem(made: Problem) -> dict[str, Any]:
    return {**_knobs(made), **made.document()}


def _posed(written: Any, values: np.ndarray | None) -> Problem:
    if not isinstance(written, Mapping) or written.get("kind") != Series.title():
        return _built("problem", written, PROBLEMS)
    place, names = written.get("place"), tuple(written.get("names", ()))
    if values is None and place is None:
        raise ValueError(
            "setting: its series stands in no file. Use one that was read from a file: "
            "Series(table.values, names=table.names, place=path)."
        )
    rest = {name: value for name, value in written.items() if name not in ("names", "digest")}
    values = tables.read(str(place), names).values if values is None else values
    series = _built("problem", {**rest, "values": values, "names": names}, {"series": Series})
    if series.digest != written.get("digest"):
        raise ValueError(f"setting: {place} has changed since. Ask again with what it is now.")
    return series


def _model(made: ModelFactory) -> dict[str, Any]:
    written = _knobs(made)
    if isinstance(made, UserModel):
        written.update(function=made.function, place=made.place, code=made.code)
    return written


def _built(part: str, written: Any, table: Mapping[str, type[K]]) -> K:
    if not isinstance(written, Mapping):
        raise ValueError(f"setting: `{part}` must be a document, got {written!r}.")
    kind = lookup(part, str(written.get("kind")), table)
    typed = {name: value for name, value in written.items() if name != "kind"}
    known = [field.name for field in dataclasses.fields(kind)]
    for name in typed:
        if name not in known:
            raise ValueError(unknown(f"{part} {kind.title()} has no knob", name, known))
    return kind(**typed)
