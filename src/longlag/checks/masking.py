"""Whether a model skips masked steps, and which layers of Keras take or lose a mask."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from longlag.adapters.models import user_model
from longlag.adapters.models.hints import MASKED, PACKED
from longlag.adapters.models.user_model import UserModel
from longlag.arrays import scored
from longlag.checks.arrays import digest_of_model, takes_mask, with_noise
from longlag.checks.check import CheckFailed
from longlag.checks.runs import NOISE, Runs

_ROWS = 64  # samples in which a value is looked for


def kept_mask(runs: Runs) -> str:
    """Evidence that masked steps change no output that counts.

    Raises:
        CheckFailed: They do, or a layer takes steps that count for masked ones.
    """
    masks = runs.batches.mask
    _require_inputs_unmasked(runs)
    if masks is None:
        return "this framing masks no step"
    moved = runs.moved(runs.changed(~masks)) & scored(runs.batches.targets)
    if moved.any():
        _, row, step = np.argwhere(moved)[0]
        raise CheckFailed(
            f"the output at step {step} of row {row} depends on steps that are masked",
            skipping(runs)
            if takes_mask(runs.model)
            else "Give the model a parameter `mask` (row, time), true where a step counts, and "
            "skip the others (Keras: a layer Masking does); or use a framing without "
            "masked steps.",
        )
    plain = "masked steps change no scored output"
    longer = _with_padding(runs) if isinstance(runs.setting.model, UserModel) else None
    if longer is None:
        return plain
    if layers := _lost_masks(longer):
        raise CheckFailed(
            f"the number of masked steps changes the outputs: a layer {layers} loses the mask",
            "Keep that layer out from behind Masking, or use a framing without masked steps.",
        )
    return f"{plain}; their number does: right only where positions count from the start"


def skipping(runs: Runs) -> str:
    """The remedy for a model that takes the mask but does not skip masked steps."""
    return MASKED if runs.batches.mask[..., 0].all() else PACKED  # pyright: ignore


def _with_padding(runs: Runs) -> Any:
    """The model for two more masked steps, where these change a scored output; else None."""
    masks: Any = runs.batches.mask
    time = masks.shape[-1]
    front = 0 if masks[..., 0].all() and not masks.all() else 2
    width = (0, 0), (0, 0), (front, 2 - front)

    def longer(array: np.ndarray) -> np.ndarray:
        return np.pad(array, [*width, *[(0, 0)] * (array.ndim - 3)])

    inputs, mask = longer(runs.batches.inputs), longer(masks)
    sizes = runs.setting.sizes._replace(timesteps=time + 2)
    try:
        grown = runs.setting.model(sizes, 0)
        if digest_of_model(grown) != digest_of_model(runs.model):
            return None  # its weights depend on the number of timesteps
        subject = grown if runs.subject is runs.model else with_noise(grown)
        outputs = runs.run(runs.batches._replace(inputs=inputs, mask=mask), subject)
    except (Exception, SystemExit):
        return None  # it takes no more steps
    if runs.layout.output == "every":
        outputs = outputs[:, :, front : front + time]
    apart = np.abs(outputs - runs.base).max(axis=-1) > NOISE * np.abs(runs.base).max()
    return grown if (apart & scored(runs.batches.targets)).any() else None


def _require_inputs_unmasked(runs: Runs) -> None:
    """Require that no layer `Masking` skips steps of real numbers that count.

    Raises:
        CheckFailed: Steps are skipped for their values; one-hot vectors are never all the same.
    """
    module: Any = runs.module
    if user_model.framework(module) != "keras":
        return
    import keras  # pyright: ignore[reportMissingImports]

    layers = [each for each in module._flatten_layers() if isinstance(each, keras.layers.Masking)]
    if not layers or not np.issubdtype(runs.batches.inputs.dtype, np.floating):
        return
    batches: Any = runs.batches_of(_ROWS)
    for layer in layers:
        skipped = (batches.inputs == layer.mask_value).all(axis=-1)
        share = skipped.mean() if batches.mask is None else skipped[batches.mask].mean()
        if share:
            raise CheckFailed(
                f"its layer Masking skips {share:.1%} of the steps that count, those with inputs "
                f"of {layer.mask_value:g}: a value here, not padding",
                "Give it a mask_value that no input has, such as -1.",
            )


def _lost_masks(model: Any) -> str:
    """The types of the layers of a Keras model that lose its mask; empty for any other model."""
    module: Any = getattr(model, "module", None)
    if user_model.framework(module) != "keras":
        return ""
    from longlag.adapters.models.keras import softmax_of_values

    with warnings.catch_warnings(record=True) as caught, softmax_of_values(module):
        warnings.simplefilter("always")
        module(model.program.example(model.program.rows or 2))
    pattern = r"of type (.*?)\).*does not support masking"
    found = (re.search(pattern, str(each.message), re.S) for each in caught)
    return ", ".join(dict.fromkeys(each[1] for each in found if each))
