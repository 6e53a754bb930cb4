"""Reproduction: the trials of a bundle run again, and compared with what it says."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import safetensors.numpy

from longlag.adapters import user_code
from longlag.answers.format import listed
from longlag.events import Event
from longlag.stop import StopToken
from longlag.store.bundle import Packed
from longlag.trials import checkpoint, documents, identity
from longlag.trials.environment import Environment
from longlag.trials.fit import finish, fit
from longlag.trials.outcome import Outcome
from longlag.trials.setting import Setting
from longlag.workers.worker import outcome_of

TOLERANCE = 0.05
"""Largest difference of skill where the libraries or the machine are others."""


Result = Literal["equal to the bit", "within tolerance", "differs"]


class Agreement(NamedTuple):
    """A trial that was run again.

    Attributes:
        trial: Its name, and its words and seed likewise.
        result: Whether it agrees.
        why: How far, or why not; empty where it is equal to the bit.
        elsewhere: What differs between the environments; empty where they round alike.
        before: Skill on the main test, of the bundle; `now` of the new run, None if it did not run.
        seconds: Seconds of the new run.
    """

    trial: str
    words: tuple[str, str, str]
    seed: int
    result: Result
    why: str
    elsewhere: str
    before: float
    now: float | None
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether the result is equal, or near enough for another environment."""
        return self.result != "differs"


def cheapest(trials: Sequence[Packed], count: int | None) -> list[Packed]:
    """So many trials with the fewest calculations, or all, the cheapest first."""
    cost = {each.id: each.outcome.sequences * max(1, each.outcome.parameters) for each in trials}
    return sorted(trials, key=lambda each: (cost[each.id], each.id))[:count]


def use_named(
    trials: Sequence[Packed], models: Iterable[str], problems: Iterable[str]
) -> list[Packed]:
    """The trials that may run: those of longlag's own parts, and of the code that the user names.

    Args:
        trials: The trials.
        models: The user's models, `mine.py:make_model` each.
        problems: The user's problems, likewise.

    Raises:
        ValueError: No trial has such code, or its file has another hash.
    """
    origins = {each.id: set(documents.origins(each.setting).items()) for each in trials}
    registered: set[tuple[str, user_code.Origin]] = set()
    for argument, code in [("model", m) for m in models] + [("problem", p) for p in problems]:
        every = {pair for each in origins.values() for pair in each}
        own = sorted((pair for pair in every if pair[0] == argument), key=_in_no_file)
        if not own:
            raise ValueError(
                f"Every {argument} of the bundle is longlag's own. Leave out {argument}."
            )
        refusals = []
        for pair in own:
            try:
                user_code.use(pair[1], code, argument)
                registered.add(pair)
            except ValueError as error:
                refusals.append(error)
        if len(refusals) == len(own):
            raise refusals[0]
    return [each for each in trials if origins[each.id] <= registered]


def series_of(trials: Sequence[Packed]) -> dict[str, np.ndarray]:
    """The values of the series that the models of a bundle have, by their hash."""
    found: dict[str, np.ndarray] = {}
    for each in trials:
        name = str(each.setting["problem"].get("digest"))
        if each.model is not None and "digest" in each.setting["problem"] and name not in found:
            values = safetensors.numpy.load(each.model).get(checkpoint.SERIES)
            found |= {} if values is None else {name: values}
    return found


def _in_no_file(pair: tuple[str, user_code.Origin]) -> tuple[bool, str]:
    return pair[1].path is None, str(pair)


def in_no_file(trial: Packed) -> bool:
    """Whether a trial is of code that stands in no file, so that nobody else can run it again."""
    return any(origin.path is None for origin in documents.origins(trial.setting).values())


def code_to_name(trials: Sequence[Packed]) -> str:
    """The user code of trials, as the options that name it."""
    origins = {pair for each in trials for pair in documents.origins(each.setting).items()}
    return listed(sorted(f"--{argument} {origin.words}" for argument, origin in origins))


