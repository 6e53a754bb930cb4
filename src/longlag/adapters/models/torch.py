"""PyTorch modules, of rows of samples, with a loop of their own."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from longlag.adapters import randomness
from longlag.adapters.models.functional import (
    SHAKE,
    Said,
    Shown,
    checked,
    numbers_a_row,
    pair,
    takes,
)
from longlag.models import ExternalModel, Sizes
from longlag.training import AnyLoss, Batches, Loss, Losses, Recipe, program

_ENCODED = 2**22  # numbers made at once: enough to be fast, few enough to stay small

_WHOLE = torch.float32, torch.float64  # outputs of fewer bits are compared as float32

_FUSED = "cpu", "cuda"  # devices on which Adam is one kernel


class TorchModel(ExternalModel):
    """A PyTorch module as a model.

    It takes `(row, time, feature)` and gives `(row, time, output)` or `(row, output)`. If its
    `forward` has parameters of these names it is told the `mask` `(row, time)`, true where a step
    counts, and the `state` (None at first; then it gives a pair of outputs and state).

    Args:
        module: The module, on the device on which it is to run.
        sizes: Of the problem.
        seed: Of what is random in training.
        shown: Whether it is shown features or values.
        said: Whether it gives logits or probabilities.
        compiled: Whether to run what `torch.compile` makes of it.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        sizes: Sizes,
        seed: int,
        *,
        shown: Shown,
        said: Said,
        compiled: bool,
    ):
        self.module, self.sizes = module, sizes
        self.shown: Shown = shown
        self.said: Said = said
        self._call = torch.compile(module) if compiled else module
        self._compiled = compiled
        self._met: set[Any] = set()
        self._told = takes(module.forward, "mask", "state")
        self._state_size = 0
        kinds = {each.dtype for each in module.parameters() if each.is_floating_point()}
        self._dtype = kinds.pop() if len(kinds) == 1 else torch.float32
        first = next(iter(module.parameters()), None)
        self._device = torch.device("cpu") if first is None else first.device
        self._random = torch.Generator().manual_seed(seed).get_state()
        self._random_there: Any = None

    @property
    def takes_state(self) -> bool:
        return "state" in self._told

    @property
    def state_size(self) -> int:
        return self._state_size

    @property
    def device(self) -> torch.device:
        return self._device

    @property
    def parameters(self) -> int:
        return sum(each.numel() for each in self.module.parameters() if each.requires_grad)

    def trainer(
        self, recipe: Recipe, loss: AnyLoss, output: str
    ) -> Callable[[Batches, int], np.ndarray]:
        weights = [each for each in self.module.parameters() if each.requires_grad]
        kind = {"adam": _adam, "sgd": torch.optim.SGD}[recipe.optimizer]
        optimizer = kind(weights, lr=recipe.learning_rate)
        state: Any = None

        def train(batches: Batches, count: int) -> np.ndarray:
            nonlocal state
            targets, counts = self._targets(batches, count, loss)
            losses, said = [], _Said(loss)
            shape = batches.targets.shape[1:3]
            with self._own_randomness():
                self.module.train()
                for update, (shown, mask) in enumerate(self._inputs(batches, count)):
                    if batches.reset is None or batches.reset[update]:
                        state = None
                    with self._first_time("update", shown.shape, mask is None, state is None):
                        outputs, state = self._run(shown, mask, state, shape, output)
                        value = self._loss(outputs, targets[update], counts[update], loss)
                        optimizer.zero_grad()
                        value.backward()
                    optimizer.step()
                    state = _detached(state)
                    losses.append(value.detach())
                    said.hear(outputs.detach())
            asked = batches.targets[:count]
            counted = loss.scored(asked)
            wide = np.where(counted if loss.size is None else counted[..., None], asked, 0)
            with self._first_time("hits", wide.shape, compiles=True):
                hits = loss.is_correct(jnp.asarray(said.values()), jnp.asarray(wide))
            right = counted & np.asarray(hits)
            axes = tuple(range(1, right.ndim))
            figures = torch.stack(losses).cpu().numpy(), right.sum(axes), counted.sum(axes)
            return np.stack(figures, axis=1).astype(np.float32)

        return train

    def predict(
        self, batches: Batches, loss: AnyLoss, output: str
    ) -> tuple[np.ndarray, np.ndarray]:
        count = len(batches.targets)
        targets, _ = self._targets(batches, count, loss)
        losses, said, state = [], _Said(loss), None
        shape = batches.targets.shape[1:3]
        with self._own_randomness(moves=False), torch.no_grad():
            self.module.eval()
            for update, (shown, mask) in enumerate(self._inputs(batches, count)):
                if batches.reset is None or batches.reset[update]:
                    state = None
                with self._first_time("predict", shown.shape, mask is None, state is None):
                    outputs, state = self._run(shown, mask, state, shape, output)
                losses.append(self._each(outputs, targets[update], loss))
                said.hear(outputs)
        return torch.stack(losses).cpu().numpy(), said.values()

    def perturbed(self, seed: int) -> TorchModel:
        generator = torch.Generator().manual_seed(seed)
        module = copy.deepcopy(self.module)
        with torch.no_grad():
            for each in module.parameters():
                noise = torch.randn(each.shape, generator=generator) * SHAKE
                each.add_(noise.to(each.device, each.dtype))
        return TorchModel(
            module, self.sizes, seed, shown=self.shown, said=self.said, compiled=False
        )

    def arrays(self) -> dict[str, np.ndarray]:
        return arrays_of(self.module)

    def put(self, arrays: dict[str, np.ndarray]) -> None:
        self.module.load_state_dict({name: torch.tensor(each) for name, each in arrays.items()})

    def outputs(self, batches: Batches, output: str, *, again: bool = False) -> np.ndarray:
        given, state = [], None
        with self._own_randomness(moves=False, other=again), torch.no_grad():
            self.module.eval()
            for update, (shown, mask) in enumerate(self._inputs(batches, len(batches.targets))):
                if batches.reset is None or batches.reset[update]:
                    state = None
                kind = output if output in ("every", "end") else "last"
                outputs, state = self._run(shown, mask, state, (), kind)
                given.append(outputs)
                self._state_size = numbers_a_row(state, shown.shape[0])
        return torch.stack(given).cpu().numpy()

    @contextlib.contextmanager
    def _first_time(self, *what: Any, compiles: bool = False) -> Iterator[None]:
        """Time counted as compiling where what compiles has not met such arguments yet."""
        if not (compiles or self._compiled) or what in self._met:
            yield
            return
        self._met.add(what)
        with program.COMPILING.get(contextlib.nullcontext()):
            yield

    def _given(self, mask: Any, state: Any) -> dict[str, Any]:
        every = {"mask": mask, "state": state}
        return {name: every[name] for name in self._told}

    def _run(self, shown: Any, mask: Any, state: Any, shape: Any, output: str) -> tuple[Any, Any]:
        said = self._call(shown, **self._given(mask, state))
        outputs, state = pair(said) if self.takes_state else (said, None)
        rows, timesteps = steps = shown.shape[:2]
        at = None
        if output == "end" and mask is not None:
            places = torch.arange(1, timesteps + 1, device=mask.device)
            at = torch.arange(rows, device=mask.device), (mask * places).argmax(dim=1)
        outputs = checked(outputs, tuple(steps), self.sizes.outputs, output != "every", at)
        outputs = outputs if outputs.dtype in _WHOLE else outputs.float()
        if output == "vector":
            outputs = outputs.reshape(*shape, -1)
        if self.said == "probabilities" and outputs.shape[-1] > 1:  # else it is a real
            outputs = outputs.clamp(1e-7, 1 - 1e-7).log()
        return outputs, state

    def _inputs(self, batches: Batches, count: int) -> Iterator[tuple[Any, Any]]:
        inputs = batches.inputs[:count]
        wide = self.sizes.features if inputs.ndim == 3 else 1
        at_once = max(1, _ENCODED // (max(1, inputs[0].size) * wide))
        masks = None if batches.mask is None else torch.tensor(batches.mask[:count])
        masks = None if masks is None else masks.to(self.device)
        for first in range(0, count, at_once):
            shown = self._shown(inputs[first : first + at_once])
            for place, each in enumerate(shown.unbind()):
                yield each, None if masks is None else masks[first + place]

    def _shown(self, inputs: np.ndarray) -> Any:
        """Inputs as the module is shown them, with any leading axes."""
        array = torch.from_numpy(np.ascontiguousarray(inputs)).to(self.device)
        if not np.issubdtype(inputs.dtype, np.integer):
            return array.to(self._dtype)
        array = array.long()
        if self.shown == "values":
            return array
        encoded = functional.one_hot(array.clamp(min=0), self.sizes.features).to(self._dtype)
        return torch.where(array[..., None] < 0, -1.0, encoded) if (inputs < 0).any() else encoded

    def _targets(self, batches: Batches, count: int, loss: AnyLoss) -> tuple[Any, list[int]]:
        """Targets of each update, and how many of them count."""
        targets = batches.targets[:count]
        counts = loss.scored(targets).reshape(count, -1).sum(axis=1).tolist()
        whole = np.issubdtype(targets.dtype, np.integer)
        array = torch.from_numpy(targets.astype(np.int64 if whole else np.float32))
        return array.to(self.device).unbind(), counts

    def _loss(self, outputs: Any, targets: Any, count: int, loss: AnyLoss) -> Any:
        if not count:
            return outputs.sum() * 0.0
        if isinstance(loss, Loss) and loss.name == "cross-entropy":
            return functional.cross_entropy(
                outputs.flatten(0, -2), targets.flatten(), ignore_index=-1
            )
        each = self._each(outputs, targets, loss)
        first = targets if loss.size is None else targets[..., 0]
        scored = first >= 0 if not first.is_floating_point() else ~first.isnan()
        return torch.where(scored, each, 0.0).sum() / count

    def _each(self, outputs: Any, targets: Any, loss: AnyLoss) -> Any:
        """The loss of each target; where none is scored it means nothing."""
        if isinstance(loss, Losses):
            sizes = [part.size or 1 for part in loss.parts]
            each = zip(
                loss.parts,
                outputs.split(loss.widths, dim=-1),
                targets.split(sizes, dim=-1),
                strict=True,
            )
            return sum(
                self._each(some, column if part.size is not None else column[..., 0], part)
                for part, some, column in each
            )
        if loss.name == "binary-cross-entropy":
            wanted = targets.clamp(min=0).to(outputs.dtype)
            each = functional.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
            return each.mean(dim=-1)
        if loss.size is not None:
            return ((outputs - targets.nan_to_num()) ** 2).mean(dim=-1)
        if loss.name == "cross-entropy":
            flat = outputs.flatten(0, -2), targets.flatten().nan_to_num().long().clamp(min=0)
            return functional.cross_entropy(*flat, reduction="none").reshape(targets.shape)
        told = targets if loss.values is None else targets / (loss.values - 1)
        return (outputs[..., 0] - told.nan_to_num()) ** 2

    @contextlib.contextmanager
    def _own_randomness(self, moves: bool = True, other: bool = False) -> Iterator[None]:
        """PyTorch's one random state set to this model's, and set back; the model's goes on.

        So is its number of threads, which is one of the process as well.
        """
        devices = [self.device] if self.device.type == "cuda" else []
        with randomness.held(), _one_thread(), torch.random.fork_rng(devices):
            torch.set_rng_state(self._random)
            if other:
                torch.manual_seed(torch.initial_seed() + 1)
            if devices:
                if self._random_there is None:
                    torch.cuda.manual_seed(torch.initial_seed())
                else:
                    torch.cuda.set_rng_state(self._random_there, self.device)
            yield
            if not moves:
                return
            self._random = torch.get_rng_state()
            if devices:
                self._random_there = torch.cuda.get_rng_state(self.device)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for an operation, as trials use the other cores; the user's number goes first."""
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def arrays_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """All tensors of a module; those of a type that NumPy lacks as float32."""
    return {
        name: (each.float() if each.dtype == torch.bfloat16 else each).detach().cpu().numpy()
        for name, each in module.state_dict().items()
    }


class _Said:
    """The values that outputs say, told many updates at a time: each call has its price."""

    def __init__(self, loss: AnyLoss):
        self.loss, self.size = loss, 0
        self.choice = isinstance(loss, Loss) and loss.name == "cross-entropy"
        self.number = loss.size is None and not self.choice
        self.held: list[Any] = []
        self.told: list[Any] = []

    def hear(self, outputs: Any) -> None:
        """Outputs of one update."""
        self.held.append(outputs)
        self.size += outputs.numel()
        if self.size > _ENCODED:
            self._tell()

    def values(self) -> np.ndarray:
        """What all of them say, `(update, …)`."""
        self._tell()
        array = torch.cat(self.told).cpu().numpy()
        if self.choice:
            return array
        return np.asarray(self.loss.decode(jnp.asarray(array[..., None] if self.number else array)))

    def _tell(self) -> None:
        if not self.held:
            return
        outputs = torch.stack(self.held)
        chosen = outputs.argmax(-1) if self.choice else outputs
        self.told.append(chosen[..., 0] if self.number else chosen)
        self.held.clear()
        self.size = 0


def _adam(weights: Any, lr: float) -> Any:
    """With the epsilon of the compiled loop, and as one kernel where PyTorch has one."""
    fused = all(each.is_floating_point() and each.device.type in _FUSED for each in weights)
    return torch.optim.Adam(weights, lr=lr, eps=1e-7, fused=fused or None)


def _detached(state: Any) -> Any:
    return jax.tree.map(
        lambda each: each.detach() if isinstance(each, torch.Tensor) else each, state
    )
