"""Remedies: what to change after a trial that fell short, as arguments to paste."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from longlag.framings import Chunks
from longlag.scores.statistics import SOLVED

if TYPE_CHECKING:
    from longlag.problems import Problem
    from longlag.training import Recipe
    from longlag.trials.setting import Setting

LONGER = 4
"""Times the sequences of a trial that still learned."""
_MOST = 200_000  # sequences that a remedy leads to
_UNITS, _WIDEST = 20, 50  # fewer often keep a small network at chance; more seldom help
# Learning rates at which most small networks are stable.
_FAST = {"adam": 1e-2, "adamw": 1e-2, "sgd": 1.0}
_GENTLE = 0.3  # times the fast rate
_LEAST = 1e-3  # times the fast rate: below, a smaller one has not helped so far
_HOPELESS = 1e-4, 1e2  # times the fast rate: below or from there on nothing is learned
_FEWER_WEIGHTS = 1.0  # a decay beyond this keeps weights so small that nothing is learned
_SHORTEST = 1e-2  # norm of a gradient, below which clipping leaves too small an update
_DECAY = 1  # of weights, which lessened the error of noisy series that were overfit
_NOTHING = "No further change is known to help"


def remedy(reason: str, setting: Setting, also: Sequence[Problem] = ()) -> str:
    """What to change, as a sentence with arguments; empty for an unknown reason.

    Args:
        reason: Why a trial of the setting fell short (`longlag.trials.diagnosis.Reason`).
        setting: The setting.
        also: Other problems that a framing must fit, as those of a study.

    >>> from longlag import Chunks, EchoLag, LSTM, Setting, Whole
    >>> setting = Setting(problem=EchoLag(), framing=Whole(), model=LSTM())
    >>> remedy("undertrained", setting)
    'Use sequences=8000 or learning_rate=0.01.'
    >>> setting = Setting(problem=EchoLag(), framing=Chunks(), model=LSTM())
    >>> remedy("unreachable", setting)
    'Use carry=True and timesteps=2. Timesteps up to 25 work too.'
    """
    audit, recipe = setting.on().audit(also), setting.recipe
    trained = max(recipe.sequences, setting.layout.sequences)  # of a whole batch, at least
    short = trained * LONGER <= _MOST
    longer = f"sequences={LONGER * trained}" if short else ""
    fast, rate = _FAST[recipe.optimizer], recipe.learning_rate
    far = rate > 2 * fast  # too high to be worth more sequences
    # Where gradients are clipped, a high rate has been unstable.
    gentle = _GENTLE * fast
    slow = rate < gentle and recipe.clip_norm is None
    new_rate = f"learning_rate={fast:g}" if far or slow else ""
    # A long lag is often learned at a lower rate alone.
    lower = f"learning_rate={gentle:g}" if not far and rate > gentle else ""
    cosine = "schedule='cosine'" if recipe.schedule == "constant" else ""
    units = getattr(setting.model, "hidden_size", None)
    wider = f"hidden_size={2 * units}" if units and 2 * units <= _WIDEST else ""
    # Where gradients reach some outputs only, they may reach more.
    chunk, steps = getattr(setting.framing, "timesteps", 0), setting.problem.steps
    reaching = isinstance(setting.framing, Chunks) and chunk < steps and audit.shares.gradient < 1
    further = f"timesteps={min(2 * chunk, steps)}" if reaching else ""
    carried = isinstance(setting.framing, Chunks) and setting.framing.carry
    whole = "framing Whole()" if carried and chunk < steps else ""
    whole_heads = _UNITS + -_UNITS % getattr(setting.model, "heads", 1)
    size = f"hidden_size={whole_heads}" if units and units < _UNITS else ""
    freed = [f"{name}={value:g}" for name, value in hindered(recipe).items()]
    match reason:
        case "stopped":
            enough = f"stop_at={_solved_at(setting):g}"
            return f"Use {_all(enough, *freed)}." if freed else f"Use {enough}, or none."
        case "unstable" if recipe.optimizer == "adamw" and rate * (recipe.weight_decay or 0) >= 1:
            return _use(_all(*freed))
        case "unstable" if audit.verdict != "learnable" and not freed:
            return audit.remedy
        case "unstable":
            return _steadier(rate, fast, clipped=recipe.clip_norm is not None)
        case "below chance" if not freed and _own(setting):
            shifted = "look for a systematic error, such as targets shifted by a step"
            return f"Use {longer}; if it stays below, {shifted}." if short else _sentence(shifted)
        case "exposure bias":
            attention = "" if getattr(setting.model, "attention", True) else "attention=True"
            return _use(size, _all(attention, longer), wider if not (size or longer) else "")
        case "overfit":  # of a series: fewer sequences would lead back to "undertrained"
            decayed = recipe.optimizer == "adamw" and (recipe.weight_decay or 0) >= _DECAY
            sgd = "learning_rate=0.001" if recipe.optimizer == "sgd" else ""
            change = f"optimizer='adamw' and weight_decay={_DECAY}"
            return _use("" if decayed else _all(change, sgd))
        case "does not generalise":
            return "Train on longer or more varied sequences, or use another model."
        case _ if audit.verdict != "learnable":
            return audit.remedy
        case "undertrained" | "unclear" | "stuck" | "at chance" | "below chance" if freed:
            return _use(_all(*freed))
        case "undertrained" | "unclear":
            if far:
                then = f"; if it still learns at the end, also {longer}" if short else ""
                return f"Use {new_rate}{then}."
            if short:
                return _use(longer, new_rate)
            longest = f"{_NOTHING} but more than {recipe.sequences} sequences."
            changes = _all(new_rate, cosine), wider or further or whole
            return _use(*changes) if any(changes) else longest
        case "stuck":
            if new_rate:
                first = [new_rate, longer] if short else [_all(new_rate, cosine)]
            else:
                # A low rate that decays as well may end before it has learned.
                constant = "" if cosine else "schedule='constant'"
                first = [_all(longer, cosine) or (lower and _all(lower, constant))]
            return _use(*first, wider or further or whole if units else "another model")
        case "at chance" | "below chance":
            easier = "an easier version of the problem"
            changes = [*filter(None, (longer, new_rate or lower, size))]
            return _use(*changes, easier) if changes else f"{_NOTHING} but {easier}."
    return ""


def hindered(recipe: Recipe) -> dict[str, float]:
    """New values of the knobs under which no weight can become what it should be."""
    fast, new = _FAST[recipe.optimizer], dict[str, float]()
    low, high = (share * fast for share in _HOPELESS)
    if not low <= recipe.learning_rate < high:
        new["learning_rate"] = fast
    if recipe.optimizer == "adamw" and (recipe.weight_decay or 0) > _FEWER_WEIGHTS:
        new["weight_decay"] = 0.01
    if recipe.clip_norm is not None and recipe.clip_norm < _SHORTEST:
        new["clip_norm"] = 1.0
    return new


def _solved_at(setting: Setting) -> float:
    """The accuracy at which a study ends a trial as solved; 1 where training went beyond it."""
    chance = setting.problem.chance(setting.scored)
    enough = chance + (3 + SOLVED) / 4 * (setting.problem.ceiling(setting.scored) - chance)
    enough = math.ceil(1e4 * enough) / 1e4
    return 1.0 if (setting.recipe.stop_at or 0) >= enough else enough


def _own(setting: Setting) -> bool:
    """Whether problem or model is a user's, which may have a fault."""
    ours = ("longlag.problems.", "longlag.models.")
    parts = setting.problem, setting.model
    return not all(type(each).__module__.startswith(ours) for each in parts)


def _steadier(rate: float, fast: float, *, clipped: bool) -> str:
    """The remedy of an unstable loss: down to the fast rate, then clipping, then a lower rate.

    What a fast rate has learned would be lost at a low one, where clipping alone may do.
    """
    if rate > fast:
        return _use(f"learning_rate={rate / 10:g}")
    if not clipped:
        return _use("clip_norm=1")
    if rate <= _LEAST * fast:
        return f"{_NOTHING}; look at the size of inputs and targets."
    return _use(f"learning_rate={rate * _GENTLE:.1g}")


def _all(*changes: str) -> str:
    """Changes that belong together."""
    return " and ".join(filter(None, changes))


def _use(*changes: str) -> str:
    """A sentence of changes to choose from."""
    *first, last = [*filter(None, changes)] or [""]
    if not last:
        return f"{_NOTHING}."
    comma = "," if any(" and " in each for each in (*first, last)) else ""
    return f"Use {', '.join(first)}{f'{comma} or ' if first else ''}{last}."


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
