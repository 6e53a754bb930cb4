"""Models: (inputs, mask, state) -> (outputs, state), as Equinox modules."""

from __future__ import annotations

import abc
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int

from longlag.arrays import Last
from longlag.knobs import Knobs

Inputs = Int[Array, "*batch time"] | Float[Array, "*batch time feature"]
Mask = Bool[Array, "*batch time"] | None
DecoderTargets = Int[Array, "*batch target"] | Float[Array, "*batch target output"]
State = Any


class Sizes(NamedTuple):
    """The sizes of a model, from its problem, framing and encoding.

    Attributes:
        features: Features of an input step. Integer inputs stand for one-hot vectors of this
            length.
        outputs: Length of an output vector.
        timesteps: Steps in a sample.
        values: Number of different integers in the inputs; None for reals.
    """

    features: int
    outputs: int
    timesteps: int
    values: int | None = None

    if not TYPE_CHECKING:  # which knows the fields

        def __getattr__(self, name: str) -> Any:
            text = f"Sizes has no `{name}`. Known: {', '.join(self._fields)}."
            raise AttributeError(text, name=name, obj=self)


def last_step(
    values: Float[Array, "*batch time feature"], mask: Mask, last: Last
) -> Float[Array, "*batch 1 feature"]:
    """The last step, or with "shown" the last that counts."""
    if last != "shown" or mask is None:
        return values[..., -1:, :]
    at = mask.shape[-1] - 1 - jnp.argmax(jnp.flip(mask, -1), axis=-1)
    return jnp.take_along_axis(values, at[..., None, None], axis=-2)


class Buffers(eqx.Module):
    """Arrays that training updates without a gradient: batch statistics, random states."""

    arrays: Any


class TrainOutput(NamedTuple):
    """The result of `Model.apply_train`.

    Attributes:
        outputs: The outputs, as of `Model.__call__`.
        state: The final state.
        buffers: The new `Buffers`; None where the model has none.
        penalty: Added to the loss.
    """

    outputs: Array
    state: State
    buffers: Buffers | None = None
    penalty: Array | float = 0.0


class Model(eqx.Module):
    """Base of all models. Any leading batch axes, or none; rows are independent."""

    any_dtype: ClassVar[bool] = True
    """Whether it computes in the type of its weights and inputs, whichever that is."""

    @property
    def state_size(self) -> int | None:
        """Numbers of state that a row carries; None where the model keeps them to itself."""
        return sum(int(np.size(leaf)) for leaf in jax.tree.leaves(self.initial_state()))

    @abc.abstractmethod
    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        """The zero state for these batch axes; an empty tuple for a model without state."""

    @abc.abstractmethod
    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        """Run over the time axis.

        Args:
            inputs: Features, or integers that stand for one-hot vectors.
            mask: False where a step is skipped: the state does not change. None where every
                step counts.
            state: The initial state of the rows.
            last: Return only the output of the last step (of each direction, where there are
                two), on a time axis of length 1; with "shown" that of the last step that counts,
                as padding may follow it.

        Returns:
            The outputs (axis `target` is `time`, or 1 with `last`) and the final state.
        """

    def apply_train(
        self, inputs: Inputs, mask: Mask, state: State, *, last: Last = False
    ) -> TrainOutput:
        """Run in training mode, where that differs: dropout, batch statistics."""
        return TrainOutput(*self(inputs, mask, state, last=last))


class Decoder(eqx.Module):
    """Base of the models that read a sample and then predict an answer value by value."""

    @property
    def state_size(self) -> int | None:
        """Numbers of state that the decoder of a row starts from; None where that is unknown."""
        return None

    @abc.abstractmethod
    def decode_teacher_forced(
        self, inputs: Inputs, mask: Mask, targets: DecoderTargets
    ) -> Float[Array, "*batch target output"]:
        """Predict each value from the correct previous one (teacher forcing).

        Args:
            inputs: As of any model, `(*batch, time)` or `(*batch, time, feature)`.
            mask: False where a step is skipped, or None.
            targets: The correct answer, integers `(*batch, target)` or `(*batch, target, output)`.
        """

    @abc.abstractmethod
    def decode_free_running(
        self, inputs: Inputs, mask: Mask, feedback: Callable[[Array], Array], count: int
    ) -> Float[Array, "*batch target output"]:
        """Predict `count` values, each from `feedback` of the previous output (free running)."""


