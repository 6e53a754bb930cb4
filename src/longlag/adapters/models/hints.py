"""Hints: what a failure of a user's own model is usually cured by."""

from __future__ import annotations

import re

_VALUES = (
    "It seems to take values, not features: use adopt(make_model, inputs='values'), which shows "
    "whole numbers (row, time)."
)
_CHANNELS = (
    "Channels come last here, (row, time, feature); a convolution of PyTorch or Equinox takes "
    "them first: swap the last two axes before it and after it, as x.transpose(1, 2) does, in "
    "Equinox x.T."
)

_NARROW = (
    "JAX draws no orthogonal matrix in bfloat16, with which recurrent layers begin: name another "
    "initializer for their recurrent weights, or keep weights in float32 (param_dtype in Flax, "
    "mixed_bfloat16 in Keras)."
)

PACKED = (
    "It has a parameter `mask`, true where a step counts: pass over the others. They stand before "
    "the sequence; pack_padded_sequence takes them after it, as Prefix(pad='end') has them."
)
"""What to do where masked steps are not passed over, though the mask is taken."""


def hint(error: BaseException, *, features: bool) -> str:
    """A remedy for an exception that a model raised; empty where none is known.

    Args:
        error: What it raised.
        features: Whether it was shown features, `(row, time, feature)`, rather than values.

    >>> hint(ValueError("too many values to unpack (expected 2)"), features=True)[:29]
    'It seems to take values, not '
    """
    text = f"{type(error).__name__}: {error}"
    if re.search(
        r"input\[[^]]*\] to have \d+ channels|conv\w*d?\b.*(channel|feature dimension)", text, re.I
    ):
        return _CHANNELS
    if re.search(r"Unsupported dtype b?float16|no attribute 'recurrent_kernel'", text):
        return _NARROW
    if features and re.search(
        r"expected.*(Long, Int|integer)|indices.*(int|Long)|integer dtype|embedding.*(int|dtype)"
        r"|too many values to unpack \(expected 2\)",
        text,
        re.I,
    ):
        return _VALUES
    return ""
