"""The contract: what a problem must keep, so that what the lab says of it is true.

Each check is a function of the problem that gives a line of evidence, or raises `_Broken`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import subprocess
import sys
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple

import numpy as np

from longlag.adapters import source
from longlag.knobs import Knob
from longlag.lab.perturbation import NOISE, moves

# Private, since to rename it there would rename every trial in every store.
from longlag.lab.shortcuts import _constant as best_constant
from longlag.problems import Episodes, Integers, Problem, Reals

_DEVIATIONS = 5.0  # half the width of an interval: a true problem fails once in a million checks
_EPISODES = 500
_VALUES = 2_000_000  # that chance is measured on, about
_RUNGS = 5


class Check(NamedTuple):
    """One thing that a problem, or a model, must keep, and whether it does.

    Attributes:
        name: What.
        passed: Whether it is kept.
        found: The evidence, one line.
        remedy: What to do where it is not kept, else empty.
    """

    name: str
    passed: bool
    found: str
    remedy: str = ""


class _Broken(Exception):  # noqa: N818 - a finding, not a fault
    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.remedy = remedy


def check_problem(problem: Problem) -> tuple[Check, ...]:
    """Whether a problem keeps the contract, part by part.

    What the problem raises is a finding too. Nothing is trained.

    Args:
        problem: One with the knobs that it is to be checked with.

    >>> from longlag.problems import EchoLag
    >>> knobs, *_ = check_problem(EchoLag(lag=1, length=3))
    >>> knobs.passed, knobs.found
    (True, 'each is declared, keeps its range and changes the data: length, lag, values')
    """
    return tuple(_outcome(name, check, problem) for name, check in _CHECKS.items())


def undeclared(kind: type[Problem]) -> tuple[str, str] | None:
    """What is wrong with the declarations of a problem's knobs, and the remedy.

    None where each is declared as it must be; if not, the class cannot be made.
    """
    for base in kind.__mro__:
        for name, value in vars(base).items():
            if isinstance(value, dataclasses.Field):
                return (
                    f"`{name}` is declared in {base.__name__}, which is no dataclass",
                    "Put `@dataclasses.dataclass(frozen=True, kw_only=True)` above the class.",
                )
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        name, hint = field.name, hints[field.name]
        if not str(field.metadata.get("help", "")).strip():
            return (
                f"`{name}` is not declared by `knob` with a line of help",
                f"Declare it `{name}: int = knob(default, help)`, or as a `ClassVar` if it is "
                "no knob.",
            )
        parts = set(typing.get_args(hint) if isinstance(hint, UnionType) else [hint]) - {NoneType}
        known = len(parts) == 1 and all(_is_kind(part) for part in parts)
        if not known:
            return (
                f"`{name}` is of type {getattr(hint, '__name__', hint)}",
                "Use int, float, bool or a `Literal` of words, each perhaps `| None`.",
            )
    return None


def _is_kind(hint: Any) -> bool:
    if typing.get_origin(hint) is Literal:
        return all(isinstance(choice, str) for choice in typing.get_args(hint))
    return hint in (int, float, bool)


def _outcome(name: str, check: Callable[[Problem], str], problem: Problem) -> Check:
    try:
        return Check(name, True, check(problem))
    except _Broken as broken:
        return Check(name, False, str(broken), broken.remedy)
    except (Exception, SystemExit) as error:
        return Check(name, False, *_raised(problem, error))


def _raised(problem: Problem, error: BaseException) -> tuple[str, str]:
    """What a problem raised, and where."""
    said = " ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]).split()
    modules = [sys.modules.get(kind.__module__) for kind in type(problem).__mro__]
    files = {getattr(module, "__file__", None) for module in modules}
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files
    ]
    if not frames:
        return " ".join(said), "See what `longlag.problems.Problem` says of each of its parts."
    where = frames[-1]
    return (
        f"`{where.name}` raises {' '.join(said)}",
        f"Mend `{where.name}`: line {where.lineno} of {Path(where.filename).name}.",
    )


# Parts of a problem, refused in words where they are not what they should be.


def _drawn(problem: Problem, count: int = _EPISODES, seed: int = 0) -> Episodes:
    return _draw(problem, np.random.default_rng(seed), count)


def _draw(problem: Problem, rng: np.random.Generator, count: int) -> Episodes:
    episodes = problem.draw(rng, count)
    shape = (count, problem.steps)
    if not isinstance(episodes, Episodes) or any(
        getattr(array, "shape", None) != shape for array in episodes
    ):
        raise _Broken(
            f"`draw` of {count} episodes gives {_shapes(episodes)}",
            f"`draw` must give Episodes(inputs, targets, scored), each an array of shape {shape}.",
        )
    return episodes


def _shapes(given: Any) -> str:
    parts = given if isinstance(given, tuple | list) else [given]
    return ", ".join(str(getattr(part, "shape", type(part).__name__)) for part in parts)


def _said(problem: Problem, inputs: np.ndarray) -> np.ndarray:
    said = problem.oracle(inputs.copy())
    if getattr(said, "shape", None) != inputs.shape:
        raise _Broken(
            f"`oracle` of inputs {inputs.shape} gives {_shapes(said)}",
            "`oracle` must give a prediction for every step, in the shape of the inputs.",
        )
    return said


def _array(problem: Problem, method: str, given: Any, kind: type, sides: int) -> np.ndarray:
    shape = (problem.steps,) * sides
    if getattr(given, "shape", None) != shape or not np.issubdtype(given.dtype, kind):
        is_array = isinstance(given, np.ndarray)
        got = f"{given.dtype} {given.shape}" if is_array else type(given).__name__
        what = "bool" if kind is np.bool_ else "float"
        raise _Broken(f"`{method}` gives {got}", f"`{method}` must give {what} {shape}.")
    return given


def _scored(problem: Problem) -> np.ndarray:
    return _array(problem, "scored", problem.scored(), np.bool_, 1)


def _needs(problem: Problem) -> np.ndarray:
    return _array(problem, "needs", problem.needs(), np.bool_, 2)


def _chance_by_step(problem: Problem) -> np.ndarray:
    return _array(problem, "chance_by_step", problem.chance_by_step(), np.floating, 1)


def _right(problem: Problem, said: np.ndarray, targets: np.ndarray) -> np.ndarray:
    within = problem.targets.within if isinstance(problem.targets, Reals) else 0
    return np.abs(said.astype(np.float64) - targets) <= within


def _question(problem: Problem) -> int:
    return problem.steps - problem.answers


# Knobs.


def _check_knobs(problem: Problem) -> str:
    if wrong := undeclared(type(problem)):
        raise _Broken(*wrong)
    knobs = type(problem).knobs()
    for knob in knobs:
        for value in _refused(problem, knob):
            if _with(problem, {knob.name: value}) is not None:
                raise _Broken(
                    f"{knob.name}={value!r} is taken, though it is declared {knob.range}",
                    "Let `__post_init__` begin with `super().__post_init__()`.",
                )
    effects = {knob.name: _has_effect(problem, knob, knobs) for knob in knobs}
    if idle := [name for name, effect in effects.items() if effect is False]:
        raise _Broken(
            f"`{idle[0]}` changes neither the data nor the kinds of inputs and targets",
            f"Let `draw` use `{idle[0]}`, or take the knob out.",
        )
    tried = [name for name, effect in effects.items() if effect]
    left = [name for name, effect in effects.items() if effect is None]
    untried = f"; not tried, since no other value is allowed: {', '.join(left)}" if left else ""
    return f"each is declared, keeps its range and changes the data: {', '.join(tried)}{untried}"


def _refused(problem: Problem, knob: Knob) -> Iterator[Any]:
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
    """Other values that the declaration allows by itself, near ones first."""
    now = getattr(problem, knob.name)
    if knob.choices or knob.kind is bool:
        return [value for value in knob.choices or (True, False) if value != now]
    base = knob.at_least or knob.above or 1 if now is None else now
    if knob.kind is int:
        values = [base, base + 1, base - 1, base + 2, base // 2, 2 * base + 1, 1, 2, 3, 5]
    else:
        values = [base * 1.5, base / 2, base + 0.1, base - 0.1, 0.25, 0.5, 1.0, 2.0, base + 1]
    low, high = knob.at_least, knob.at_most
    within = [
        knob.kind(value)
        for value in dict.fromkeys(values)
        if value != now
        and (low is None or value >= low)
        and (high is None or value <= high)
        and (knob.above is None or value > knob.above)
    ]
    return [*within, *([None] if knob.optional and now is not None else [])]


def _with(problem: Problem, knobs: Mapping[str, Any]) -> Problem | None:
    """The problem with other knobs; None where they are refused."""
    try:
        return dataclasses.replace(problem, **knobs)
    except (ValueError, TypeError):
        return None


def _has_effect(problem: Problem, knob: Knob, knobs: tuple[Knob, ...]) -> bool | None:
    """Whether some value of a knob changes anything; None where it may not be moved.

    Where it may not be moved alone, or changes nothing alone, another knob is moved first.
    """
    others = [each for each in knobs if each is not knob]
    moves_before = [{each.name: value} for each in others for value in _allowed(problem, each)]
    effect = None
    for before in ({}, *moves_before):
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
        return _told(_drawn(one, 100)) != _told(_drawn(other, 100))
    except Exception as error:
        error.add_note(f"with {other!r}")
        raise


# Draws.


def _check_draws(problem: Problem) -> str:
    episodes = _drawn(problem)
    inputs, targets, scored = episodes
    for name, array, wanted in (
        ("inputs", inputs, _dtype(problem.inputs)),
        ("targets", targets, _dtype(problem.targets)),
        ("scored", scored, np.dtype(bool)),
    ):
        if array.dtype != wanted:
            raise _Broken(
                f"`draw` gives {name} of type {array.dtype}, {wanted} is meant",
                f"Give `dtype=np.{wanted}` where `draw` makes {name}.",
            )
    expected = _scored(problem)
    if not expected.any():
        raise _Broken("no step is scored", "Let `scored` be true where there is a target.")
    if (wrong := np.argwhere(scored != expected)).size:
        raise _Broken(
            f"`draw` and `scored` differ at step {wrong[:, 1].min()}",
            "Let `draw` give `np.broadcast_to(self.scored(), inputs.shape)`.",
        )
    question = _question(problem)
    _in_range(problem.inputs, inputs[:, :question], np.ones(question, dtype=bool), "inputs")
    _in_range(problem.targets, targets, expected, "targets")
    _blank(problem, inputs[:, question:], expected[question:])
    return f"{len(inputs)} episodes of {problem.steps} steps, {expected.sum()} scored, all in range"


def _dtype(kind: Integers | Reals) -> np.dtype[Any]:
    return np.dtype(np.int32 if isinstance(kind, Integers) else np.float32)


def _in_range(
    kind: Integers | Reals,
    values: np.ndarray,
    steps: np.ndarray,
    name: Literal["inputs", "targets"],
) -> None:
    if isinstance(kind, Integers):
        rule, wrong = f"from 0 to {kind.values - 1}", (values < 0) | (values >= kind.values)
    elif name == "inputs":  # -1 marks a step that lacks data
        rule, wrong = "in [0, 1]", ~((values >= 0) & (values <= 1))
    else:
        rule, wrong = "finite", ~np.isfinite(values)
    places = np.argwhere(wrong & steps)
    if places.size:
        episode, step = places[places[:, 1].argmin()]
        raise _Broken(
            f"at step {step} `{name}` has {values[episode, step]}, which is not {rule}",
            f"Mend `draw` at step {step}, or what `{name}` says of the values.",
        )


def _blank(problem: Problem, answer: np.ndarray, scored: np.ndarray) -> None:
    """Steps of the answer show nothing, and all ask for something."""
    first = _question(problem)
    if isinstance(problem.inputs, Integers):
        filler, word = problem.inputs.values, "Integers(values, blank=True)"
        if problem.answers and not problem.inputs.blank:
            raise _Broken("there is an answer, but no blank", f"Let `inputs` be {word}.")
    else:
        filler = 0
    for wrong, found in ((answer != filler).any(axis=0), "is not blank"), (~scored, "is unscored"):
        if wrong.any():
            raise _Broken(
                f"step {first + wrong.argmax()} is part of the answer, but {found}",
                f"Show {filler} from step {first} on (`whole` does) and score all steps there.",
            )


# Determinism.


def _check_determinism(problem: Problem) -> str:
    once = _told(_drawn(problem))
    if once != _told(_drawn(problem)):
        raise _Broken(
            "two draws from equal generators differ",
            "Let `draw` take all that is random from `rng`, and keep nothing for the next draw.",
        )
    if problem.sequences != 1 and once == _told(_drawn(problem, seed=1)):
        raise _Broken(
            "two seeds give the same episodes",
            "Let `draw` take what is random from `rng`, or say that `sequences` is 1.",
        )
    different = len(np.unique(_drawn(problem).inputs, axis=0))
    few = problem.sequences
    if few is not None and (different > few or different < min(few, _EPISODES // 50)):
        raise _Broken(
            f"{different} different episodes in {_EPISODES}, `sequences` says {few}",
            f"Let `sequences` be {different}, or None where few are met twice.",
        )
    rng = np.random.default_rng(2)
    parts = [_draw(problem, rng, 2) for _ in range(3)]
    joined = Episodes(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    if _told(_drawn(problem, 6, seed=2)) != _told(joined):
        raise _Broken(
            "6 episodes at once are not the same 6 as 2, 2 and 2 from one generator",
            "Let `draw` make one call of `rng` for all it needs, `(count, …)`, or draw episode by "
            "episode.",
        )
    return f"equal seeds give equal bytes, here and {_elsewhere(problem, once)}"


def _told(episodes: Episodes) -> str:
    """The bytes of some episodes, as a hash."""
    told = hashlib.sha256()
    for array in episodes:
        told.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return told.hexdigest()


def _elsewhere(problem: Problem, here: str) -> str:
    """Where else the same episodes were drawn."""
    kind = type(problem)
    module = sys.modules.get(kind.__module__)
    if module is None or getattr(module, kind.__name__, None) is not kind:
        return f"nowhere else, since no file has {kind.__name__}"
    file = getattr(module, "__file__", None)
    knobs = {field.name: getattr(problem, field.name) for field in dataclasses.fields(problem)}
    task = json.dumps([module.__name__, file, kind.__name__, knobs], default=np.generic.item)
    done = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import _draw_elsewhere as draw; draw()", task],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        # Sets of words come in another order there.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "1"},
    )
    if done.returncode:
        said = (done.stderr.strip() or "nothing is said").splitlines()[-1]
        raise _Broken(
            f"another process cannot draw: {said}",
            f"Keep {kind.__name__} in a file that can be imported, and `draw` free of what "
            "this process alone has.",
        )
    if done.stdout.split()[-1] != here:
        raise _Broken(
            "another process draws other episodes from an equal generator",
            "Let `draw` use no `hash`, no order of a set, no time and no random state but `rng`.",
        )
    return "in another process"


def _draw_elsewhere() -> None:
    """Draw in this process, which another one has started, and print the hash."""
    name, file, kind, knobs = json.loads(sys.argv[1])
    own = name == "__main__" or name.startswith("longlag_source_")
    home = None if own else importlib.import_module(name)
    made = source.imported(Path(file), kind) if home is None else getattr(home, kind)
    print(f"\n{_told(_drawn(made(**knobs)))}")


# Oracle and needs.


def _check_oracle(problem: Problem) -> str:
    inputs, targets, _ = _drawn(problem)
    steps = np.flatnonzero(_scored(problem))
    said = _said(problem, inputs)
    shown = inputs.copy()
    if (problem.oracle(shown) != said)[:, steps].any():
        raise _Broken("`oracle` says two things of the same inputs", "Let `oracle` draw nothing.")
    if (shown != inputs).any():
        raise _Broken("`oracle` changes its inputs", "Let `oracle` work on a copy.")
    _looks_ahead(problem, inputs, said)
    hits = _right(problem, said, targets)[:, steps]
    ceiling = problem.ceiling()
    if ceiling == 1 and not hits.all():
        place = hits.all(axis=0).argmin()
        episode, step = hits[:, place].argmin(), steps[place]
        raise _Broken(
            f"at step {step} `oracle` says {said[episode, step]}, the target is "
            f"{targets[episode, step]}",
            f"Mend `oracle` or the targets of `draw` at step {step}; if no predictor can be right "
            "there, `ceiling` is below 1.",
        )
    low, high = _around(hits.mean(axis=1))
    if not low <= ceiling <= high:
        raise _Broken(
            f"`oracle` scores {hits.mean():.3f} [{low:.3f}, {high:.3f}], `ceiling` says "
            f"{ceiling:.3f}",
            "Mend `oracle`, or let `ceiling` say what the best predictor reaches.",
        )
    return f"reaches the ceiling {ceiling:.3g} on {len(inputs)} episodes and never looks ahead"


def _looks_ahead(problem: Problem, inputs: np.ndarray, said: np.ndarray) -> None:
    question, scored = _question(problem), _scored(problem)
    others = np.roll(inputs, 1, axis=0), np.random.default_rng(3).permuted(inputs, axis=0)
    for step in np.flatnonzero(scored[: question - 1]):
        for other in others:
            changed = np.hstack([inputs[:, : step + 1], other[:, step + 1 :]])
            apart = ~(np.abs(_said(problem, changed) - said.astype(np.float64)) <= NOISE)
            if apart[:, step].any():
                raise _Broken(
                    f"what `oracle` says at step {step} changes with inputs after it",
                    f"Let `oracle` use the inputs up to step {step} alone.",
                )


def _check_needs(problem: Problem) -> str:
    claimed, scored = _needs(problem), _scored(problem)
    for wrong, found, remedy in (
        (np.triu(claimed, k=1), "which comes later", "clear what lies above the diagonal"),
        (claimed & ~scored[:, None], "but is not scored", "clear the rows that are not scored"),
        (
            claimed & (np.arange(problem.steps) >= _question(problem)),
            "which is blank",
            "clear the columns of the answer",
        ),
    ):
        if wrong.any():
            target, shown = np.argwhere(wrong)[0]
            raise _Broken(
                f"step {target} is said to need the input of step {shown}, {found}",
                f"In `needs`, {remedy}.",
            )
    found = moves(problem, lambda inputs: _said(problem, inputs), claimed, np.random.default_rng(4))
    for wrong, word, remedy in (
        (found.likely & ~claimed, "moves the target of step {0}, yet `needs` lacks it", "Set"),
        (claimed & ~found.any, "never moved the target of step {0}, yet `needs` has it", "Clear"),
    ):
        if wrong.any():
            target, shown = np.argwhere(wrong)[0]
            more = f" ({wrong.sum()} such pairs)" if wrong.sum() > 1 else ""
            raise _Broken(
                f"the input of step {shown} {word.format(target)}{more}; "
                f"{found.episodes:,} changed episodes",
                f"{remedy} `needs()[{target}, {shown}]`, or mend `oracle` at step {target}.",
            )
    return (
        f"pairs of target and input, claimed and found alike: {claimed.sum()}; "
        f"{found.episodes:,} changed episodes"
    )


# Chance and ceiling.


def _check_chance(problem: Problem) -> str:
    by_step, scored = _chance_by_step(problem), _scored(problem)
    count = int(np.clip(_VALUES // problem.steps, 4000, 20_000))
    steps = np.flatnonzero(scored)
    targets = _drawn(problem, count, seed=5).targets[:, steps]
    hits, tried = _constants(problem, targets)
    for place, step in enumerate(steps):
        low, high = _around(hits[:, place])
        high = max(high, _around(tried[:, place])[1])
        if not low <= by_step[step] <= high:
            raise _Broken(
                f"at step {step} the best constant scores {hits[:, place].mean():.3f} "
                f"[{low:.3f}, {high:.3f}], `chance_by_step` says {by_step[step]:.3f}",
                f"Mend `chance_by_step` at step {step}.",
            )
        only = np.arange(problem.steps) == step
        if problem.sequences != 1 and abs(problem.chance(only) - by_step[step]) > 1e-6:
            raise _Broken(
                f"at step {step} alone `chance` says {problem.chance(only):.3f}, "
                f"`chance_by_step` {by_step[step]:.3f}",
                "Let `chance` count the steps that it is given.",
            )
    chance, ceiling = problem.chance(), problem.ceiling()
    if problem.sequences == 1:  # a constant for each step would be right everywhere
        best = np.array(best_constant(targets.ravel(), _within(problem)))
        hits = tried = _right(problem, best, targets)
    low, high = _around(hits.mean(axis=1))[0], _around(tried.mean(axis=1))[1]
    if not low <= chance <= high:
        one = ", one for all steps," if problem.sequences == 1 else ""
        raise _Broken(
            f"the best constant{one} scores {hits.mean():.3f} [{low:.3f}, {high:.3f}], `chance` "
            f"says {chance:.3f}",
            "Mend `chance`: what the best prediction scores that ignores the inputs.",
        )
    if not chance < ceiling - 1e-9:
        raise _Broken(
            f"chance {chance:.3g} is not below the ceiling {ceiling:.3g}",
            "Ask for something that only the inputs tell, or score fewer steps in `scored`.",
        )
    _chance_error(problem, targets)
    return (
        f"the best constant scores {hits.mean():.3f} [{low:.3f}, {high:.3f}], stated {chance:.3g}"
    )


def _constants(problem: Problem, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the best constant of each step is right: in a half it was not chosen on, in its own.

    The best there is scores no less than the first, and on average no more than the second.
    """
    chosen, fresh = np.array_split(targets, 2)
    best = np.array([best_constant(column, _within(problem)) for column in chosen.T])
    return _right(problem, best, fresh), _right(problem, best, chosen)


