"""Flags: the knobs of every class in a table, as options of a command."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Group, Parameter, Token

from longlag.knobs import Knob, Knobs, lookup, unknown

K = TypeVar("K", bound=Knobs)


def _whole(_: Any, tokens: Sequence[Token]) -> int:
    """A whole number as it is written; by default 1.5 would be rounded."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"must be a whole number, got {text}.") from None


Count = Annotated[int, Parameter(converter=_whole)]

STORE = Path("longlag.db")
"""The store, where none is named."""

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON document.")]
Output = Annotated[
    Path | None, Parameter(name="--output", help="Write to this file instead of standard output.")
]


def flags(title: str, table: Mapping[str, type[Knobs]], without: Collection[str] = ()) -> Any:
    """A type for cyclopts: a dataclass of all knobs in the table, each optional.

    The default stays where it is declared; a flag that is not given is None here.

    Args:
        title: Heading of the flags in the help.
        table: Whose knobs.
        without: Knobs that the command sets itself.
    """
    owners: dict[str, list[tuple[str, Knob]]] = {}
    for owner, kind in table.items():
        for knob in kind.knobs():
            if knob.name not in without:
                owners.setdefault(knob.name, []).append((owner, knob))
    fields = []
    for name, declared in owners.items():
        kinds = {Literal[knob.choices] if knob.choices else knob.kind for _, knob in declared}
        kind = kinds.pop() if len(kinds) == 1 else float if kinds <= {int, float} else str
        parameter = Parameter(
            help=_help(declared, len(table)),
            group=Group(title),
            converter=_whole if kind is int else None,
        )
        fields.append((name, Annotated[kind | None, parameter], None))
    # Without a module of its own cyclopts takes the class for a builtin.
    own = {"__module__": __name__}
    made = dataclasses.make_dataclass(f"{title}Flags", fields, frozen=True, namespace=own)
    return Annotated[made | None, Parameter(name="*")]


def given(options: Any) -> dict[str, Any]:
    """The flags that were typed."""
    fields = () if options is None else dataclasses.fields(options)
    typed = {field.name: getattr(options, field.name) for field in fields}
    return {name: value for name, value in typed.items() if value is not None}


def build(kind: str, name: str, table: Mapping[str, type[K]], typed: Mapping[str, Any]) -> K:
    """The object called `name`, with the flags that were typed as its knobs."""
    chosen = lookup(kind, name, table)
    known = _names(chosen)
    for flag in typed:
        if flag not in known:
            having = [other for other, each in table.items() if flag in _names(each)]
            raise ValueError(
                f"{kind} {name} has no option `--{flag.replace('_', '-')}`. It is an option of "
                f"{kind} {' or '.join(having)}."
            )
    return chosen(**typed)


def build_all(
    kind: str, names: Iterable[str], table: Mapping[str, type[K]], typed: Mapping[str, Any]
) -> list[K]:
    """The objects of these names; each takes those of the typed flags that it has as knobs."""
    listed = list(names)
    if twice := next((name for name in listed if listed.count(name) > 1), None):
        raise ValueError(f"{kind} {twice} is named twice. Name it once.")
    chosen = {name: lookup(kind, name, table) for name in listed}
    known = {name: _names(each) for name, each in chosen.items()}
    for flag in typed:
        if not any(flag in knobs for knobs in known.values()):
            every = sorted({knob for knobs in known.values() for knob in knobs})
            said = " and ".join(chosen)
            raise ValueError(unknown(f"{kind} {said} has no option", flag, every))
    return [
        each(**{flag: value for flag, value in typed.items() if flag in known[name]})
        for name, each in chosen.items()
    ]


def _names(kind: type[Knobs]) -> list[str]:
    return [knob.name for knob in kind.knobs()]


def _help(declared: list[tuple[str, Knob]], owners: int) -> str:
    lines = []
    for owner, knob in declared:
        default = "" if knob.default is None else f" Default {knob.default}."
        prefix = f"{owner}: " if owners > 1 else ""
        lines.append(f"{prefix}{knob.help}{default}")
    return "  ".join(lines)
