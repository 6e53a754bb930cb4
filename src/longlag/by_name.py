"""Objects by name: a problem, a framing or a model from its name and knobs given as flags."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from longlag.knobs import Knob, Knobs, either, lookup, unknown_name
from longlag.other_names import borrowed, joined, normalized

K = TypeVar("K", bound=Knobs)


def option(name: str) -> str:
    """The option of a knob: `--hidden-size` for `hidden_size`."""
    return f"--{name.replace('_', '-')}"


def build(kind: str, name: str, table: Mapping[str, type[K]], values: Mapping[str, Any]) -> K:
    """The object of this name, with the flags as its knobs."""
    chosen = _class(kind, name, table)
    for flag in values:
        if flag not in _knobs(chosen):
            owners = [other for other, each in table.items() if flag in _knobs(each)]
            if not owners:
                known = sorted(map(option, _knobs(chosen)))
                raise ValueError(unknown_name(f"{kind} {name} has no option", option(flag), known))
            raise ValueError(
                f"{kind} {name} has no option `{option(flag)}`. It is an option of "
                f"{kind} {either(owners)}.{_typed(kind, owners, flag, values, table)}"
                f"{_else(kind, flag)}"
            )
    return _create(chosen, values)


def build_all(
    kind: str, names: Iterable[str], table: Mapping[str, type[K]], values: Mapping[str, Any]
) -> list[K]:
    """The objects of these names, each with those flags that it has as knobs."""
    names = list(names)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{kind} {twice} is named twice. Name it once.")
    classes = [_class(kind, name, table) for name in names]
    known = {knob for each in classes for knob in _knobs(each)}
    for flag in values:
        if flag not in known:
            several = f"{kind}s {' and '.join(names)} have" if len(names) > 1 else None
            rule = f"{several or f'{kind} {names[0]} has'} no option"
            text = unknown_name(rule, option(flag), sorted(map(option, known)))
            raise ValueError(f"{text}{_else(kind, flag)}")
    return [_create(each, values) for each in classes]


def _typed(
    kind: str,
    owners: list[str],
    flag: str,
    values: Mapping[str, Any],
    table: Mapping[str, type[Knobs]],
) -> str:
    """A sentence with the flags to type; empty for a problem, which no flag names."""
    if kind == "problem":
        return ""
    fits = [owner for owner in owners if values.keys() <= _knobs(table[owner]).keys()]
    if not fits:  # each would refuse another of the flags
        mine = {knob for owner in owners for knob in _knobs(table[owner])}
        others = [option(each) for each in values if each not in mine]
        others = others or [option(each) for each in values if each != flag]
        return f" No {kind} has {' and '.join([option(flag), *others])}. Leave one of them out."
    value = values[flag]
    given = f"--no-{option(flag)[2:]}" if value is False else option(flag)
    given += "" if isinstance(value, bool) else f" {shlex.quote(str(value))}"
    return f" Use {either([f'--{kind} {owner} {given}' for owner in fits[:2]])}."


def _else(kind: str, flag: str) -> str:
    """The name in longlag of a flag that only some models have, as others mean it; may be empty."""
    hint = borrowed(option(flag)) if kind == "model" else ""
    return f" Else {hint}" if hint.startswith("longlag calls it") else ""


def _class(kind: str, name: str, table: Mapping[str, type[K]]) -> type[K]:
    if kind == "model" and " " in name:
        from longlag.models.by_name import parse

        parse(name)  # which knows how tables write a model
    same = normalized(name) in map(normalized, table)  # but for case
    if name not in table and not same and (hint := borrowed(name)):
        raise ValueError(joined(f"There is no {kind} `{name}`.", hint))
    return lookup(kind, name, table)


def _knobs(kind: type[Knobs]) -> dict[str, Knob]:
    return {knob.name: knob for knob in kind.knobs()}


def _create(kind: type[K], values: Mapping[str, Any]) -> K:
    knobs = _knobs(kind)
    return kind(
        **{name: _convert(knobs[name], each) for name, each in values.items() if name in knobs}
    )


def _convert(knob: Knob, value: Any) -> Any:
    """A value in the type of a knob; text if the knobs of that flag have several types."""
    if not isinstance(value, str) or (knob.kind is str and not knob.choices):
        return value
    if knob.choices:
        rule = f"`{option(knob.name)}` must be {either(knob.choices)}, got"
        if value not in knob.choices:
            raise ValueError(unknown_name(rule, value, knob.choices))
        return value
    try:
        if knob.kind is bool:
            return {"true": True, "false": False}[value.lower()]
        return knob.kind(value)
    except (ValueError, KeyError):
        raise ValueError(f"`{option(knob.name)}` must be {knob.rule}, got {value}.") from None