def _within(problem: Problem) -> float:
    return problem.targets.within if isinstance(problem.targets, Reals) else 0.0


def _chance_error(problem: Problem, targets: np.ndarray) -> None:
    """The error of the best constant, where targets are reals."""
    if not isinstance(problem.targets, Reals):
        return
    middle = targets.mean() if problem.sequences == 1 else targets.mean(axis=0)
    squares = ((targets.astype(np.float64) - middle) ** 2).mean(axis=1)
    half = _DEVIATIONS * squares.std() / len(squares) ** 0.5
    low, high = (max(squares.mean() + side * half, 0) ** 0.5 for side in (-1, 1))
    stated = problem.chance_error()
    if not low - 1e-6 <= stated <= high + 1e-6:
        raise _Broken(
            f"the best constant has the error [{low:.4f}, {high:.4f}], `chance_error` says "
            f"{stated:.4f}",
            "Let `chance_error` be the root mean square error of the best constant of each step.",
        )


def _around(scores: np.ndarray) -> tuple[float, float]:
    """An interval for the mean of independent scores in [0, 1].

    Wilson's, but narrower where the scores vary less than right and wrong do.
    """
    mean, square = float(scores.mean()), _DEVIATIONS**2 / len(scores)
    variance = float(scores.var())
    half = (square * variance + square**2 / 4) ** 0.5
    low, high = ((mean + square / 2 + side * half) / (1 + square) for side in (-1, 1))
    return max(low - 1e-9, 0.0), min(high + 1e-9, 1.0)


