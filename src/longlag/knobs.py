"""Knobs: named settings, each declared once.

A declaration gives the type, the default, the allowed range and a line of help. The
constructor's checks, the error messages, the command line and the list of problems all
come from it.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import inspect
import math
import numbers
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from longlag import arguments
from longlag.other_names import borrowed, joined, nearest, normalized, without_knob

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

BATCH_SIZE = 5
"""The default rows in a batch, of a recipe and of an audit."""

LARGEST = arguments.LARGEST

_RULES: dict[Any, tuple[Any, str]] = {
    bool: (bool, "True or False"),
    int: (numbers.Integral, "a whole number"),
    float: (numbers.Real, "a finite number"),
    str: (str, "text"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Knob:
    """One knob: its type, its default and its range."""

    name: str
    kind: type
    default: Any
    help: str
    optional: bool = False
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: str | None = None
    choices: tuple[str, ...] = ()
    added: bool = False

    @property
    def range(self) -> str:
        """The range as text, for example `0 ≤ lag < length`."""
        if self.choices:
            return " | ".join(self.choices)
        if self.kind is bool:
            return "true | false"
        left = f"{self.at_least} ≤ " if self.at_least is not None else ""
        left = f"{self.above} < " if self.above is not None else left
        right = f" < {self.below}" if self.below is not None else ""
        right = f" ≤ {self.at_most}" if self.at_most is not None else right
        return f"{left}{self.name}{right}"

    @property
    def rule(self) -> str:
        """The type that a value must have, as text."""
        return _RULES[self.kind][1] if self.kind in _RULES else f"of type {self.kind}"

    def check(self, owner: Knobs) -> None:
        """Refuse a value of another type or out of range, naming the remedy."""
        value, rule = getattr(owner, self.name), f"{type(owner).__name__}: `{self.name}` must be"
        if self.optional and value is None:
            return
        if self.choices:
            options = either(self.choices)
            if not isinstance(value, str):
                raise TypeError(f"{rule} {options}, got {arguments.short_repr(value)}.")
            if value not in self.choices:
                raise ValueError(unknown_name(f"{rule} {options}, got", str(value), self.choices))
            return
        abstract = _RULES.get(self.kind, (typing.get_origin(self.kind) or self.kind,))[0]
        if not isinstance(value, abstract) or (isinstance(value, bool) and self.kind is not bool):
            raise TypeError(f"{rule} {self.rule}, got {arguments.short_repr(value)}.")
        if self.kind not in (int, float):
            return
        number: Any = value
        if isinstance(value, numbers.Rational) and abs(number) > LARGEST:
            raise ValueError(f"{rule} at most {LARGEST}, got a larger number.")
        if not math.isfinite(number):
            raise ValueError(f"{rule} {self.rule}, got {value!r}.")
        if self.at_least is not None and number < self.at_least:
            raise ValueError(
                f"{rule} at least {self.at_least}, got {value}. "
                f"Use {self.name}={self.at_least} or more."
            )
        if self.at_most is not None and number > self.at_most:
            raise ValueError(
                f"{rule} at most {self.at_most}, got {value}. "
                f"Use {self.name}={self.at_most} or less."
            )
        if self.above is not None and number <= self.above:
            bound = f"above {self.above}"
            raise ValueError(f"{rule} {bound}, got {value}. Use a {self.name} {bound}.")
        most = None if self.below is None else getattr(owner, self.below)
        # One of another type is refused by its own rule.
        if isinstance(most, numbers.Real) and number >= most:
            # A real number far below its bound may mean another problem: only it is named.
            larger = self.kind is int and number < LARGEST
            remedy = (
                f"{self.below}={number + 1} or more" if larger else f"a {self.name} below {most}"
            )
            raise ValueError(f"{rule} below `{self.below}` ({most}), got {value}. Use {remedy}.")


def knob(
    default: Any,
    help: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: str | None = None,
    added: bool = False,
) -> Any:
    """Declare a knob: a dataclass field with its default, a line of help and its range.

    Args:
        default: The default value.
        help: One line for the list of problems and the command line.
        at_least: The smallest value allowed.
        at_most: The largest value allowed.
        above: A bound that the value must exceed.
        below: The name of another knob; the value must be less than its value.
        added: Whether it came after the first version: documents omit it at its default, so
            that trials keep their names.

    Returns:
        The dataclass field.
    """
    if not isinstance(below, str | None):
        raise TypeError(f"knob: `below` must be the name of another knob, got {below!r}.")
    for name, bound in (("at_least", at_least), ("at_most", at_most), ("above", above)):
        if isinstance(bound, str):
            raise TypeError(f"knob: `{name}` must be a number, got {bound!r}. Use below={bound!r}.")
    bounds = {"at_least": at_least, "at_most": at_most, "above": above, "below": below}
    metadata = {"help": help, "added": added, **bounds}
    return dataclasses.field(default=default, metadata=metadata)


class _KnobsMeta(abc.ABCMeta):
    if not TYPE_CHECKING:  # a type checker reads the dataclass's own signature

        def __call__(cls, *args, **kwargs):
            names = [field.name for field in dataclasses.fields(cls)]
            if args and all(field.kw_only for field in dataclasses.fields(cls)):
                call = f"{cls.__name__}({names[0]}=…)" if names else f"{cls.__name__}()"
                raise TypeError(f"{cls.__name__} takes its arguments by name: {call}.")
            for name in kwargs:
                if name not in names:
                    rule = f"{cls.__name__} has no argument"
                    raise TypeError(_unknown_argument(rule, name, names, kwargs[name], (cls,)))
            return super().__call__(*args, **kwargs)

        @property
        def __signature__(cls):
            """The arguments, for `help` and editors, which would show those of this `__call__`."""
            signature = inspect.signature(cls.__init__)
            return signature.replace(parameters=[*signature.parameters.values()][1:])


_FEW = 8  # names that a line about another one still has room for


def _unknown_argument(
    rule: str, name: str, known: Sequence[str], value: object, near: Sequence[type]
) -> str:
    """One line for an argument that does not exist, with the call that it belongs to.

    Args:
        rule: The beginning of the line.
        name: The name of the argument.
        known: Those that exist.
        value: Its value.
        near: The class that was called, or the classes of other arguments, which come first.
    """
    message = unknown_name(rule, name, known)
    # A study takes no recipe: it has the knobs of one, or has none of them.
    owners = [e for e in _owners_of(name) if e.__name__ != "Recipe" or "budget" not in known]
    if any(f"longlag calls it `{each}`" in message for each in known):
        return message
    kin = [each for each in near if each in owners]
    if not kin and len(near) == 1:  # of its own base
        bases = {base for base in near[0].__mro__[1:] if isinstance(base, _KnobsMeta)} - {Knobs}
        kin = [each for each in owners if bases & set(each.__mro__)]
    if not (chosen := kin or owners) or normalized(name) in map(normalized, known):
        return message
    if "Did you mean" in message or ("Known: " in message and len(known) > _FEW):
        message = f"{rule} `{name}`."
    argument = f"({name}={arguments.short_repr(value)})"
    calls = " or ".join(f"{each.__name__}{argument}" for each in chosen[:3])
    return f"{message} It is an argument of {calls}{' or others' if len(chosen) > 3 else ''}."


def _owners_of(name: str) -> list[type]:
    """The classes of longlag that have a knob of this name."""
    waiting, owners = [Knobs], []
    while waiting:
        each = waiting.pop(0)
        waiting += each.__subclasses__()
        public = each.__module__.startswith("longlag.") and not each.__name__.startswith("_")
        if public and not inspect.isabstract(each):
            owners += [each] if name in (field.name for field in dataclasses.fields(each)) else []
    return owners


@dataclasses.dataclass(frozen=True, kw_only=True)
class Knobs(metaclass=_KnobsMeta):
    """Base of all classes with knobs: refuses unknown names and values out of range."""

    version: ClassVar[int] = 1
    """Increased whenever equal knobs give different results; part of the names of trials."""

    def __post_init__(self) -> None:
        for knob in self.knobs():  # all of them before any is compared with another
            value = getattr(self, knob.name)
            if (plain := arguments.plain(value)) is not value:
                object.__setattr__(self, knob.name, plain)
        for knob in self.knobs():
            knob.check(self)
            if knob.kind is float and isinstance(value := getattr(self, knob.name), int):
                object.__setattr__(self, knob.name, float(value))
        arguments.check(type(self).__init__, vars(self), type(self).__name__)

    @classmethod
    def title(cls) -> str:
        """The name on the command line: `echo-lag` for EchoLag, `lstm` for LSTM."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    @functools.cache
    def knobs(cls) -> tuple[Knob, ...]:
        """The knobs in the order of their declaration."""
        hints = typing.get_type_hints(cls)
        fields = (field for field in dataclasses.fields(cls) if "help" in field.metadata)
        return tuple(_knob(field, hints[field.name]) for field in fields)

    @property
    def words(self) -> str:
        """Its label: its name, and the knobs that differ from their defaults."""
        return " ".join([self.title(), *self.non_default()])

    def non_default(self) -> list[str]:
        """The knobs that differ from their defaults, `name=value` each."""
        knobs = ((knob, getattr(self, knob.name)) for knob in self.knobs())
        return [f"{knob.name}={_short(value)}" for knob, value in knobs if value != knob.default]


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _knob(field: dataclasses.Field[Any], hint: Any) -> Knob:
    alternatives = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kind = next(kind for kind in alternatives if kind is not types.NoneType)
    choices = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
    return Knob(
        name=field.name,
        kind=str if choices else kind,
        default=field.default,
        optional=types.NoneType in alternatives,
        choices=choices,
        **field.metadata,
    )


