"""Remedies: what to change after a trial that fell short, as arguments to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longlag.trials.setting import Setting

LONGER = 4
"""Times the sequences of a trial that still learned."""
_UNITS = 20  # fewer often keep a small network at chance
# Learning rates at which most small networks are stable.
_FAST = {"adam": 1e-2, "adamw": 1e-2, "sgd": 1.0}


def remedy(reason: str, setting: Setting) -> str:
    """What to change, as a sentence with arguments; empty for an unknown reason.

    Args:
        reason: Why a trial of the setting fell short (`longlag.trials.diagnosis.Reason`).
        setting: The setting.

    >>> from longlag import Chunks, EchoLag, LSTM, Setting, Whole
    >>> setting = Setting(problem=EchoLag(), framing=Whole(), model=LSTM())
    >>> remedy("undertrained", setting)
    'Use sequences=8000 or learning_rate=0.01.'
    >>> setting = Setting(problem=EchoLag(), framing=Chunks(), model=LSTM())
    >>> remedy("unreachable", setting)
    'Use carry=True, and timesteps=2 or more.'
    """
    audit, recipe = setting.on().audit(), setting.recipe
    longer = f"sequences={LONGER * recipe.sequences}"
    fast = _FAST[recipe.optimizer]
    faster = recipe.learning_rate < fast
    far = recipe.learning_rate > 2 * fast  # too high to be worth more sequences
    rate = f"learning_rate={fast if faster or far else recipe.learning_rate / 10:g}"
    # Alone, a tenth of the fast rate would learn too slowly, and lead back to the fast rate.
    slower = f"; with more sequences also {rate}" if recipe.learning_rate == fast else ""
    units = getattr(setting.model, "hidden_size", None)
    match reason:
        case "unstable":
            return f"Use learning_rate={recipe.learning_rate / 10:g}."
        case "below chance":
            shifted = "look for a systematic error, such as targets shifted by a step"
            return f"Use {longer}; if it stays below, {shifted}."
        case "overfit":
            fewer = f"sequences={max(1, recipe.sequences // LONGER)}"
            return f"Use {fewer}{f' or hidden_size={max(1, units // 2)}' if units else ''}."
        case "does not generalise":
            return "Train on longer or more varied sequences, or use another model."
        case _ if audit.verdict != "learnable":
            return audit.remedy
        case "undertrained" | "unclear":
            if far:
                return f"Use {rate}; if it still learns at the end, also {longer}."
            return f"Use {longer} or {rate}." if faster else f"Use {longer}."
        case "stuck":
            first = "" if slower else f"{rate}, "
            larger = f"hidden_size={2 * units}" if units else "more units"
            return f"Use {first}{larger} or {longer}{slower}."
        case "at chance":
            second = "" if slower else f", {rate}"
            size = f", hidden_size={_UNITS}" if units and units < _UNITS else ""
            first = f"{longer}{second}{size}{',' if second or size else ''}"
            return f"Use {first} or an easier version of the problem{slower}."
    return ""