def _check_ceiling(problem: Problem) -> str:
    scored, chance, ceiling = _scored(problem), problem.chance(), problem.ceiling()
    if not chance <= ceiling <= 1:
        raise _Broken(
            f"the ceiling {ceiling:.3g} is not between chance {chance:.3g} and 1",
            "Mend `ceiling` or `chance`: both are shares of right targets.",
        )
    everything = np.tri(problem.steps, dtype=bool)
    # Where there is but one episode, a constant for each step is perfect.
    blind = chance if problem.sequences != 1 else 1.0
    for sees, seen, wanted in (
        (everything, "all inputs", ceiling),
        (np.zeros_like(everything), "no input", blind),
    ):
        best = problem.ceiling(scored, sees)
        if abs(best - wanted) > 1e-6:
            raise _Broken(
                f"with {seen} in sight the ceiling is {best:.3f}, not {wanted:.3f}",
                "Mend `ceiling_by_step`: the best score at each step by what is seen.",
            )
    current = problem.ceiling(scored, np.eye(problem.steps, dtype=bool))
    if not blind - 1e-6 <= current <= ceiling + 1e-6:
        raise _Broken(
            f"with the current input in sight the ceiling is {current:.3f}, not between "
            f"{blind:.3f} and {ceiling:.3f}",
            "Mend `ceiling_by_step`: to see more cannot make a prediction worse.",
        )
    return (
        f"{ceiling:.3g} with all inputs in sight, {current:.3g} with the current one, "
        f"{blind:.3g} with none"
    )