def require(owner: str, name: str, value: object, kind: type | tuple[type, ...], rule: str) -> None:
    """Refuse an argument of another type.

    Args:
        owner: The function or class, for the message.
        name: The name of the argument.
        value: Its value.
        kind: The type, or types, that it may have.
        rule: The same as text, for the message.

    Raises:
        TypeError: It is of another type.

    >>> require("audit", "problem", 3, str, "a problem, such as EchoLag()")
    Traceback (most recent call last):
    TypeError: audit: `problem` must be a problem, such as EchoLag(), got 3.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{owner}: `{name}` must be {rule}, got {arguments.short_repr(value)}.")


def unknown_name(rule: str, name: object, known: Iterable[str]) -> str:
    """One line for a name that does not exist: the rule, the name, the nearest existing one.

    Case, `-` and `_` make no difference.
    """
    keys = {normalized(each): each for each in known}
    all_names = listed(list(keys.values())) or "none"
    if not isinstance(name, str):
        return f"{rule} {arguments.short_repr(name)}. Known: {all_names}."
    near = nearest(normalized(name), keys)
    shown = name if name.isprintable() else ascii(name)[1:-1]
    hint = f"Did you mean `{keys[near]}`?" if near else ""
    if near != normalized(name):
        other = borrowed(name, keys.values())
        plural = near is not None and near.rstrip("s") == normalized(name).rstrip("s")
        plural = plural and not without_knob(name)  # as `state`, which `states` is not
        hint = hint if plural and near and f"`{keys[near]}`" not in other else other or hint
    if not hint and (longer := [keys[key] for key in keys if _is_part(name, key)]):
        hint = f"Did you mean {' or '.join(f'`{each}`' for each in longer[:3])}?"
    return joined(f"{rule} `{shown}`.", hint or f"Known: {all_names}.")


def _is_part(name: str, longer: str) -> bool:
    """Whether each word of a name is one of a longer name: `rate` of `learning_rates`."""
    short, long = ({word.rstrip("s") for word in normalized(n).split("-")} for n in (name, longer))
    return short < long


def listed(names: Sequence[str], most: int = 30) -> str:
    """Names in a message, the first of very many.

    >>> listed(["a", "b", "c"], 2)
    'a, b, … (3 in all)'
    """
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text}, … ({len(names):,} in all)"


def either(names: Sequence[str]) -> str:
    """Names of which one may be chosen.

    >>> either(["adam", "adamw", "sgd"]), either(["adam"])
    ('adam, adamw or sgd', 'adam')
    """
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def named_arguments(function: F) -> F:
    """Decorate a function: for an unknown argument the error names the nearest one.

    Raises:
        TypeError: At the call, for an argument that the function does not have, or a plain value
            of another type than it has.

    >>> @named_arguments
    ... def train(*, sequences=2000): ...
    >>> train(sequence=3)
    Traceback (most recent call last):
    TypeError: train has no argument `sequence`. Did you mean `sequences`?
    """
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in known:
                rule = f"{function.__name__} has no argument"
                near = [type(each) for each in (*args, *kwargs.values())]
                raise TypeError(_unknown_argument(rule, name, known, kwargs[name], near))
        args = tuple(map(arguments.plain, args))
        kwargs = {name: arguments.plain(each) for name, each in kwargs.items()}
        arguments.check(function, {**dict(zip(known, args, strict=False)), **kwargs})
        return function(*args, **kwargs)

    return typing.cast("F", call)


def lookup(kind: str, name: str, table: Mapping[str, T]) -> T:
    """The entry called `name`, or a ValueError that names the nearest one.

    >>> lookup("fruit", "aple", {"apple": 1})
    Traceback (most recent call last):
    ValueError: There is no fruit `aple`. Did you mean `apple`?
    """
    if not isinstance(name, str) or name not in table:
        raise ValueError(unknown_name(f"There is no {kind}", name, table))
    return table[name]
