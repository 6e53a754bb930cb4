"""Flags: the knobs of the classes in a table, as options of a command."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from cyclopts import Group, Parameter, Token, convert

from longlag.adapters import user_code
from longlag.adapters.models.hints import shortened
from longlag.by_name import build, build_all
from longlag.checks.knobs import undeclared
from longlag.cli._unknown import no_problem
from longlag.encodings import ENCODINGS
from longlag.framings import FRAMINGS, Framing
from longlag.knobs import Knob, Knobs
from longlag.problems import PROBLEMS, Problem
from longlag.store import store

_LARGEST = 2**63 - 1  # of an int64


def _integer(_: Any, tokens: Sequence[Token]) -> int:
    """A whole number; the default converter would round 1.5."""
    text = tokens[0].value
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"must be a whole number, got {text[:40]}.") from None
    if abs(number) > _LARGEST:
        raise ValueError(f"must be at most {_LARGEST}, got {text[:40]}.")
    return number


def _given(kind: Any, tokens: Sequence[Token]) -> Any:
    """A value; the default converter would take `none` for a flag that is not there."""
    text = tokens[0].value
    if text.lower() in ("none", "null") and text not in get_args(kind):
        raise ValueError(f"must be a value, got {text}. Leave the option out for its default.")
    return convert(kind, tokens)


Count = Annotated[int, Parameter(converter=_integer)]
Several = Annotated[
    tuple[str, ...], Parameter(negative="", consume_multiple=True, show_default=False)
]
StorePath = Annotated[Path, Parameter(name="--store", help="File with the saved trials.")]
Tracked = Annotated[
    list[Literal["tensorboard", "wandb", "mlflow", "aim"]] | None,
    Parameter(
        name="--track",
        negative="",
        json_list=False,
        help="Log each finished trial there too; may be repeated. Each is an extra to install.",
    ),
]
STORE = Path(store.STORE)
"""The default store."""


def flags(title: str, table: Mapping[str, type[Knobs]], without: Collection[str] = ()) -> Any:
    """A type for cyclopts: a dataclass of all knobs in the table, each optional.

    A flag that is not on the command line is None: the class has its default. Where knobs of one
    name have several types, the flag is text, which `build` converts for the class.

    Args:
        title: Heading of the flags in the help.
        table: The classes, by name.
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
        kind = kinds.pop() if len(kinds) == 1 else str
        optional = kind is bool or any(knob.optional for _, knob in declared)
        parameter = Parameter(
            help=_help(declared, len(table)),
            group=Group(title),
            converter=_integer if kind is int else None if optional else _given,
        )
        fields.append((name, Annotated[kind | None, parameter], None))
    # Without a module of its own cyclopts takes the class for a builtin.
    own = {"__module__": __name__}
    result = dataclasses.make_dataclass(f"{title}Flags", fields, frozen=True, namespace=own)
    return Annotated[result | None, Parameter(name="*")]


def flag_values(options: Any) -> dict[str, Any]:
    """The flags on the command line, by name of their knob."""
    fields = () if options is None else dataclasses.fields(options)
    values = {field.name: getattr(options, field.name) for field in fields}
    return {name: value for name, value in values.items() if value is not None}


def _help(declared: list[tuple[str, Knob]], owners: int) -> str:
    lines = []
    for owner, knob in declared:
        default = "" if knob.default is None else f" Default {knob.default}."
        prefix = f"{owner}: " if owners > 1 else ""
        bounds = "" if knob.choices or knob.range == knob.name else f" {knob.range}."
        lines.append(f"{prefix}{knob.help}{bounds if knob.kind is not bool else ''}{default}")
    return "  ".join(lines)


if TYPE_CHECKING:  # the types are created at run time, from the tables
    ProblemFlags = FramingFlags = Any
else:
    ProblemFlags = flags("Problem", PROBLEMS)
    FramingFlags = flags("Framing", FRAMINGS)


def _summary(kind: type) -> str:
    text = (kind.__doc__ or "").partition("\n")[0].rstrip(".")
    return text[0].lower() + text[1:]


FramingName = Annotated[
    str,
    Parameter(
        name="--framing",
        help="How sequences are cut into samples. "
        + ". ".join(f"{name}: {_summary(kind)}" for name, kind in FRAMINGS.items())
        + ".",
    ),
]
EncodingName = Annotated[
    str | None,
    Parameter(
        name="--encoding",
        help=f"Integers as features: {' or '.join(ENCODINGS)}. Default: {next(iter(ENCODINGS))}.",
    ),
]


def problem_and_framing(
    problem: str, problem_knobs: ProblemFlags, framing: str, framing_knobs: FramingFlags
) -> tuple[Problem, Framing]:
    """The problem and the framing of these names."""
    return (
        problem_from_name(problem, flag_values(problem_knobs)),
        build("framing", framing, FRAMINGS, flag_values(framing_knobs)),
    )


def problem_from_name(name: str, values: Mapping[str, Any]) -> Problem:
    """The problem of a name or of `path/to/file.py:NAME`, with the flags as its knobs."""
    if not user_code.is_reference(name):
        if name not in PROBLEMS and (fault := no_problem(name)):
            raise ValueError(fault)
        return build("problem", name, PROBLEMS, values)
    thing, origin = user_code.from_reference(name)
    if isinstance(thing, Problem):
        return dataclasses.replace(thing, **values)
    if not (isinstance(thing, type) and issubclass(thing, Problem)):
        raise ValueError(
            f"{origin.words} is no problem. Name a subclass of longlag.problems.Problem, or "
            "an object of one."
        )
    if wrong := undeclared(thing):
        raise ValueError(f"{origin.words}: {'. '.join(wrong)}")
    try:
        return thing(**values)
    except (ValueError, TypeError):
        raise
    except (Exception, SystemExit) as error:
        raise ValueError(
            f"{origin.words} cannot be created: {type(error).__name__}: {shortened(error)}"
        ) from error


def problems_from_names(names: Sequence[str], values: Mapping[str, Any]) -> list[Problem]:
    """The problems of these names, each with those flags that it has as knobs."""
    plain = [name for name in names if not user_code.is_reference(name)]
    if not plain:
        return [problem_from_name(name, values) for name in names]
    built = iter(build_all("problem", plain, PROBLEMS, values))
    return [next(built) if name in plain else problem_from_name(name, {}) for name in names]


def shown_name(text: str) -> tuple[str, str]:
    """The name that a model is shown by, empty if none is given, and the model.

    Raises:
        ValueError: There is nothing before `=`.

    >>> shown_name("ours=mine.py:make_model"), shown_name("lstm(hidden_size=8)")
    (('ours', 'mine.py:make_model'), ('', 'lstm(hidden_size=8)'))
    """
    name, equals, model = (part.strip() for part in text.partition("="))
    if not equals or set("(:/") & set(name):
        return "", text
    if " " in name:
        from longlag.models.by_name import as_in_tables  # jax, for no other text

        if as_in_tables(text):
            return "", text
    if not name:
        raise ValueError(f"`--models`: the name before {text} is empty. Use ours{text}, say.")
    return name, model


def code_files(*references: str | None) -> dict[str, str]:
    """The files of a user's models and problems, as inputs that must not be overwritten."""
    names = [shown_name(name)[1] for text in references if text for name in text.split(",")]
    called = ((name, user_code.CALL.fullmatch(name)) for name in names)
    plain = (call[1] if call else name for name, call in called)
    return {name: name.rpartition(":")[0] for name in plain if user_code.is_reference(name)}