def setting_of(trial: Packed, series: Mapping[str, np.ndarray]) -> Setting:
    """The setting of a trial; no code runs that the user did not name.

    Args:
        trial: The trial.
        series: The values of series, by their hash; a file of the working folder has any other.

    Raises:
        ValueError: It cannot be used, or would fill the memory.
    """
    try:
        values = series.get(str(trial.setting["problem"].get("digest")))
        setting = documents.setting(trial.setting, values)
        checkpoint.check_size(setting, trial.outcome.parameters)
        if list(trial.outcome.scores) != list(setting.scored_on):
            raise ValueError("its results are of other tests than its setting.")
    except (ArithmeticError, LookupError, TypeError, ValueError, OSError, MemoryError) as error:
        why = " ".join(str(error).split())[:300]
        raise ValueError(f"Trial {trial.id} cannot be run: {why}") from error
    return setting


def reproduce(
    trial: Packed,
    setting: Setting,
    *,
    listen: Callable[[Event], object] = lambda _: None,
    stop: StopToken | None = None,
) -> Agreement | None:
    """Run a trial again and compare it.

    Args:
        trial: The trial.
        setting: Its setting (`setting_of`).
        listen: Called with each event.
        stop: A token that ends it.

    Returns:
        Whether it agrees; None if it was stopped.
    """
    began, before = time.perf_counter(), trial.outcome

    def agreement(result: Result, why: str, elsewhere: str = "") -> Agreement:
        skill = None if now is None else now.skill
        seconds = time.perf_counter() - began
        return Agreement(
            *(trial.id, trial.words, trial.seed, result, why, elsewhere),
            *(before.skill, skill, seconds),
        )

    now: Outcome | None = None
    if (parts := identity.parts(setting)) != trial.parts:
        return agreement(
            "differs",
            f"it has the versions {trial.parts}, this longlag has {parts}. Use the longlag of "
            "requirements.txt",
        )
    run = finish(fit(setting, (trial.seed,), stop=stop), listen)
    if run.interrupted:
        return None
    now = outcome_of(run)
    if _alike(before, now) and _same_model(trial.model, checkpoint.to_bytes(run.trained())):
        return agreement("equal to the bit", "")
    others = differences(before.environment, run.environment)
    far = max(abs(before.score(test).skill - now.score(test).skill) for test in before.scores)
    skills = f"skill {now.skill:.3f}, in the bundle {before.skill:.3f}"
    if not others:
        return agreement("differs", f"{skills}, though libraries and machine are the same")
    if far > TOLERANCE or (before.ended == "diverged") != (now.ended == "diverged"):
        return agreement("differs", f"{skills}, more than {TOLERANCE:g} apart", others)
    return agreement("within tolerance", f"{skills}, within {TOLERANCE:g}", others)


def differences(before: Environment | None, now: Environment) -> str:
    """What differs between two environments; empty where they round alike."""
    if before is None:
        return "the bundle does not say where it ran"
    names = dict.fromkeys([*before.packages, *now.packages])
    pairs = {name: (before.packages.get(name), now.packages.get(name)) for name in names}
    fields = (field.name for field in dataclasses.fields(Environment) if field.name != "packages")
    pairs |= {name: (getattr(before, name), getattr(now, name)) for name in fields}
    other = (
        f"{name.replace('_', ' ')} {now or 'none'}, was {was or 'none'}"
        for name, (was, now) in pairs.items()
        if was != now
    )
    return listed(other) or (
        "" if now.device == "cpu" else "on an accelerator it depends on the seeds run at once"
    )


def _alike(one: Outcome, other: Outcome) -> bool:
    """Whether all results are equal, times left out."""
    documents = (json.loads(json.dumps(each.document())) for each in (one, other))
    unknown = {"seconds": None, "resources": None} | (
        {"state": None} if None in (one.state, other.state) else {}
    )
    first, second = ({**each, **unknown} for each in documents)
    return first == second


def _same_model(one: bytes | None, other: bytes) -> bool:
    """Whether two trained models are equal to the bit; True where one was not kept."""
    if one is None:
        return True
    first, second = safetensors.numpy.load(one), safetensors.numpy.load(other)
    alike = {name: (each.dtype, each.shape, each.tobytes()) for name, each in first.items()}
    return alike == {name: (a.dtype, a.shape, a.tobytes()) for name, a in second.items()}
