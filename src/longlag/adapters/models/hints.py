"""Hints: the usual remedies for failures of a user's own model."""

from __future__ import annotations

import re

VALUES = (
    "It seems to take values, not features: use adopt(make_model, inputs='values'), for "
    "integer inputs (row, time)."
)
REALS = (
    "The inputs of this problem are real numbers, which no embedding takes: use a linear layer in "
    "its place."
)
NEEDS_VALUES = (
    "it uses `sizes.values`, which is None: the model takes values, but the inputs are features, "
    "real numbers, which no embedding takes. Use a linear layer in its place."
)
TOO_SHORT = (
    "An embedding is too short: positions need `sizes.timesteps` vectors, integers `sizes.values`."
)
_CHANNELS = (
    "Channels come last here, (row, time, feature); a convolution of PyTorch or Equinox takes "
    "them first: swap the last two axes before it and after it, as x.transpose(1, 2) does, in "
    "Equinox x.T."
)

_ONE_STEP = (
    "A layer of Equinox takes a single step: return eqx.filter_vmap(layer), or use "
    "jax.vmap(layer)(inputs)."
)

_BFLOAT16 = (
    "JAX has no orthogonal initializer in bfloat16, the default of recurrent layers: name another "
    "initializer for their recurrent weights, or keep weights in float32 (param_dtype in Flax, "
    "mixed_bfloat16 in Keras)."
)

_LONGEST = 300  # characters of the message of an error

_WIDTHS = "Make the first layer `sizes.features` wide, the last `sizes.outputs`."
_REMEDIES = {
    r"(got|not|of):? Sizes\b": (
        "Its first argument is `sizes`: use sizes.features and sizes.outputs."
    ),
    r"\w+\(logits=.*not a valid JAX": "Return only its logits.",
    r"takes \d+ positional arguments? but 2 were given|missing 1 required positional argument: "
    r"'seed'": "Take both arguments: def make_model(sizes, seed).",
    r"__call__\(\) missing 1 required (positional|keyword-only) argument: '"
    r"(train|training|deterministic)'": (
        "Give the call of the model a parameter of that name too, and pass it on to the layer."
    ),
    r"(forward|call|__call__)\(\) missing \d+ required positional arguments?: '": (
        "It gets the inputs, and the `state` and `mask` if it has parameters of these names: name "
        "its state `state`, None at first, and return (outputs, state)."
    ),
    r'"batch_stats" is immutable|"(use_running_average|deterministic)" must be passed': (
        "Name a parameter `train`, __call__(self, inputs, train=False), and use it: "
        "use_running_average=not train in BatchNorm, deterministic=not train in Dropout."
    ),
    r"Dropout requires a key": (
        "Give its call a parameter `key`, and the dropout that: __call__(self, inputs, key)."
    ),
    r"vmap has mapped output .*but out_axes is None": (
        "An eqx.nn.State is one for all rows, so it has no state of a row: return that as `state`, "
        "None at first, without make_with_state."
    ),
    r"index out of range in self": TOO_SHORT,
    r"unbound axis name": "Name the axis of rows in BatchNorm: axis_name='batch'.",
    r"no `rngs` argument was provided": "Make it with random streams: nnx.Dropout(0.1, rngs=rngs).",
    r"Expected hidden\[\d\] size": (
        "Make the first state for the rows that come, inputs.shape[0], or leave it out."
    ),
    r"input_size|shapes cannot be multiplied|contracting dimensions to have the same": _WIDTHS,
    r"of layer '\w*(lstm|gru|rnn)\w*' is incompatible.* expected ndim=3, found ndim=2": (
        "Give the recurrent layer before it return_sequences=True."
    ),
    r"carry input and carry output": (
        "Start the scan from a state of the structure, shape and type that its function returns."
    ),
    r"Tracer(Bool|Integer|Array)ConversionError": (
        "A compiled model has no values to branch on: use jax.numpy.where or jax.lax.cond."
    ),
    r"does not require grad|Can't call numpy\(\) on Tensor that requires grad": (
        "Look for detach, torch.no_grad, .numpy() or stop_gradient."
    ),
    r"batch size must be static": (
        "Name the rows: keras.Input(batch_shape=(batch_size, sizes.timesteps, sizes.features))."
    ),
    r"replace .* with `jax\.vmap": _ONE_STEP,  # of norms of Equinox
    r"must have ndim at least 1, but it has ndim 0": (
        "An Equinox module takes one sample, (time, feature), without an axis of rows: leave out "
        "jax.vmap over rows."
    ),
}
"""Remedies by a pattern of the failure."""

