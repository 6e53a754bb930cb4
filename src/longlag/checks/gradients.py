"""Whether gradients reach the weights and the inputs of a model."""

from __future__ import annotations

import math

from longlag.adapters.models import user_model
from longlag.checks.check import CheckFailed
from longlag.checks.runs import Runs


def gradients(runs: Runs) -> str:
    """Evidence that a gradient reaches the weights, and the inputs that the last output needs.

    A weight without one that changes the outputs is kept from it. One that changes none may be
    right: a recurrent one in a single step, or of the direction that the last step does not read.

    Raises:
        CheckFailed: A weight, a layer or the state gets none.
    """
    last = runs.last_steps_reached()
    if last == 1:
        raise CheckFailed(
            "the last output depends on earlier inputs, but no gradient reaches them",
            "Look for detach, torch.no_grad or stop_gradient in the loop over steps.",
        )
    if last:
        runs.warnings.append(
            f"a gradient of the last output reaches only the last {last} of "
            f"{runs.layout.steps.shape[-1]} steps, though earlier inputs change it: look for "
            "detach every few steps"
        )
    if layer := runs.layer_elsewhere():
        runs.warnings.append(
            f"it uses a layer, a {layer}, that is none of its own, as a global or in a closure: "
            "nothing trains it; right only where it is meant to stay fixed"
        )
    found = runs.gradients_found
    without = [name for name, (reached, _) in found.items() if not reached]
    sizes = {name: math.prod(shape) for name, (_, shape) in found.items()}
    total, lost = sum(sizes.values()), sum(sizes[name] for name in without)
    if not without:
        return f"one reaches each of the {total:,} weights"
    names = _some(without)
    # Of a layer in use, some weights may do nothing: a recurrent one in a single step.
    owner = lambda name: name.rpartition(".")[0]  # noqa: E731
    used = {owner(name) for name in found if name not in without}
    cut, equinox = runs.that_count(without), user_model.framework(runs.module) == "equinox"
    own = [name for name in cut if equinox and not owner(name)]  # of no layer: it may be meant
    matrices = [name for name in without if len(found[name][1]) > 1 and name not in own]
    several = runs.layout.steps.shape[-1] > 1
    lost_layers = [name for name in matrices if several and owner(name) not in used]
    idle = [name for name in without if several and name not in cut]
    seldom = runs.reached_with_others(list(dict.fromkeys([*idle, *lost_layers])))
    if not seldom.issuperset(lost_layers):
        raise CheckFailed(
            f"no gradient reaches {names}: {lost:,} of {total:,} weights are not trained",
            "Look for detach, torch.no_grad or stop_gradient, or for a layer that is not used.",
        )
    if cut:
        lost_there = sum(sizes[name] for name in cut)
        text = (
            f"no gradient reaches {_some(cut)}, which change the outputs: {lost_there:,} of "
            f"{total:,} weights are not trained"
        )
        if not equinox:
            raise CheckFailed(text, _FIXED)
        runs.warnings.append(f"{text}; right only where stop_gradient is meant")
    if idle := [name for name in idle if name not in seldom]:
        runs.warnings.append(
            f"no output depends on {_some(idle)}: {sum(sizes[name] for name in idle):,} of "
            f"{total:,} weights do nothing"
        )
    return f"one reaches {total - lost:,} of {total:,} weights; none: {names}"


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:4])}{', …' * (len(names) > 4)}"


_FIXED = (
    "Look for detach, torch.no_grad or stop_gradient. What is to stay fixed must not be a trained "
    "weight: requires_grad_(False) or a buffer (PyTorch), nnx.Variable (Flax), trainable=False "
    "(Keras)."
)