# Ladder and answer.


def _check_ladder(problem: Problem) -> str:
    ladder = getattr(problem, "ladder", None)
    if ladder is None:
        raise _Broken(
            "there is no ladder", "Declare `ladder: ClassVar[Ladder] = Ladder(knob, rungs)`."
        )
    knob, rungs = ladder
    names = [each.name for each in type(problem).knobs()]
    if knob not in names:
        raise _Broken(
            f"the ladder climbs `{knob}`, which is no knob", f"Use one of {', '.join(names)}."
        )
    if not rungs or list(rungs) != sorted(set(rungs)):
        raise _Broken(
            f"the rungs {', '.join(map(str, rungs))} do not rise",
            "List them in `ladder` from easy to hard, each once.",
        )
    for rung in rungs:
        try:
            posed = problem.at(rung)
        except (ValueError, TypeError) as error:
            raise _Broken(
                f"rung {rung} cannot be stood on: {error}",
                f"Let `at` move the other knobs that {knob}={rung} asks for.",
            ) from error
        if getattr(posed, knob) != rung or not _drawn(posed, 1).scored.any():
            raise _Broken(
                f"rung {rung} gives {posed!r}",
                f"Let `at` give a problem with {knob}={rung} and a target.",
            )
    remark = f"; {_RUNGS} or more would tell models apart better" if len(rungs) < _RUNGS else ""
    return f"{knob} {', '.join(map(str, rungs))}{remark}"


