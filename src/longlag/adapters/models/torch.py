"""PyTorch modules, on batches of samples, with their own training loop."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Collection, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from longlag.adapters import randomness
from longlag.adapters.models.functional import (
    MODES,
    NO_VALUES,
    NOISE,
    InputKind,
    OutputKind,
    keywords_of,
    numbers_a_row,
    pair,
    parameters_of,
)
from longlag.adapters.models.outputs import checked
from longlag.adapters.models.torch_arrays import arrays_of
from longlag.adapters.models.torch_cost import flops, peak_memory
from longlag.adapters.models.torch_faults import (
    changed_by,
    copied,
    fault_in_training,
    require_evaluation,
    restored,
    weights_elsewhere,
)
from longlag.adapters.models.torch_losses import loss_of_each, mean_loss
from longlag.adapters.models.torch_optimizer import update_of
from longlag.adapters.models.torch_predictions import CHUNK, Predictions
from longlag.adapters.models.torch_sensitivity import jacobian_norms, steps_reached
from longlag.models import ExternalModel, Sizes
from longlag.training import AnyLoss, Batches, Recipe, program

_WIDE = torch.float32, torch.float64  # outputs of fewer bits become float32


class TorchModel(ExternalModel):
    """A PyTorch module as a model.

    It takes `(row, time, feature)` and returns `(row, time, output)` or `(row, output)`. If its
    `forward` has parameters of these names it gets the `mask` `(row, time)`, true where a step
    counts, and the `state` (None at first; then it returns a pair of outputs and state).

    Args:
        module: The module, on its device.
        sizes: The sizes of the problem.
        seed: The seed of randomness in training.
        takes: Whether its inputs are features or values.
        returns: Whether its outputs are logits or probabilities.
        compiled: Whether to run it with `torch.compile`.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        sizes: Sizes,
        seed: int,
        *,
        takes: InputKind,
        returns: OutputKind,
        compiled: bool,
    ):
        self.module, self.sizes = module, sizes
        self.takes: InputKind = takes
        self.returns: OutputKind = returns
        self._call = torch.compile(module) if compiled else module
        self._compiled = compiled
        self._compiled_for: set[Any] = set()
        own = not type(module).__module__.startswith("torch.nn.")  # their `mask` is of attention
        own_names = ("mask", "state", *MODES) if own else ()
        self._arguments = parameters_of(module.forward, *own_names)
        self._state_size = 0
        kinds = {each.dtype for each in module.parameters() if each.is_floating_point()}
        self._dtype = kinds.pop() if len(kinds) == 1 else torch.float32
        first = next(iter(module.parameters()), None)
        self._device = torch.device("cpu") if first is None else first.device
        self._random = torch.Generator().manual_seed(seed).get_state()
        self._random_on_device: Any = None

    @property
    def takes_state(self) -> bool:
        return "state" in self._arguments

    @property
    def state_size(self) -> int | None:
        if self.takes_state and not self._state_size:  # as it has not run yet
            shape, features = (2, self.sizes.timesteps), self.sizes.features
            whole = self.sizes.values is not None
            zeros = np.zeros(shape, int) if whole else np.zeros((*shape, features), np.float32)
            given = self._encode(zeros)
            with restored(self.module), self._own_randomness(moves=False), torch.no_grad():
                self._set_mode(training=False)
                self._state_size = numbers_a_row(self._run(given, None, None, (), "last")[1], 2)
        return self._state_size if self.takes_state else None

    @property
    def device(self) -> torch.device:
        return self._device

    @property
    def parameters(self) -> int:
        return sum(each.numel() for each in self.module.parameters() if each.requires_grad)

    def trainer(
        self, recipe: Recipe, loss: AnyLoss, output: str, rates: np.ndarray | None = None
    ) -> Callable[[Batches, int], np.ndarray]:
        weights = [each for each in self.module.parameters() if each.requires_grad]
        update_weights = update_of(weights, recipe, rates)
        narrow = torch.autocast(self.device.type, torch.bfloat16, recipe.dtype == "bfloat16")
        state: Any = None

        def train(batches: Batches, count: int) -> np.ndarray:
            nonlocal state
            targets, counts = self._targets(batches, count, loss)
            losses, predictions = [], Predictions(loss)
            shape = batches.targets.shape[1:3]
            with self._own_randomness():
                self.module.train()
                for update, (inputs, mask) in enumerate(self._inputs(batches, count)):
                    if batches.reset is None or batches.reset[update]:
                        state = None
                    with self._first_time("update", inputs.shape, mask is None, state is None):
                        with narrow:
                            outputs, state = self._run(inputs, mask, state, shape, output)
                        value = mean_loss(outputs, targets[update], counts[update], loss)
                        value.backward()
                    update_weights()
                    state = _detached(state)
                    losses.append(value.detach())
                    predictions.add(outputs.detach())
            targets = batches.targets[:count]
            scored = loss.scored(targets)
            filled = np.where(scored if loss.size is None else scored[..., None], targets, 0)
            with self._first_time("hits", filled.shape, compiles=True):
                hits = loss.is_correct(jnp.asarray(predictions.values()), jnp.asarray(filled))
            correct = scored & np.asarray(hits)
            axes = tuple(range(1, correct.ndim))
            figures = torch.stack(losses).cpu().numpy(), correct.sum(axes), scored.sum(axes)
            return np.stack(figures, axis=1).astype(np.float32)

        return train

    def predict(
        self, batches: Batches, loss: AnyLoss, output: str
    ) -> tuple[np.ndarray, np.ndarray]:
        count = len(batches.targets)
        targets, _ = self._targets(batches, count, loss)
        losses, predictions, state = [], Predictions(loss), None
        shape = batches.targets.shape[1:3]
        with self._own_randomness(moves=False), torch.no_grad():
            self.module.eval()
            for update, (inputs, mask) in enumerate(self._inputs(batches, count)):
                if batches.reset is None or batches.reset[update]:
                    state = None
                with self._first_time("predict", inputs.shape, mask is None, state is None):
                    outputs, state = self._run(inputs, mask, state, shape, output)
                losses.append(loss_of_each(outputs, targets[update], loss))
                predictions.add(outputs)
                self._state_size = numbers_a_row(state, inputs.shape[0])
        return torch.stack(losses).cpu().numpy(), predictions.values()

    def perturbed(
        self, seed: int, scale: float = NOISE, only: Collection[str] | None = None
    ) -> TorchModel:
        generator, module = torch.Generator().manual_seed(seed), copied(self.module)
        with torch.no_grad():
            for name, each in module.named_parameters():
                if only is None or name in only:
                    noise = torch.randn(each.shape, generator=generator) * scale
                    each.add_(noise.to(each.device, each.dtype))
        return self._with(module, seed)

    def _with(self, module: torch.nn.Module, seed: int) -> TorchModel:
        takes, returns = self.takes, self.returns
        return TorchModel(module, self.sizes, seed, takes=takes, returns=returns, compiled=False)

    def arrays(self) -> dict[str, np.ndarray]:
        return arrays_of(self.module)

    def put(self, arrays: dict[str, np.ndarray]) -> None:
        self.module.load_state_dict({name: torch.tensor(each) for name, each in arrays.items()})

    def outputs(
        self, batches: Batches, output: str, *, again: bool = False, training: bool = False
    ) -> np.ndarray:
        kept = restored(self.module) if training else contextlib.nullcontext()
        with kept, self._own_randomness(moves=False, other=again), torch.set_grad_enabled(training):
            outputs = self._outputs(batches, output, training).detach().cpu().numpy()
        if not training:
            require_evaluation(self.module)
        return outputs

    def gradients(self, batches: Batches, output: str) -> dict[str, tuple[bool, tuple[int, ...]]]:
        weights = {
            name: each for name, each in self.module.named_parameters() if each.requires_grad
        }
        with restored(self.module), self._own_randomness(moves=False):
            outputs = self._outputs(batches, output, training=True)
            total, found = (outputs * torch.randn_like(outputs)).sum(), [None] * len(weights)
            if total.requires_grad:
                found = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
        pairs = zip(weights.items(), found, strict=True)
        return {
            name: (grad is not None and bool((grad != 0).any()), tuple(each.shape))
            for (name, each), grad in pairs
        }

    def fault_in_training(self, batches: Batches, others: Batches, output: str) -> tuple[str, str]:
        def run(module: torch.nn.Module, each: Batches) -> np.ndarray:
            return self._with(module, 0).outputs(each, output, training=True)

        return fault_in_training(self.module, run, batches, others)

    def weights_elsewhere(self, batches: Batches, output: str) -> int:
        with restored(self.module), self._own_randomness(moves=False):
            runs = [self._outputs(batches, output, training=True) for _ in range(2)]
        return weights_elsewhere(self.module, *runs)

    def changed_by_call(self, batches: Batches, output: str) -> str:
        return changed_by(self.module, lambda: self.outputs(batches, output))

    def steps_reached(self, batches: Batches, output: str) -> np.ndarray | None:
        if batches.mask is not None:
            return None
        kind = output if output in ("every", "end") else "last"
        with restored(self.module), self._own_randomness(moves=False):
            self._set_mode(training=True)
            run = lambda inputs: self._run(inputs, None, None, (), kind)[0][:, -1]  # noqa: E731
            return steps_reached(self.module, run, self._encode(batches.inputs[0]))

    def flops(self, batches: Batches, output: str, *, training: bool) -> int | None:
        plain = self._with(self.module, 0)  # what is compiled cannot be looked into
        weights = [each for each in self.module.parameters() if each.requires_grad]
        with restored(self.module), self._own_randomness(moves=False):
            run = functools.partial(plain._outputs, batches, output, training)
            return flops(run, weights if training else ())

    def peak_memory(self, call: Callable[[ExternalModel], object]) -> int | None:
        copy = self._with(copied(self.module), 0)
        kept = *copy.module.parameters(), *copy.module.buffers()
        return peak_memory(lambda: call(copy), kept)

    def sensitivity(self, features: np.ndarray, mask: np.ndarray | None, layout: Any) -> np.ndarray:
        given = torch.tensor(features, dtype=self._dtype, device=self.device)
        hidden = None if mask is None else torch.tensor(mask, device=self.device)
        with restored(self.module), self._own_randomness(moves=False):
            self._set_mode(training=False)
            return jacobian_norms(self._run, given, hidden, layout)

    def _set_mode(self, training: bool) -> None:
        self.module.train(training)
        for each in self.module.modules():
            if isinstance(each, torch.nn.modules.batchnorm._NormBase):
                each.eval()  # statistics of a batch mix rows and steps

    def _outputs(self, batches: Batches, output: str, training: bool) -> Any:
        results, state = [], None
        self._set_mode(training)
        for update, (inputs, mask) in enumerate(self._inputs(batches, len(batches.targets))):
            if batches.reset is None or batches.reset[update]:
                state = None
            kind = output if output in ("every", "end") else "last"
            outputs, state = self._run(inputs, mask, state, (), kind)
            results.append(outputs)
            self._state_size = numbers_a_row(state, inputs.shape[0])
        return torch.stack(results)

    @contextlib.contextmanager
    def _first_time(self, *arguments: Any, compiles: bool = False) -> Iterator[None]:
        """Count the time as compiling, if these arguments are new and lead to compilation."""
        if not (compiles or self._compiled) or arguments in self._compiled_for:
            yield
            return
        self._compiled_for.add(arguments)
        with program.COMPILING.get(contextlib.nullcontext()):
            yield

    def _run(self, inputs: Any, mask: Any, state: Any, shape: Any, output: str) -> tuple[Any, Any]:
        training = self.module.training
        keywords = keywords_of(self._arguments, training=training, mask=mask, state=state)
        result = self._call(inputs, **keywords)
        outputs, state = pair(result) if self.takes_state else (result, None)
        if isinstance(outputs, np.ndarray):
            raise ValueError(
                "the model gives an array of NumPy. Return a tensor: leave out .numpy()."
            )
        rows, timesteps = steps = inputs.shape[:2]
        at = None
        if output == "end" and mask is not None:
            positions = torch.arange(1, timesteps + 1, device=mask.device)
            at = torch.arange(rows, device=mask.device), (mask * positions).argmax(dim=1)
        outputs = checked(outputs, tuple(steps), self.sizes.outputs, output != "every", at)
        outputs = outputs if outputs.dtype in _WIDE else outputs.float()
        if output == "vector":
            outputs = outputs.reshape(*shape, -1)
        if self.returns == "probabilities" and outputs.shape[-1] > 1:  # else a real value
            outputs = outputs.clamp(1e-7, 1 - 1e-7).log()
        return outputs, state

    def _inputs(self, batches: Batches, count: int) -> Iterator[tuple[Any, Any]]:
        inputs = batches.inputs[:count]
        width = self.sizes.features if inputs.ndim == 3 else 1
        at_once = max(1, CHUNK // (max(1, inputs[0].size) * width))
        masks = None if batches.mask is None else torch.tensor(batches.mask[:count])
        masks = None if masks is None else masks.to(self.device)
        for first in range(0, count, at_once):
            chunk = self._encode(inputs[first : first + at_once])
            for index, each in enumerate(chunk.unbind()):
                yield each, None if masks is None else masks[first + index]

    def _encode(self, inputs: np.ndarray) -> Any:
        """Inputs in the form that the module takes, with any leading axes."""
        # A copy, since a forward may write to it.
        array = torch.tensor(np.ascontiguousarray(inputs), device=self.device)
        if not np.issubdtype(inputs.dtype, np.integer):
            if self.takes == "values":
                raise ValueError(NO_VALUES)
            return array.to(self._dtype)
        array = array.long()
        if self.takes == "values":
            return array
        encoded = functional.one_hot(array.clamp(min=0), self.sizes.features).to(self._dtype)
        return torch.where(array[..., None] < 0, -1.0, encoded) if (inputs < 0).any() else encoded

    def _targets(self, batches: Batches, count: int, loss: AnyLoss) -> tuple[Any, list[int]]:
        """The targets of each update, and how many of them are scored."""
        targets = batches.targets[:count]
        counts = loss.scored(targets).reshape(count, -1).sum(axis=1).tolist()
        whole = np.issubdtype(targets.dtype, np.integer)
        array = torch.from_numpy(targets.astype(np.int64 if whole else np.float32))
        return array.to(self.device).unbind(), counts

    @contextlib.contextmanager
    def _own_randomness(self, moves: bool = True, other: bool = False) -> Iterator[None]:
        """Set PyTorch's global random state to this model's, and restore it afterwards.

        The number of threads, which is global too, is restored as well.
        """
        devices = [self.device] if self.device.type == "cuda" else []
        with randomness.locked(), _one_thread(), torch.random.fork_rng(devices):
            torch.set_rng_state(self._random)
            if other:
                torch.manual_seed(torch.initial_seed() + 1)
            if devices:
                if self._random_on_device is None:
                    torch.cuda.manual_seed(torch.initial_seed())
                else:
                    torch.cuda.set_rng_state(self._random_on_device, self.device)
            yield
            if not moves:
                return
            self._random = torch.get_rng_state()
            if devices:
                self._random_on_device = torch.cuda.get_rng_state(self.device)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One thread per operation, since trials use the other cores; OMP_NUM_THREADS has priority."""
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _detached(state: Any) -> Any:
    return jax.tree.map(
        lambda each: each.detach() if isinstance(each, torch.Tensor) else each, state
    )
