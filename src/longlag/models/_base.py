"""What every model is: (inputs, mask, state) -> (outputs, state), an Equinox module."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from longlag.knobs import Knobs

Inputs = Int[Array, "*batch time"] | Float[Array, "*batch time feature"]
Mask = Bool[Array, "*batch time"] | None
Told = Int[Array, "*batch target"] | Float[Array, "*batch target output"]
State = Any


class Sizes(NamedTuple):
    """What a problem, a framing and an encoding ask of a model.

    Attributes:
        features: Length of the vector that a step shows. Integer inputs stand for one-hot
            vectors of this length.
        outputs: Length of the vector that an output should be.
        timesteps: Steps in a sample.
        values: Number of different integers that a step may show; None for reals.
    """

    features: int
    outputs: int
    timesteps: int
    values: int | None = None


class Buffers(eqx.Module):
    """Arrays of a model that training changes without a gradient: statistics, random states."""

    arrays: Any


class TrainOutput(NamedTuple):
    """What running a model in training gives.

    Attributes:
        outputs: As of the model itself.
        state: The state it ends in.
        buffers: What its `Buffers` are afterwards; None where it has none.
        penalty: Added to the loss.
    """

    outputs: Array
    state: State
    buffers: Buffers | None = None
    penalty: Array | float = 0.0


class Model(eqx.Module):
    """Base of all models. Any leading batch axes, or none; every row stands alone."""

    @abc.abstractmethod
    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        """The zero state for the given batch axes; an empty tuple where there is none."""

    @abc.abstractmethod
    def __call__(
        self, inputs: Inputs, mask: Mask, state: State, *, last: bool = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        """Run over the time axis.

        Args:
            inputs: Features, or integers that stand for one-hot vectors.
            mask: False where a step is to be passed over: the state stays as it was. None
                where every step counts.
            state: What the rows start from.
            last: Give one output for the whole sample, on a time axis of length 1: that of
                the last step (of each direction, where there are two).

        Returns:
            The outputs (axis `said` is `time`, or 1 with `last`) and the state they end in.
        """

    def apply_train(
        self, inputs: Inputs, mask: Mask, state: State, *, last: bool = False
    ) -> TrainOutput:
        """Run as it runs in training, where that differs: dropout, batch statistics."""
        return TrainOutput(*self(inputs, mask, state, last=last))


class Decoder(eqx.Module):
    """Base of the models that read a sample and then give an answer value by value."""

    @abc.abstractmethod
    def decode_teacher_forced(
        self, inputs: Inputs, mask: Mask, told: Told
    ) -> Float[Array, "*batch target output"]:
        """Answer, told before each value which one was right before it (teacher forcing).

        Args:
            inputs: As of any model, `(*batch, time)` or `(*batch, time, feature)`.
            mask: False where a step is to be passed over, or None.
            told: The right answer, integers `(*batch, said)` or `(*batch, said, output)`.
        """

    @abc.abstractmethod
    def decode_free_running(
        self, inputs: Inputs, mask: Mask, say: Callable[[Array], Array], count: int
    ) -> Float[Array, "*batch target output"]:
        """Answer with `count` values, each going on from what `say` made of the last output."""


class ExternalModel(abc.ABC):
    """Base of the models of another framework, which have a loop of their own."""

    @property
    @abc.abstractmethod
    def parameters(self) -> int:
        """Number of trained weights."""

    @property
    @abc.abstractmethod
    def takes_state(self) -> bool:
        """Whether it carries state."""

    @property
    @abc.abstractmethod
    def device(self) -> Any:
        """Where it runs."""

    @abc.abstractmethod
    def trainer(self, recipe: Any, loss: Any, output: str) -> Callable[[Any, int], np.ndarray]:
        """What makes the first so many updates of a chunk (`longlag.training.Batches`).

        It gives a row for each update: the loss, and how many targets were right and scored.
        """

    @abc.abstractmethod
    def predict(self, batches: Any, loss: Any, output: str) -> tuple[np.ndarray, np.ndarray]:
        """The loss of each output and the value that it says (`longlag.training.program`)."""

    @abc.abstractmethod
    def outputs(self, batches: Any, output: str, *, again: bool = False) -> np.ndarray:
        """What it gives, `(update, row, said, output)`, not in training.

        `again`, from another random state, which should make no difference.
        """

    @abc.abstractmethod
    def perturbed(self, seed: int) -> ExternalModel:
        """A copy whose weights have some noise added."""

    @abc.abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """All that is to be kept of it, by name."""

    @abc.abstractmethod
    def put(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""


AnyModel = Model | Decoder | ExternalModel


class ModelFactory(Knobs):
    """Base of the model descriptions: knobs, and a model once the sizes are known."""

    decodes: ClassVar[bool] = False
    """Whether it makes a Decoder, for framings with an encoder and a decoder."""

    causal: ClassVar[bool] = True
    """Whether no output depends on a later step of its sample."""

    @abc.abstractmethod
    def __call__(self, sizes: Sizes, seed: int) -> AnyModel:
        """A freshly initialised model; the same one for the same seed."""

    @property
    def window(self) -> int | None:
        """The latest steps that reach an output, those before a cut as well; None for all."""
        return None

    @property
    def remembers(self) -> bool:
        """Whether anything passes through carried state."""
        return True

    @property
    def any_length(self) -> bool:
        """Whether a model trained on samples of one length runs on those of any other.

        False where what is trained is made for `Sizes.timesteps`: a table of positions, a
        flattened sample.
        """
        return True


# Weights are drawn with NumPy: with JAX each new shape costs up to a second of compilation.

_MOST_WEIGHTS = 2**28  # of a matrix


def _check_weights(rows: int, columns: int) -> None:
    """Refuse a matrix that would take minutes to draw, or all memory, before it is drawn."""
    if rows * columns > _MOST_WEIGHTS:
        raise ValueError(
            f"A layer of {rows:,} × {columns:,} has {rows * columns:,} weights, at most "
            f"{_MOST_WEIGHTS:,} can be trained. Use a smaller hidden_size, or fewer values."
        )


def glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """Uniform in ±√(6 / (fan_in + fan_out)). Source: Glorot and Bengio (2010)."""
    _check_weights(fan_in, fan_out)
    limit = np.sqrt(6 / (fan_in + fan_out))
    return jnp.asarray(rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32))


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """Uniform among matrices whose rows (or columns, if fewer) are orthonormal.

    Source: Saxe et al. (2014).
    """
    _check_weights(rows, columns)
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    basis, triangle = np.linalg.qr(tall)
    basis *= np.sign(np.diag(triangle))  # without this the draw is not uniform
    return jnp.asarray((basis if rows >= columns else basis.T).astype(np.float32))


class Linear(eqx.Module):
    """A dense layer with Keras's defaults: Glorot uniform weight, zero bias."""

    weight: Float[Array, "feature output"]
    bias: Float[Array, " output"]

    def __init__(self, features: int, outputs: int, rng: np.random.Generator):
        self.weight = glorot_uniform(rng, features, outputs)
        self.bias = jnp.zeros(outputs, jnp.float32)

    def __call__(self, inputs: Inputs) -> Float[Array, "*axes output"]:
        return shift(project(self.weight, inputs), self.bias)