def _check_answer(problem: Problem) -> str:
    kind, question = type(problem), _question(problem)
    if not str(getattr(problem, "source", "")).strip():
        raise _Broken("`source` is empty", 'Say who posed it: `source: ClassVar[str] = "…"`.')
    if not kind.__doc__ or kind.__doc__.startswith(f"{kind.__name__}("):  # what dataclass writes
        raise _Broken(
            "there is no docstring", f"Begin {kind.__name__} with a line on what it asks."
        )
    inputs = _drawn(problem).inputs
    whole = problem.whole(inputs[:, :question])
    if whole.shape != inputs.shape or (whole != inputs).any():
        raise _Broken(
            "`whole` does not give back the inputs of an episode from what it shows",
            "Let `whole` add to the values shown what the steps of the answer show.",
        )
    same = problem.showing(question)
    if _told(_drawn(same)) != _told(_drawn(problem)) or (_needs(same) != _needs(problem)).any():
        raise _Broken(
            f"`showing({question})`, its own length, gives another problem: {same!r}",
            "Let `showing` change the length alone.",
        )
    answer = f"from step {question} on" if problem.answers else "none after the input"
    return f"{answer}; a sequence of {question} values is the same problem"


_CHECKS: dict[str, Callable[[Problem], str]] = {
    "knobs": _check_knobs,
    "draws": _check_draws,
    "determinism": _check_determinism,
    "oracle": _check_oracle,
    "needs": _check_needs,
    "chance": _check_chance,
    "ceiling": _check_ceiling,
    "ladder": _check_ladder,
    "answer": _check_answer,
}