class ExternalModel(abc.ABC):
    """Base of the models of another framework, which train in a loop of their own."""

    @property
    @abc.abstractmethod
    def parameters(self) -> int:
        """Number of trained weights."""

    @property
    @abc.abstractmethod
    def takes_state(self) -> bool:
        """Whether the model carries state."""

    @property
    @abc.abstractmethod
    def state_size(self) -> int | None:
        """Numbers of state that a row carries; None where it takes none."""

    @property
    @abc.abstractmethod
    def device(self) -> Any:
        """The device of the model."""

    @abc.abstractmethod
    def trainer(
        self, recipe: Any, loss: Any, output: str, rates: np.ndarray | None = None
    ) -> Callable[[Any, int], np.ndarray]:
        """A function of a chunk (`longlag.training.Batches`) and a number of its updates to make.

        `rates` has the learning rate of each update `(update,)`, where the recipe has a schedule.
        It returns a row for each update: the loss, the number of correct and of scored targets.
        """

    @abc.abstractmethod
    def predict(self, batches: Any, loss: Any, output: str) -> tuple[np.ndarray, np.ndarray]:
        """The loss and the predicted value of each output (`longlag.training.program`)."""

    @abc.abstractmethod
    def outputs(
        self, batches: Any, output: str, *, again: bool = False, training: bool = False
    ) -> np.ndarray:
        """Outputs in evaluation mode, `(update, row, target, output)`.

        `again`: from another random state, which should make no difference. `training`: in
        training mode and with gradients, but with fixed statistics.
        """

    @abc.abstractmethod
    def gradients(self, batches: Any, output: str) -> dict[str, tuple[bool, tuple[int, ...]]]:
        """Whether each trained weight gets a gradient from any output; and its shape."""

    @abc.abstractmethod
    def fault_in_training(self, batches: Any, others: Any, output: str) -> tuple[str, str]:
        """What is wrong in training mode only, and the remedy; empty if nothing is.

        `others` are the batches with other inputs.
        """

    @abc.abstractmethod
    def weights_elsewhere(self, batches: Any, output: str) -> int:
        """How many weights a call uses that are none of the model, so that nothing trains them."""

    @abc.abstractmethod
    def changed_by_call(self, batches: Any, output: str) -> str:
        """The name of a tensor of the model that a call changes outside training, or empty."""

    @abc.abstractmethod
    def steps_reached(self, batches: Any, output: str) -> np.ndarray | None:
        """Whether each input step gets a gradient from the last output; None if unknown."""

    @abc.abstractmethod
    def flops(self, batches: Any, output: str, *, training: bool) -> int | None:
        """Floating-point operations of the products of these batches; None if unknown.

        `training`: with the gradients of the weights.
        """

    @abc.abstractmethod
    def peak_memory(self, call: Callable[[ExternalModel], object]) -> int | None:
        """The most bytes of arrays that a call with a copy of the model holds; None if unknown."""

    @abc.abstractmethod
    def sensitivity(self, features: np.ndarray, mask: np.ndarray | None, layout: Any) -> np.ndarray:
        """The norm of the Jacobian of each scored target by each input step.

        Args:
            features: The features of sequences, `(sequence, step, feature)`.
            mask: `(sequence, update, row, time)`, false where a step is skipped, or None.
            layout: The samples of a sequence (`longlag.framings.Layout`); state is carried from
                update to update.

        Returns:
            `(sequence, scored target, step)`.
        """

    @abc.abstractmethod
    def perturbed(self, seed: int, scale: float, only: Collection[str] | None) -> ExternalModel:
        """A copy with noise added to its weights, or only to those of these names."""

    @abc.abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that a checkpoint stores, by name."""

    @abc.abstractmethod
    def put(self, arrays: dict[str, np.ndarray]) -> None:
        """Load the arrays that `arrays` returned."""


Dynamics = Literal["nonlinear", "fixed", "positive", "signed", "reflections", "attention", "window"]
"""How the state of a step becomes that of the next, which bounds what a layer can compute.

