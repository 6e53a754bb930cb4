"""What the outputs of a PyTorch module predict, for the scores of its training."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import torch  # pyright: ignore[reportMissingImports]

from longlag.training import AnyLoss, Loss

CHUNK = 2**22
"""Values to encode or decode at once: fast, but small in memory."""


class Predictions:
    """The values that outputs predict, decoded many updates at a time, which is faster."""

    def __init__(self, loss: AnyLoss):
        self.loss, self.size = loss, 0
        self.classifies = isinstance(loss, Loss) and loss.name == "cross-entropy"
        self.scalar = loss.size is None and not self.classifies
        self.pending: list[Any] = []
        self.decoded: list[Any] = []

    def add(self, outputs: Any) -> None:
        """Add the outputs of one update."""
        self.pending.append(outputs)
        self.size += outputs.numel()
        if self.size > CHUNK:
            self._decode()

    def values(self) -> np.ndarray:
        """The predicted values of all updates, `(update, …)`."""
        self._decode()
        array = torch.cat(self.decoded).cpu().numpy()
        if self.classifies:
            return array
        return np.asarray(self.loss.decode(jnp.asarray(array[..., None] if self.scalar else array)))

    def _decode(self) -> None:
        if not self.pending:
            return
        outputs = torch.stack(self.pending)
        chosen = outputs.argmax(-1) if self.classifies else outputs
        self.decoded.append(chosen[..., 0] if self.scalar else chosen)
        self.pending.clear()
        self.size = 0
