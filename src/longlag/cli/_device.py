"""The device of a command: the one that JAX takes, or the one that is named."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import jax
from cyclopts import Parameter

Device = Annotated[
    Literal["cpu", "gpu"] | None,
    Parameter(
        name="--device",
        help="Where models of JAX train. Default: a GPU where JAX has one. PyTorch modules train "
        "on the device of their weights.",
    ),
]


def use_device(device: Literal["cpu", "gpu"] | None) -> None:
    """Let this process and its workers train on a device; before JAX is first used.

    Raises:
        ValueError: JAX has no such device here.
    """
    if device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"  # for the workers
        jax.config.update("jax_platforms", "cpu")
    elif device == "gpu":
        # Else this process would take all memory of the GPU, and leave none to the workers.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        if (found := jax.default_backend()) != "gpu":
            raise ValueError(
                f"`--device gpu`: JAX has none here, only {found}. Install its version for your "
                "GPU (jax[cuda13], say) and unset JAX_PLATFORMS, or leave --device out."
            )