MASKED = "It has a parameter `mask`, true where a step counts: skip the others."
"""The remedy for a model that takes the mask but does not skip masked steps."""

PACKED = (
    f"{MASKED} They come before the sequence; for pack_padded_sequence, which needs them after "
    "it, use Prefix(pad='end')."
)
"""The same where masked steps come first."""


def shortened(message: object) -> str:
    """The message of an error as one line; of a long one, its first and last line.

    Empty for an error of a user's class that has none: its `__str__` raises.

    >>> shortened("no such\\n axis")
    'no such axis'
    >>> shortened("Shapes differ:\\n" + 99 * "…, " + "\\nCheck them.")
    'Shapes differ: … Check them.'
    """
    try:
        text = str(message)
    except Exception:
        text = ""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)  # colours of terminals
    plain = re.split(r"\sArguments received by ", plain)[0]  # by a layer of Keras: all of them
    lines = [" ".join(line.split()) for line in plain.splitlines() if line.strip()]
    if len(" ".join(lines)) <= _LONGEST:
        return " ".join(lines)
    first, last = lines[0], lines[-1] if len(lines) > 1 else ""
    first = first[: _LONGEST - (100 if last else 0)]
    last = last if len(last) <= 100 else f"{last[:99]}…"
    return f"{first} … {last}".rstrip()


def hint_of_steps(error: BaseException, features: int, timesteps: int) -> str:
    """The remedy for an Equinox layer that gets all steps at once; empty if that is not known.

    >>> hint_of_steps(TypeError("contracting dimensions …, got (4,) and (6,)."), 4, 6)[:46]
    'A layer of Equinox takes a single step: return'
    """
    shapes = re.search(r"contracting dimensions .*got \(\d+,\) and \((\d+),\)", str(error))
    mixed = shapes is not None and int(shapes[1]) == timesteps != features
    return _ONE_STEP if mixed else ""


def hint(error: BaseException, *, features: bool, reals: bool = False) -> str:
    """A remedy for an exception of a model; empty if none is known.

    Args:
        error: The exception.
        features: Whether its inputs were features, `(row, time, feature)`, rather than values.
        reals: Whether the inputs of the problem are real numbers, so that there are no values.

    >>> hint(ValueError("too many values to unpack (expected 2)"), features=True)[:29]
    'It seems to take values, not '
    """
    text = f"{type(error).__name__}: {error}"
    if re.search(
        r"input\[[^]]*\] to have \d+ channels|conv\w*d?\b.*(channel|feature dimension)", text, re.I
    ):
        return _CHANNELS
    for pattern, remedy in _REMEDIES.items():
        if re.search(pattern, text):
            return remedy
    if not features and "should be called with a scalar index" in text:
        return _ONE_STEP
    if re.search(
        r"(Unsupported dtype|does not accept dtype) b?float16|no attribute 'recurrent_kernel'", text
    ):
        return _BFLOAT16
    if features and re.search(
        r"expected.*(Long, Int|integer)|indices.*(int|Long)|integer dtype|embedding.*(int|dtype)"
        r"|Expected shape \(None, (\d+|None)\), but input has incompatible shape \(\d+, \d+, \d+\)"
        r"|expected ndim=3, found ndim=4|to be 2D or 3D, got 4D"
        r"|too many values to unpack \(expected 2\)",
        text,
        re.I,
    ):
        return REALS if reals else VALUES
    return ""
