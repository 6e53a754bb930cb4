"""Problems for PyTorch: a data set that never ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch.utils.data import IterableDataset, get_worker_info  # pyright: ignore[reportMissingImports]

from longlag.encodings import IntegerEncoding
from longlag.framings import Batch, Framing
from longlag.knobs import BATCH_SIZE
from longlag.problems import Problem


class Stream(IterableDataset):
    """The batches of `framing.stream` as tensors, for a `DataLoader` with `batch_size=None`.

    With any number of workers, they come in the same order, each once. Integers are int64, and
    targets that are not scored are -1, for `cross_entropy(ignore_index=-1)`.

    Args:
        problem: The problem.
        framing: How its episodes become samples.
        batch_size: Rows in a batch.
        seed: The seed of the training stream.
        features: Whether inputs are features rather than values.
        encoding: The encoding of features: `OneHot` or `Scaled`, for integers; one-hot by default.

    >>> from longlag import EchoLag, Window
    >>> from torch.utils.data import DataLoader
    >>> batches = DataLoader(Stream(EchoLag(), Window(timesteps=5), features=True), batch_size=None)
    >>> batch = next(iter(batches))
    >>> batch.inputs.shape, batch.targets.shape
    (torch.Size([5, 5, 100]), torch.Size([5, 1]))
    """

    def __init__(
        self,
        problem: Problem,
        framing: Framing,
        batch_size: int = BATCH_SIZE,
        seed: int = 0,
        *,
        features: bool = False,
        encoding: type[IntegerEncoding] | None = None,
    ):
        self.problem, self.framing, self.batch_size, self.seed = problem, framing, batch_size, seed
        self.features, self.encoding = features, encoding
        self._of(0, 1)  # raises here rather than in a worker

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        part, parts = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for inputs, targets, mask, reset in self._of(part, parts):
            tensors = _tensor(inputs), _tensor(targets), _tensor(mask)
            yield Batch(*tensors, reset)  # pyright: ignore[reportArgumentType]

    def _of(self, part: int, parts: int) -> Iterator[Batch]:
        return self.framing.stream(
            self.problem,
            self.batch_size,
            self.seed,
            features=self.features,
            encoding=self.encoding,
            part=part,
            parts=parts,
        )


def _tensor(array: np.ndarray) -> torch.Tensor:
    is_integer = np.issubdtype(array.dtype, np.integer)
    return torch.from_numpy(array.astype(np.int64) if is_integer else np.ascontiguousarray(array))
