"""What a layer `Masking` of Keras takes for padding, and which layers lose its mask."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from longlag.adapters.models import user_model
from longlag.checks.check import CheckFailed
from longlag.checks.runs import Runs

_ROWS = 64  # samples in which a value is looked for


def require_inputs_unmasked(runs: Runs) -> None:
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


def lost_masks(model: Any) -> str:
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
