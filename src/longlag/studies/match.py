"""Equal sizes: the width at which a model has as many weights, or numbers of state, as another."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from longlag.adapters import user_code
from longlag.adapters.models import arguments
from longlag.adapters.models.user_model import UserModel
from longlag.knobs import lookup, unknown_name
from longlag.models import ModelFactory, Sizes
from longlag.studies.ladder import Place
from longlag.training import program
from longlag.trials.setting import Setting

Match = Literal["parameters", "state"]

TOLERANCE = 0.02
"""Largest share by which a size may differ from that of the first model."""

_WIDTH = "hidden_size"
_WEIGHTS = 20_000  # of a model without state, beside others of equal state
COUNTED = {"parameters": "weights", "state": "numbers of state"}
"""What is counted, in words."""


class Sized(NamedTuple):
    """A model that was sized like another.

    Attributes:
        problem: The label of the problem.
        model: The label of the model.
        rung: The value of the ladder's knob.
        hidden_size: The width that was found.
        size: Its weights, or its numbers of state.
        knob: What its width is called.
    """

    problem: str
    model: str
    rung: int
    hidden_size: int
    size: int
    knob: str = _WIDTH


def size(by: Match, model: ModelFactory, sizes: Sizes) -> int | None:
    """The weights of a model, or the numbers of the state of a row; None where that is not known.

    >>> from longlag import GRU, LSTM
    >>> sizes = Sizes(features=5, outputs=5, timesteps=10)
    >>> size("state", LSTM(hidden_size=8), sizes), size("state", GRU(hidden_size=8), sizes)
    (16, 8)
    """
    made = model(sizes, 0)
    return program.parameters(made) if by == "parameters" else made.state_size


@functools.lru_cache(2**12)
def matched(by: Match, model: ModelFactory, first: ModelFactory, sizes: Sizes) -> ModelFactory:
    """The model, at the width whose size is next to that of the first one.

    Raises:
        ValueError: A size is not known, the model has no width, or none comes near enough.

    >>> from longlag import GRU, LSTM
    >>> sizes = Sizes(features=5, outputs=5, timesteps=10)
    >>> matched("parameters", GRU(), LSTM(hidden_size=50), sizes).hidden_size
    58
    """
    what = lookup("match", by, COUNTED)
    if not (goal := size(by, first, sizes)):
        known = "has no" if goal == 0 else "does not say its"
        raise ValueError(f"match: {first.words} {known} {what}. Name another model first.")
    if model == first:
        return model
    if (knob := width_argument(model)) is None:
        own = " among its arguments" if isinstance(model, UserModel) else ""
        raise ValueError(
            f"match: {model.words} has no `{_WIDTH}`{own} to change. Name it first, so that the "
            "others are sized like it, or leave out `match`."
        )

    def at(width: int) -> ModelFactory:
        return with_argument(model, knob, width)

    counted = functools.cache(lambda width: size(by, at(width), sizes) or 0)
    width = min(_nearest(counted, goal), key=lambda width: abs(counted(width) - goal))
    name = model.words.split()[0]
    if not counted(width):
        raise ValueError(f"match: {name} has no {what}. Leave it out.")
    if abs(counted(width) - goal) > TOLERANCE * goal:
        raise ValueError(
            f"match: {name} has {counted(width):,} {what} at {knob}={width}, the nearest "
            f"to the {goal:,} of {first.words}: more than {TOLERANCE:.0%} off. Use a larger "
            f"{first.words.split()[0]} first, or leave out `match`."
        )
    return at(width)


@functools.lru_cache(2**12)
def near(by: Match, model: ModelFactory, goal: int, sizes: Sizes) -> ModelFactory:
    """The model at the width whose size is next to a number; one without state by its weights.

    Args:
        by: What is counted.
        model: The model; where it has `heads`, these divide the width.
        goal: How many weights, or numbers of state.
        sizes: The sizes of a problem.

    Raises:
        ValueError: The model has no width to change.

    >>> from longlag import GRU
    >>> near("parameters", GRU(), 20_000, Sizes(features=2, outputs=2, timesteps=32)).hidden_size
    79
    """
    lookup("match", by, COUNTED)
    if (knob := width_argument(model)) is None:
        raise ValueError(
            f"match: {model.words} has no `{_WIDTH}` to change. Give the function that makes it "
            f"an argument `{_WIDTH}`."
        )
    heads = getattr(model, "heads", 1)

    @functools.cache
    def counted(width: int) -> int:
        return size(by, with_argument(model, knob, heads * width), sizes) or 0

    if by == "state" and not counted(1):
        return near("parameters", model, _WEIGHTS, sizes)
    width = min(_nearest(counted, goal), key=lambda width: abs(counted(width) - goal))
    return with_argument(model, knob, heads * width)


def at_width(
    by: Match, found: Sequence[Sized], place: Place, setting: Setting, first: ModelFactory
) -> ModelFactory:
    """The model of a place at its width: the one that was found there, or `matched`.

    What was found is of a stored study, whose models may be of a file that is not named.
    """
    if not found:
        return matched(by, setting.model, first, setting.sizes)
    for each in found:
        if (each.problem, each.model, each.rung) == (place.problem, place.model, place.rung):
            return with_argument(setting.model, each.knob, each.hidden_size)
    return setting.model


def with_argument(model: ModelFactory, name: str, value: int) -> ModelFactory:
    """The model with another value of an argument.

    Raises:
        ValueError: There is no such model: heads, say, must divide its width.

    >>> from longlag import GRU
    >>> with_argument(GRU(), "hidden_size", 16).words
    'gru hidden_size=16'
    """
    if isinstance(model, UserModel):
        return model.with_argument(name, value)
    return dataclasses.replace(model, **{name: value})


def argument(model: ModelFactory, name: str) -> int | None:
    """The value of an argument of a model; None where it is the default of a user's function.

    >>> from longlag import GRU
    >>> argument(GRU(), "hidden_size")
    50
    """
    if isinstance(model, UserModel):
        return arguments.values(model.arguments).get(name)
    return getattr(model, name)


def width_argument(model: ModelFactory) -> str | None:
    """What the width of a model is called; None where it has none to change."""
    if isinstance(model, UserModel):
        return model.width_argument
    return _WIDTH if hasattr(model, _WIDTH) else None


def width(model: ModelFactory) -> int | None:
    """The width of a model; None where it has none to change.

    >>> from longlag import GRU
    >>> width(GRU(hidden_size=8))
    8
    """
    return None if (knob := width_argument(model)) is None else argument(model, knob)


def whole_number(model: ModelFactory, name: str) -> str:
    """The name of a whole number of a model, to be varied; `hidden_size` is its width too.

    Raises:
        ValueError: It has none of this name.
    """
    kind = model.words.split()[0]
    owner = f"Frontier: `over` must name a whole number among the arguments of {kind}, got"
    if isinstance(model, UserModel):
        known = arguments.further(user_code.resolve(model.origin))
        if name == _WIDTH and (width := width_argument(model)):
            return width
        if not known:
            raise ValueError(
                f"Frontier: {model.words} has no argument to vary. Give its function one: def "
                f"make_model(sizes, seed, {name}=50)."
            )
    else:
        known = [knob.name for knob in model.knobs() if knob.kind is int]
    if name not in known:
        raise ValueError(unknown_name(owner, name, known))
    return name


def _nearest(counted: Callable[[int], int], goal: int) -> tuple[int, int]:
    """The widths, one after the other, whose sizes are on either side of the goal."""
    low, high = 1, 2
    while counted(high) < goal and counted(high) > counted(low):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if counted(middle) < goal else (low, middle)
    return low, high


def sized(by: Match, settings: Mapping[Place, Setting]) -> tuple[Sized, ...]:
    """The widths of models that were sized like the first one, at each level of each problem."""
    first = next(iter(settings)).model
    found = dict[tuple[str, str, int], Sized]()
    for place, setting in settings.items():
        key, model = (place.problem, place.model, place.rung), setting.model
        if key not in found and place.model != first:
            count = size(by, model, setting.sizes) or 0
            found[key] = Sized(*key, width(model) or 0, count, width_argument(model) or _WIDTH)
    return tuple(found.values())


def words(by: Match, first: str, sizes: Sequence[Sized]) -> str:
    """The widths that were found, in a sentence.

    >>> sizes = Sized("echo-value", "gru", 1, 58, 990), Sized("echo-value", "gru", 2, 58, 990)
    >>> words("parameters", "lstm", sizes)
    'Each model has as many weights as lstm, within 2%: gru hidden_size=58.'
    """
    one = len({each.problem for each in sizes}) == 1
    found = dict[tuple[str, str, str], list[int]]()
    for each in sizes:
        found.setdefault((each.model, each.problem, each.knob), []).append(each.hidden_size)
    parts = (
        f"{model} {knob}={' to '.join(map(str, sorted({min(every), max(every)})))}"
        f"{'' if one else f' on {problem}'}"
        for (model, problem, knob), every in found.items()
    )
    what = f"Each model has as many {COUNTED[by]} as {first}, within {TOLERANCE:.0%}"
    return f"{what}: {', '.join(parts)}."
