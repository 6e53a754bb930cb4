"""Problems for Keras: a data set whose epochs are of as many batches as is asked for."""

from __future__ import annotations

import threading
from typing import NamedTuple

import keras  # pyright: ignore[reportMissingImports]
import numpy as np

from longlag.arrays import scored
from longlag.encodings import IntegerEncoding, encodings
from longlag.framings import Batch, Framing
from longlag.knobs import BATCH_SIZE
from longlag.problems import Problem


class Weighted(NamedTuple):
    """A batch as `fit` takes it: a target that is not scored has the weight 0.

    Attributes:
        inputs: Features `(row, time, feature)`, or values `(row, time)`.
        targets: `(row, said)`, 0 where nothing is scored.
        weights: `(row, said)`, 1 where something is.
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


class Stream(keras.utils.PyDataset):
    """The batches of `framing.stream`, for `model.fit`; no two epochs hold the same draws.

    State that the framing carries is the model's affair (`stateful=True`, and a callback that
    resets it), as is a mask.

    Args:
        problem: Whose episodes are drawn.
        framing: How they become samples.
        batches: Batches in an epoch.
        batch_size: Rows in a batch.
        seed: Whose training stream.
        features: Give inputs as features rather than as values.
        encoding: As which: `OneHot` or `Scaled`, for integers; one-hot by default.
        workers: Threads that Keras loads with.

    >>> from longlag import EchoLag, Window
    >>> batches = Stream(EchoLag(), Window(timesteps=5), batches=100)
    >>> len(batches), batches[0].inputs.shape, batches[0].targets.shape
    (100, (5, 5, 100), (5, 1))
    """

    def __init__(
        self,
        problem: Problem,
        framing: Framing,
        batches: int,
        batch_size: int = BATCH_SIZE,
        seed: int = 0,
        *,
        features: bool = True,
        encoding: type[IntegerEncoding] | None = None,
        workers: int = 1,
    ):
        super().__init__(workers=workers)
        if batches < 1:
            raise ValueError(
                f"Stream: `batches` must be at least 1, got {batches}. Use batches=1 or more."
            )
        self.batches = batches
        self._encode = encodings(problem, encoding)[0].encode if features else np.asarray
        # An epoch is kept as values: as features it could be a hundred times as large.
        self._stream = framing.stream(problem, batch_size, seed)
        self._drawn: list[Batch] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> Weighted:
        if not 0 <= index < self.batches:
            raise IndexError(f"Stream: there is no batch {index} of {self.batches}.")
        with self._lock:  # Keras may ask from several threads, in any order
            while len(self._drawn) <= index:
                self._drawn.append(next(self._stream))
            inputs, targets, *_ = self._drawn[index]
        counts = scored(targets)
        zero = np.zeros((), targets.dtype)
        return Weighted(
            self._encode(inputs), np.where(counts, targets, zero), counts.astype(np.float32)
        )

    def on_epoch_end(self) -> None:
        """The next epoch is of draws that were not met before."""
        self._drawn.clear()
