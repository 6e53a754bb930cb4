"""Checks of a problem's knobs: declarations, ranges, effects."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Literal

from longlag.checks.check import CheckFailed
from longlag.checks.episodes import digest_of, sample_episodes
from longlag.knobs import Knob
from longlag.problems import Problem


def undeclared(kind: type[Problem]) -> tuple[str, str] | None:
    """The first wrong declaration of a problem's knobs, with its remedy; None if there is none.

    A class with a wrong declaration cannot be instantiated.
    """
    for base in kind.__mro__:
        for name, value in vars(base).items():
            if isinstance(value, dataclasses.Field):
                return (
                    f"`{name}` is declared in {base.__name__}, which is not a dataclass",
                    "Put `@dataclasses.dataclass(frozen=True, kw_only=True)` above the class.",
                )
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        name, hint = field.name, hints[field.name]
        if not str(field.metadata.get("help", "")).strip():
            return (
                f"`{name}` is not declared by `knob` with a line of help",
                f"Declare it `{name}: int = knob(default, help)`, or as a `ClassVar` if it is "
                "not a knob.",
            )
        parts = set(typing.get_args(hint) if isinstance(hint, UnionType) else [hint]) - {NoneType}
        supported = len(parts) == 1 and all(_is_kind(part) for part in parts)
        if not supported:
            return (
                f"`{name}` is of type {getattr(hint, '__name__', hint)}",
                "Use int, float, bool or a `Literal` of strings, with `| None` if optional.",
            )
    return None


def _is_kind(hint: Any) -> bool:
    if typing.get_origin(hint) is Literal:
        return all(isinstance(choice, str) for choice in typing.get_args(hint))
    return hint in (int, float, bool)


# Knobs.


def check_knobs(problem: Problem) -> str:
    if wrong := undeclared(type(problem)):
        raise CheckFailed(*wrong)
    knobs = type(problem).knobs()
    for knob in knobs:
        for value in _not_allowed(problem, knob):
            if _with(problem, {knob.name: value}) is not None:
                raise CheckFailed(
                    f"{knob.name}={value!r} is accepted, but it is declared {knob.range}",
                    "Let `__post_init__` begin with `super().__post_init__()`.",
                )
    effects = {knob.name: _has_effect(problem, knob, knobs) for knob in knobs}
    if idle := [name for name, effect in effects.items() if effect is False]:
        raise CheckFailed(
            f"`{idle[0]}` changes neither the data nor the kinds of inputs and targets",
            f"Let `draw` use `{idle[0]}`, or remove the knob.",
        )
    tried = [name for name, effect in effects.items() if effect]
    fixed = [name for name, effect in effects.items() if effect is None]
    untried = f"; not tried, since no other value is allowed: {', '.join(fixed)}" if fixed else ""
    return f"each is declared, keeps its range and changes the data: {', '.join(tried)}{untried}"


def _not_allowed(problem: Problem, knob: Knob) -> Iterator[Any]:
    """Values that the declaration does not allow."""
    yield "no such value"
    if knob.at_least is not None:
        yield knob.kind(knob.at_least - 1)
    if knob.at_most is not None:
        yield knob.kind(knob.at_most + 1)
    if knob.above is not None:
        yield knob.kind(knob.above)
    if knob.below is not None:
        yield getattr(problem, knob.below)


def _allowed(problem: Problem, knob: Knob) -> list[Any]:
    """Other values that the declaration allows, near ones first."""
    current = getattr(problem, knob.name)
    if knob.choices or knob.kind is bool:
        return [value for value in knob.choices or (True, False) if value != current]
    base = knob.at_least or knob.above or 1 if current is None else current
    if knob.kind is int:
        values = [base, base + 1, base - 1, base + 2, base // 2, 2 * base + 1, 1, 2, 3, 5]
    else:
        values = [base * 1.5, base / 2, base + 0.1, base - 0.1, 0.25, 0.5, 1.0, 2.0, base + 1]
    low, high = knob.at_least, knob.at_most
    within = [
        knob.kind(value)
        for value in dict.fromkeys(values)
        if value != current
        and (low is None or value >= low)
        and (high is None or value <= high)
        and (knob.above is None or value > knob.above)
    ]
    return [*within, *([None] if knob.optional and current is not None else [])]


def _with(problem: Problem, knobs: Mapping[str, Any]) -> Problem | None:
    """The problem with other knobs; None where it raises."""
    try:
        return dataclasses.replace(problem, **knobs)
    except (ValueError, TypeError):
        return None


def _has_effect(problem: Problem, knob: Knob, knobs: tuple[Knob, ...]) -> bool | None:
    """Whether some value of a knob changes anything; None where no other value is allowed.

    Where it cannot change alone, or has no effect alone, another knob changes first.
    """
    others = [each for each in knobs if each is not knob]
    other_values = [{each.name: value} for each in others for value in _allowed(problem, each)]
    effect = None
    for before in ({}, *other_values):
        if (start := _with(problem, before)) is None:
            continue
        for value in _allowed(start, knob):
            other = _with(start, {knob.name: value})
            if other is not None and _differ(start, other):
                return True
            effect = effect if other is None else False
    return effect


def _differ(one: Problem, other: Problem) -> bool:
    if (one.steps, one.inputs, one.targets) != (other.steps, other.inputs, other.targets):
        return True
    try:
        return digest_of(sample_episodes(one, 100)) != digest_of(sample_episodes(other, 100))
    except Exception as error:
        error.add_note(f"with {other!r}")
        raise
