"""Four models from outside longlag, profiled side by side: `python benchmarks/outside.py`.

Needs torch, keras and flax beside longlag. With `--minutes` each, the store and the table, in
Markdown, are written where it is called.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MODELS = {
    "transformer": ("PyTorch", "`TransformerEncoder`, causal mask", "whole"),
    "tutorial": ("Keras", "`Sequential` of the echo tutorial", "prefix"),
    "gru": ("Flax NNX", "`RNN(GRUCell)`", "whole"),
    "min_gru": ("Equinox", "a minimal GRU of one's own", "whole"),
}


def transformer(sizes, _):
    import torch  # pyright: ignore[reportMissingImports]

    class Transformer(torch.nn.Module):
        def __init__(self, width=32):
            super().__init__()
            self.embed = torch.nn.Linear(sizes.features, width)
            self.places = torch.nn.Parameter(0.02 * torch.randn(sizes.timesteps, width))
            layer = torch.nn.TransformerEncoderLayer(width, 4, 64, 0.0, batch_first=True)
            self.encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.readout = torch.nn.Linear(width, sizes.outputs)

        def forward(self, inputs):
            time = inputs.shape[1]
            mask = torch.nn.Transformer.generate_square_subsequent_mask(time)
            shown = self.embed(inputs) + self.places[:time]
            return self.readout(self.encoder(shown, mask=mask, is_causal=True))

    return Transformer()


def tutorial(sizes, _):
    import keras  # pyright: ignore[reportMissingImports]

    return keras.Sequential(
        [
            keras.Input(batch_shape=(5, sizes.timesteps, sizes.features)),
            keras.layers.LSTM(50, stateful=True),
            keras.layers.Dense(
                sizes.outputs, activation="softmax" if sizes.outputs > 1 else "linear"
            ),
        ]
    )


def gru(sizes, seed):
    from flax import nnx  # pyright: ignore[reportMissingImports]

    class Net(nnx.Module):
        def __init__(self, rngs, width=50):
            cell = nnx.GRUCell(sizes.features, width, rngs=rngs)
            self.layer: Any = nnx.RNN(cell)  # whose hints tell of what it may return besides
            self.readout = nnx.Linear(width, sizes.outputs, rngs=rngs)

        def __call__(self, inputs):
            return self.readout(self.layer(inputs))

    return Net(nnx.Rngs(seed))


def min_gru(sizes, seed, width=50):
    """Gates that see the input alone, so that all steps are worked out at once.

    Source: Feng et al. (2024), Were RNNs all we needed?
    """
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    class MinGRU(eqx.Module):
        gate: eqx.nn.Linear
        candidate: eqx.nn.Linear
        readout: eqx.nn.Linear

        def __call__(self, inputs):
            gate = jax.nn.sigmoid(jax.vmap(self.gate)(inputs))
            candidate = jnp.tanh(jax.vmap(self.candidate)(inputs))

            def join(first, second):
                return first[0] * second[0], first[1] * second[0] + second[1]

            _, hidden = jax.lax.associative_scan(join, (1 - gate, gate * candidate))
            return jax.vmap(self.readout)(hidden)

    keys = jax.random.split(jax.random.key(seed), 3)
    widths = (sizes.features, width), (sizes.features, width), (width, sizes.outputs)
    return MinGRU(*(eqx.nn.Linear(*pair, key=key) for pair, key in zip(widths, keys, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Four models from outside.")
    parser.add_argument("--minutes", default="5", help="For each of the four.")
    parser.add_argument("--budget", default="20000", help="Sequences of a trial.")
    parser.add_argument("--store", default="outside.db")
    options = parser.parse_args()
    head, rows = [""], []
    for name, (framework, words, framing) in MODELS.items():
        asked = f"--model {Path(__file__).resolve()}:{name} --framing {framing} --json"
        rest = f"--minutes {options.minutes} --budget {options.budget} --store {options.store}"
        command = [sys.executable, "-m", "longlag", "profile", *f"{asked} {rest}".split()]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "jax"}
        )
        if done.returncode:
            sys.exit(done.stderr)
        Path(f"outside-{name}.json").write_text(done.stdout)
        found = json.loads(done.stdout)
        reaches = {each["problem"]: each for each in found["problems"]}
        rows.append([framework, words, framing, *map(cell, reaches.values())])
        head = ["framework", "model", "framing", *reaches]
    lines = [head, ["---"] * len(head), *rows]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines))


def cell(reach: dict) -> str:
    """As `longlag profile` words it."""
    first = reach["rungs"][0]["value"]
    if not reach["interval"]:
        return "not tried"
    bounds = (f"{bound}" if bound else f"below {first}" for bound in reach["interval"])
    more = " or more" if reach["or_more"] else ""
    value = f"{reach['reaches']}{more}" if reach["reaches"] else f"below {first}"
    return f"{reach['knob']} {value} [{', '.join(bounds)}]"


if __name__ == "__main__":
    main()
