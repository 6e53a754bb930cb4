"""Problems for Keras: a data set with new batches in every epoch."""

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
    """A batch for `fit`: a target that is not scored has the weight 0.

    Attributes:
        inputs: Features `(row, time, feature)`, or values `(row, time)`.
        targets: `(row, target)`, 0 where nothing is scored.
        weights: `(row, target)`, 1 where a target is scored, else 0.
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


class Stream(keras.utils.PyDataset):
    """The batches of `framing.stream`, for `model.fit`; every epoch has new sequences.

    If the framing carries state, the model must too (`stateful=True`, and a callback that resets
    it); a mask is up to the model as well.

    Args:
        problem: The problem.
        framing: How its episodes become samples.
        batches: Batches in an epoch.
        batch_size: Rows in a batch.
        seed: The seed of the training stream.
        features: Whether inputs are features rather than values.
        encoding: The encoding of features: `OneHot` or `Scaled`, for integers; one-hot by default.
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
        # An epoch is stored as values: as features it could be a hundred times as large.
        self._stream = framing.stream(problem, batch_size, seed)
        self._batches: list[Batch] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> Weighted:
        if not 0 <= index < self.batches:
            raise IndexError(f"Stream: there is no batch {index} of {self.batches}.")
        with self._lock:  # Keras may call it from several threads, in any order
            while len(self._batches) <= index:
                self._batches.append(next(self._stream))
            inputs, targets, *_ = self._batches[index]
        has_target = scored(targets)
        zero = np.zeros((), targets.dtype)
        return Weighted(
            self._encode(inputs), np.where(has_target, targets, zero), has_target.astype(np.float32)
        )

    def on_epoch_end(self) -> None:
        """Start an epoch of new sequences."""
        self._batches.clear()