def shift(
    array: Float[Array, "*batch feature"], bias: Float[Array, " feature"]
) -> Float[Array, "*batch feature"]:
    """Add a bias along the last axis."""
    return array + bias.reshape((1,) * (array.ndim - 1) + bias.shape)


def time_axis(inputs: Inputs) -> int:
    """Which axis is time, from the end: integers stand for one-hot vectors, without an axis."""
    return -1 if jnp.issubdtype(inputs.dtype, jnp.integer) else -2


def project(weight: Float[Array, "feature output"], inputs: Inputs) -> Float[Array, "*axes output"]:
    """Inputs times a weight; for integers, which stand for one-hot vectors, its rows."""
    return weight[inputs] if time_axis(inputs) == -1 else inputs @ weight


class OneHotInput(Model):
    """A model whose integer inputs may be -1: made one-hot first, -1 to a vector of -1."""

    model: Model
    features: int = eqx.field(static=True)

    def initial_state(self, batch: tuple[int, ...] = ()) -> State:
        return self.model.initial_state(batch)

    def __call__(
        self, inputs: Int[Array, "*batch time"], mask: Mask, state: State, *, last: bool = False
    ) -> tuple[Float[Array, "*batch target output"], State]:
        return self.model(self._encoded(inputs), mask, state, last=last)

    def apply_train(
        self, inputs: Inputs, mask: Mask, state: State, *, last: bool = False
    ) -> TrainOutput:
        return self.model.apply_train(self._encoded(inputs), mask, state, last=last)

    def _encoded(self, inputs: Array) -> Array:
        return jnp.where(
            inputs[..., None] < 0, -1.0, jax.nn.one_hot(inputs, self.features, dtype=jnp.float32)
        )
