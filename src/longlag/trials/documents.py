"""Documents: a setting as plain JSON values, and back."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any, TypeVar

import numpy as np

from longlag.adapters import user_code
from longlag.adapters.models.user_model import UserModel
from longlag.adapters.user_code import Origin
from longlag.encodings import ENCODINGS
from longlag.framings import FRAMINGS
from longlag.knobs import Knobs, lookup, unknown_name
from longlag.models import MODELS, ModelFactory
from longlag.problems import PROBLEMS, Problem, Series
from longlag.training import Recipe
from longlag.trials.setting import Setting

K = TypeVar("K", bound=Knobs)

USER_PROBLEM = "user-problem"
"""The kind of a problem whose class is the user's own."""


def document(setting: Setting) -> dict[str, Any]:
    """A setting as plain JSON values, every knob included.

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
        # Only where there are any: the names of trials without tests do not change.
        **({"tests": [[name, _problem(each)] for name, each in tests.items()]} if tests else {}),
    }


def public(part: Any) -> Any:
    """A document with the names of files for their paths."""
    if isinstance(part, Mapping):
        paths = ("path", "place")  # the latter in earlier versions
        return {
            name: PureWindowsPath(each).name  # which knows both kinds of separators
            if name in paths and isinstance(each, str)
            else public(each)
            for name, each in part.items()
        }
    return [public(each) for each in part] if isinstance(part, list) else part


def stored(setting: Setting) -> dict[str, Any]:
    """The document of a setting for a store: with the names of files for their paths.

    A series keeps the path from the working folder, since a report reads its file again; only one
    outside of it keeps its whole path.
    """
    written = document(setting)
    problems = [written["problem"], *(problem for _, problem in written.get("tests", ()))]
    for part in (written["model"], *problems):
        path = part.get("path")
        if path is not None and part["kind"] == Series.title():
            with contextlib.suppress(ValueError, OSError):  # on another drive; no folder any more
                inside = os.path.relpath(path)
                part["path"] = path if inside.startswith(os.pardir) else inside
        elif path is not None:
            part["path"] = public(part)["path"]
    return written


def setting(
    document: Mapping[str, Any], series: np.ndarray | None = None, *, trusted: bool = False
) -> Setting:
    """The setting of a document, as `document` returns it.

    User code that it names runs only if the user named it in this process.

    Args:
        document: The document.
        series: The values of its series, where it has one; by default they are read from its file.
        trusted: Whether the document is from the user's own command: then its code may be imported.

    Raises:
        UnnamedCode: Its problem is the user's own, and the user did not name its code.
        ValueError: A part is missing, a kind or a knob is unknown, or a series is another one.

    >>> from longlag import Chunks, EchoLag, MLP
    >>> before = Setting(problem=EchoLag(lag=3), framing=Chunks(), model=MLP())
    >>> setting(document(before)) == before
    True
    """
    if not isinstance(document, Mapping):
        raise ValueError(f"setting: it must be a document, got {type(document).__name__}.")
    for part in ("problem", "framing", "encoding", "model", "recipe"):
        if part not in document:
            raise ValueError(f"setting: the document has no part `{part}`.")
    encoding = document["encoding"]
    if not isinstance(encoding, str | None):
        raise ValueError(f"setting: `encoding` must be a name, got {encoding!r}.")
    model = _read("model", document["model"], {**MODELS, UserModel.title(): UserModel})
    if trusted and isinstance(model, UserModel):
        user_code.resolve(model.origin, trusted=True)
    main, tests = document["problem"], []
    problem = _read_problem(main, series, trusted)
    for name, each in _tests(document):
        same = isinstance(each, Mapping) and each.get("digest") == main.get("digest")
        tests.append((name, _read_problem(each, series if same else None, trusted)))
    return Setting(
        problem=problem,
        framing=_read("framing", document["framing"], FRAMINGS),
        encoding=None if encoding is None else lookup("encoding", encoding, ENCODINGS),
        model=model,
        recipe=_read("recipe", _recipe(document["recipe"]), {Recipe.title(): Recipe}),
        tests=tuple(tests),
    )


def origins(document: Any) -> dict[str, Origin]:
    """The origins of the user code that a document names: of `model` and of `problem`."""
    document = _mapping("setting", document)
    tests = [problem for _, problem in _tests(document)]
    parts = {"model": [document.get("model")], "problem": [document.get("problem"), *tests]}
    own = {name: [each for each in map(_origin, some) if each] for name, some in parts.items()}
    return {name: some[0] for name, some in own.items() if some}


def _tests(document: Mapping[str, Any]) -> list[list[Any]]:
    pairs = document.get("tests", [])
    valid = isinstance(pairs, list) and all(isinstance(p, list) and len(p) == 2 for p in pairs)
    if not valid or not all(isinstance(n, str) and isinstance(p, Mapping) for n, p in pairs):
        raise ValueError(f"setting: `tests` must be pairs of a name and a problem, got {pairs!r}.")
    return pairs


def _origin(document: Any) -> Origin | None:
    """The origin of a part with user code; None for any other part."""
    names = {UserModel.title(): "function", USER_PROBLEM: "class"}
    if not isinstance(document, Mapping) or (kind := str(document.get("kind"))) not in names:
        return None
    name, code = document.get(names[kind]), document.get("code")
    path = document.get("path", document.get("place"))  # as in earlier versions
    if not (isinstance(name, str) and isinstance(path, str | None) and isinstance(code, str)):
        raise ValueError(f"setting: a {kind} must have a {names[kind]}, a path and a code.")
    return Origin(name, path, code)


def _values(knobs: Knobs) -> dict[str, Any]:
    """Knobs by name. Equal settings give equal documents: 3 and 3.0 are one threshold."""
    values = ((knob, getattr(knobs, knob.name)) for knob in type(knobs).knobs())
    return {
        knob.name: value if value is None else knob.kind(value)
        for knob, value in values
        if not (knob.added and value == knob.default)
    }


def _knobs(knobs: Knobs) -> dict[str, Any]:
    return {"kind": knobs.title(), **_values(knobs)}


def _problem(problem: Problem) -> dict[str, Any]:
    kind = type(problem)
    if kind is Series or PROBLEMS.get(kind.title()) is kind:
        return {**_knobs(problem), **problem.document()}
    name, path, code = user_code.origin_of_class(kind)
    own = {"class": name, "path": path, "code": code}
    return {"kind": USER_PROBLEM, **own, "knobs": _values(problem)}


def _read_problem(document: Any, values: np.ndarray | None, trusted: bool) -> Problem:
    if (origin := _origin(document)) is not None:
        kind = user_code.resolve(origin, trusted=trusted)
        if not (isinstance(kind, type) and issubclass(kind, Problem)):
            raise ValueError(f"{origin.words} is no problem. Name a subclass of Problem.")
        knobs = {"kind": kind.title(), **_mapping("knobs", document.get("knobs"))}
        return _read("problem", knobs, {kind.title(): kind})
    if _mapping("problem", document).get("kind") != Series.title():
        return _read("problem", document, PROBLEMS)
    # Stores of earlier versions say `place` for `path`.
    path, names = document.get("path", document.get("place")), document.get("names", ())
    if not isinstance(path, str | None) or not isinstance(names, list | tuple):
        raise ValueError(f"setting: a series must have names and a path, got {document}.")
    if values is None and path is None:
        raise ValueError(
            "setting: its series was not read from a file. Name its file: "
            "Series(table.values, names=table.names, path=path)."
        )
    knobs = {name: value for name, value in document.items() if name not in ("place", "digest")}
    if values is None:
        from longlag.adapters import tables  # loads pandas

        values = tables.read(str(path), names).values
    knobs |= {"values": values, "names": tuple(names), "path": path}
    knobs["seasons"] = tuple(document.get("seasons", ()))
    series = _read("problem", knobs, {"series": Series})
    if series.digest != document.get("digest"):
        raise ValueError(
            f"setting: {path} was edited since, or read in another way. Run the command again."
        )
    return series


def _model(model: ModelFactory) -> dict[str, Any]:
    fields = _knobs(model)
    if isinstance(model, UserModel):
        fields.update(function=model.function, path=model.path, code=model.code)
    return fields


def _recipe(document: Any) -> Any:
    """A recipe; stores of earlier versions say `epochs` for `sequences`."""
    if not isinstance(document, Mapping):
        return document
    return {"sequences" if name == "epochs" else name: each for name, each in document.items()}


def _mapping(part: str, document: Any) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise ValueError(f"setting: `{part}` must be a document, got {document!r}.")
    return document


def _read(part: str, document: Any, table: Mapping[str, type[K]]) -> K:
    kind = lookup(part, str(_mapping(part, document).get("kind")), table)
    knobs = {name: value for name, value in document.items() if name != "kind"}
    if (origin := _origin(document)) is not None:
        knobs.pop("place", None)
        knobs["path"] = origin.path
    names = [field.name for field in dataclasses.fields(kind) if field.init]
    for name in knobs:
        if name not in names:
            raise ValueError(unknown_name(f"{part} {kind.title()} has no knob", name, names))
    return kind(**knobs)