`nonlinear`: by a nonlinear function of it. All others are linear in it: `fixed`, the same at every
step; `positive`, by factors from 0 to 1 (or a matrix of such eigenvalues) that depend on the
input; `signed`, by factors from -1 to 1; `reflections`, by a matrix that may have one eigenvalue
down to -1. `attention`: every earlier step is kept. `window`: the last steps are.
"""

AnyModel = Model | Decoder | ExternalModel


class ModelFactory(Knobs):
    """Base of the model descriptions: knobs, and a function from sizes and seed to a model."""

    decodes: ClassVar[bool] = False
    """Whether it creates a Decoder, for framings with an encoder and a decoder."""

    causal: ClassVar[bool] = True
    """Whether no output depends on a later step of its sample."""

    @property
    def dynamics(self) -> Dynamics | None:
        """How the state of a step becomes that of the next; None where that is not known."""
        return None

    @abc.abstractmethod
    def __call__(self, sizes: Sizes, seed: int) -> AnyModel:
        """A freshly initialised model; the same one for the same seed."""

    @property
    def window(self) -> int | None:
        """Number of latest steps that reach an output, across sample boundaries; None for all."""
        return None

    def wider(self, window: int) -> str:  # noqa: ARG002
        """The knob that makes the window at least so long, as `context=5`; empty without one."""
        return ""

    @property
    def remembers(self) -> bool:
        """Whether carried state holds any information."""
        return True

    @property
    def any_length(self) -> bool:
        """Whether a model trained on samples of one length runs on those of any other.

        False where the weights depend on `Sizes.timesteps`: a table of positions, a flattened
        sample.
        """
        return True


# Weights are made with NumPy: with JAX each new shape costs up to a second of compilation.

_MOST_WEIGHTS = 2**28  # of a matrix


def check_weights(rows: int, columns: int) -> None:
    """Refuse a matrix that would take minutes to draw, or all memory, before it is drawn."""
    if rows * columns > _MOST_WEIGHTS:
        raise ValueError(
            f"A layer of {rows:,} × {columns:,} has {rows * columns:,} weights, at most "
            f"{_MOST_WEIGHTS:,} can be trained. Use a smaller hidden_size, or fewer values."
        )


def on_device(values: np.ndarray) -> Array:
    """Numbers as weights of single precision; `jnp.asarray` compiles a program for each shape."""
    return jax.device_put(values.astype(np.float32))


def zeros(shape: tuple[int, ...], like: Array) -> Array:
    """Zeros of the type of an array; `jnp.zeros` outside a program compiles one for each shape."""
    if isinstance(like, Tracer):
        return jnp.zeros(shape, like.dtype)
    return jax.device_put(np.zeros(shape, like.dtype))


def glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """Uniform in ±√(6 / (fan_in + fan_out)). Source: Glorot and Bengio (2010)."""
    check_weights(fan_in, fan_out)
    limit = np.sqrt(6 / (fan_in + fan_out))
    return on_device(rng.uniform(-limit, limit, (fan_in, fan_out)))


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """Uniform among matrices whose rows (or columns, if fewer) are orthonormal.

    Source: Saxe et al. (2014).
    """
    check_weights(rows, columns)
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    basis, triangle = np.linalg.qr(tall)
    basis *= np.sign(np.diag(triangle))  # without this the draw is not uniform
    return on_device(basis if rows >= columns else basis.T)


class Linear(eqx.Module):
    """A dense layer with Keras's defaults: Glorot uniform weight, zero bias."""

    weight: Float[Array, "feature output"]
    bias: Float[Array, " output"]

    def __init__(self, features: int, outputs: int, rng: np.random.Generator):
        self.weight = glorot_uniform(rng, features, outputs)
        self.bias = on_device(np.zeros(outputs))

    def __call__(self, inputs: Inputs) -> Float[Array, "*axes output"]:
        return shift(project(self.weight, inputs), self.bias)


def shift(
    array: Float[Array, "*batch feature"], bias: Float[Array, " feature"]
) -> Float[Array, "*batch feature"]:
    """Add a bias along the last axis."""
    return array + bias.reshape((1,) * (array.ndim - 1) + bias.shape)


def scale(
    array: Float[Array, "*batch feature"], by: Float[Array, " feature"]
) -> Float[Array, "*batch feature"]:
    """Multiply along the last axis."""
    return array * by.reshape((1,) * (array.ndim - 1) + by.shape)


def time_axis(inputs: Inputs) -> int:
    """The time axis, counted from the end: integers have no feature axis."""
    return -1 if jnp.issubdtype(inputs.dtype, jnp.integer) else -2


def project(weight: Float[Array, "feature output"], inputs: Inputs) -> Float[Array, "*axes output"]:
    """Inputs times a weight; for integers, which stand for one-hot vectors, its rows."""
    return weight[inputs] if time_axis(inputs) == -1 else inputs @ weight
