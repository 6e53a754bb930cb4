"""Runs of a model on batches of a setting, for its checks."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np

from longlag.adapters.models import functional, user_model
from longlag.adapters.models.elsewhere import layer_elsewhere
from longlag.adapters.models.made_in_call import layer_made_in
from longlag.adapters.models.user_model import UserModel
from longlag.answers.format import counted
from longlag.arrays import last_of
from longlag.checks.arrays import (
    first_changed,
    gradients_of,
    on_device,
    outputs_of,
    runner,
    training_of,
    with_noise,
)
from longlag.checks.check import CheckFailed
from longlag.framings import Samples
from longlag.models import AnyModel, ExternalModel
from longlag.problems.drawing import draw
from longlag.training import Batches, Loss, Recipe, program
from longlag.trials.setting import Setting

NOISE = 1e-5
"""Largest difference of equal outputs, as a share of the largest output."""

_OTHER_ORDER = 1e-3
"""Largest difference of outputs that another number of rows may round differently, as a share."""

_SLIGHT = 1e-4  # standard deviation of noise that moves outputs more than rounding does

_ALONG_TIME = (
    "Work along time and features only (PyTorch: batch_first=True); swap axes by transpose, not by "
    "view or reshape"
)

_DRAWS = 8  # of other weights, to look for a gradient


def error_text(error: BaseException) -> str:
    """What an exception of a model says, without a full stop."""
    return user_model.failure_text(error).rstrip(".")


def first_rows(batches: Batches, count: int) -> Batches:
    """The first rows of batches; state is carried within a row."""
    return batches._replace(
        inputs=batches.inputs[:, :count],
        targets=batches.targets[:, :count],
        mask=None if batches.mask is None else batches.mask[:, :count],
    )


class Runs:
    """A model, batches of its setting, and its outputs with changed inputs.

    Attributes:
        model: The model as it was made.
        subject: The model that runs: the same, or with noise added to its weights.
        batches: The batches.
        base: The outputs of `subject` on `batches`.
        warnings: What may be meant, but is worth reading.
    """

    model: Any
    subject: Any
    batches: Batches
    base: np.ndarray

    def __init__(self, setting: Setting):
        self.setting = setting
        self.layout = setting.layout
        self.runner = runner(setting.layout.output)
        self.rng = np.random.default_rng(0)
        self.module: Any = None
        self.parameters: int | None = None
        self.state: int | None = None
        self.warnings: list[str] = []
        loss = setting.loss
        self.classifies = isinstance(loss, Loss) and loss.name == "cross-entropy"

    @property
    def fixed_rows(self) -> int | None:
        program = getattr(self.model, "program", None)
        return None if program is None else program.rows

    def batches_of(self, rows: int) -> Batches:
        """Batches of so many rows, from blocks side by side; two updates where state is carried."""
        setting, layout = self.setting, self.layout
        updates, batch, _ = layout.steps.shape
        blocks = -(-rows // batch)
        episodes = draw(setting.problem, self.rng, blocks * layout.sequences)

        def side_by_side(array: np.ndarray) -> np.ndarray:
            shaped = array.reshape(blocks, updates, batch, *array.shape[1:]).swapaxes(0, 1)
            joined = shaped.reshape(updates, blocks * batch, *array.shape[1:])
            return joined[: 2 if layout.carry else 1, :rows]

        samples = Samples(*map(side_by_side, layout.gather(episodes)))
        reset = np.arange(len(samples.inputs)) == 0 if layout.carry else None
        return setting.arrays(samples, reset)

    def changed(self, where: np.ndarray) -> Batches:
        """The batches with other inputs where `where` is true; it broadcasts to the inputs."""
        inputs = self.batches.inputs
        if np.issubdtype(inputs.dtype, np.integer):
            values = self.setting.input_encoding.features
            other = (inputs + 1 + self.rng.integers(values - 1, size=inputs.shape)) % values
            return self.batches._replace(inputs=np.where(where, other, inputs).astype(np.int32))
        other = inputs + self.rng.standard_normal(inputs.shape, np.float32)
        return self.batches._replace(inputs=np.where(where[..., None], other, inputs))

    def place_counts(self) -> bool:
        """Whether rows that all move on by one place have other outputs."""
        inputs, mask = self.batches.inputs, self.batches.mask
        rolled = self.batches._replace(
            inputs=np.roll(inputs, 1, axis=1),
            mask=None if mask is None else np.roll(mask, 1, axis=1),
        )
        before, after = self.run(self.batches), np.roll(self.run(rolled), -1, axis=1)
        return bool(np.abs(after - before).max() > NOISE * np.abs(before).max())

    def moved(self, changed: Batches, base: np.ndarray | None = None) -> np.ndarray:
        """Whether the outputs `(update, row, output step)` differ with these inputs.

        With a `base`, outputs in training are compared with that.
        """
        outputs = self.run(changed, training=base is not None)

        def apart(base: np.ndarray) -> np.ndarray:
            return np.abs(outputs - base).max(axis=-1) > NOISE * np.abs(base).max()

        moved = apart(self.base if base is None else base)
        if base is None and moved.any() and isinstance(self.subject, ExternalModel):
            return apart(self.run(self.batches))  # calls in training may change what they store
        return moved

    def run(
        self,
        batches: Batches,
        model: AnyModel | None = None,
        *,
        again: bool = False,
        training: bool = False,
    ) -> np.ndarray:
        """The outputs `(update, row, output step, output)`."""
        model = self.subject if model is None else model
        if isinstance(model, ExternalModel):
            return model.outputs(batches, self.layout.output, again=again, training=training)
        # Again means traced again: Python code in a model may do something else by then.
        run = runner(self.layout.output) if again else self.runner
        return outputs_of(run, model, batches)

    def called(self, batches: Batches | None = None) -> AnyModel:
        """The model as a call, by default with other inputs, leaves it: it may store state."""
        model = self.model
        if not isinstance(model, functional.AdoptedModel):
            return model  # one of PyTorch is changed itself
        inputs, _, mask = (batches or self.changed(np.ones(1, bool)))[:3]
        mask = None if mask is None else mask[0]
        state = program.initial_state(model, inputs.shape[1:2])
        last = last_of(self.layout.output)
        return model.called(on_device(inputs[0]), on_device(mask), state, last)

    def layer_made_in_call(self) -> str:
        """The type of a layer with weights that a call makes; empty if it makes none."""
        if getattr(self.setting.model, "compiled", False):
            return ""  # torch.compile makes weights of its own
        if isinstance(self.model, ExternalModel):  # a first call may make it, and store it
            first = self.setting.create(0)
            return layer_made_in(lambda: self.run(self.batches, first))
        return layer_made_in(lambda: eqx.filter_eval_shape(lambda: self.called(self.batches)))

    def layer_elsewhere(self) -> str:
        """The type of a layer with weights that a call uses and the model has not; or empty."""
        if not isinstance(self.model, functional.AdoptedModel):
            return ""
        inputs, _, mask = self.batches[:3]
        given = on_device(inputs[0]), None if mask is None else on_device(mask[0])
        state = program.initial_state(self.model, inputs.shape[1:2])
        last = last_of(self.layout.output)
        traced = lambda model: model.called(*given, state, last)  # noqa: E731
        return layer_elsewhere(lambda: eqx.filter_eval_shape(traced, self.model))

    def stored_in(self) -> str:
        """The name of an array of the model that a call changes; empty if none is known."""
        if isinstance(self.model, ExternalModel):
            others = self.changed(np.ones(1, bool))  # the same again may change nothing
            return self.model.changed_by_call(others, self.layout.output)
        return first_changed(self.model, self.called())

    def reads_whole_numbers(self) -> bool:
        """Whether real inputs count, but only by their whole part."""
        inputs = self.batches.inputs
        if inputs.dtype.kind != "f" or not (inputs % 1).any():
            return False
        if self.moved(self.batches._replace(inputs=np.trunc(inputs))).any():
            return False
        with contextlib.suppress(Exception):  # of an embedding: changed inputs are out of range
            return bool(self.moved(self.changed(np.ones(1, bool))).any())
        return True

    def require_rows_apart(
        self, rows: np.ndarray, changed: Batches, base: np.ndarray | None = None
    ) -> None:
        """Where only some rows have the changed inputs, the outputs of the others must stay.

        Args:
            rows: Which, `(row,)`.
            changed: Batches with changed inputs.
            base: Outputs in training, to compare in training.

        Raises:
            CheckFailed: A row influences another.
        """
        before = self.batches.inputs
        where = rows.reshape(-1, *(1,) * (before.ndim - 2))
        some = changed._replace(inputs=np.where(where, changed.inputs, before))
        moved = self.moved(some, base).any(axis=(0, 2)) & ~rows
        if moved.any():
            which = f"row {rows.argmax()}" if rows.sum() == 1 else "other rows"
            in_training = "" if base is None else ", in training,"
            own = "" if base is None else "Take statistics of a batch by BatchNorm. "
            raise CheckFailed(
                f"the outputs of row {moved.argmax()}{in_training} depend on the inputs of {which}",
                f"{own}{_ALONG_TIME}.",
            )

    def require_same(self, batches: Batches, others: np.ndarray) -> None:
        """Require the outputs of these batches in those of batches with fewer or more rows.

        What rounding alone moves so far, as a chaotic recurrence, passes.

        Raises:
            CheckFailed: The number of rows changes the outputs of a row.
        """
        base = self.run(batches)
        rows = [each.shape[1] for each in (base, others)]
        first, other = (each[:, : min(rows)] for each in (base, others))
        apart = np.abs(other - first).max()
        if apart <= _OTHER_ORDER * np.abs(first).max():
            return
        slight = self.run(batches, with_noise(self.subject, scale=_SLIGHT))
        if apart > np.abs(slight - base).max():
            raise CheckFailed(
                f"a row has other outputs in a batch of {rows[1]} than in one of {rows[0]}",
                f"{_ALONG_TIME}; scale nothing by the number of rows.",
            )

    def train_once(self) -> np.ndarray:
        """Losses or outputs of one update; and which weights and input steps get a gradient."""
        batches, output, maker = self.batches, self.layout.output, self.setting.model
        self.steps_reached: np.ndarray | None = None
        if isinstance(self.model, ExternalModel):
            twin: Any = self.setting.create(0)
            train = twin.trainer(Recipe(learning_rate=1e-30), self.setting.loss, output)
            losses = train(batches, 1)[:, 0]
            found = self.subject.gradients(batches, output)
            if not all(reached for reached, _ in found.values()):  # a closure of a copy keeps
                own = self.model.gradients(batches, output)  # to layers of the model itself
                found = {name: (one or own[name][0], of) for name, (one, of) in found.items()}
            self.gradients_found = found
            with contextlib.suppress(Exception):  # what has no gradient of its inputs can be right
                self.steps_reached = self.subject.steps_reached(batches, output)
            return losses
        # Only a user's model can lose a gradient, and values get none.
        by_step = isinstance(maker, UserModel) and maker.inputs == "features"
        features = self.setting.sizes.features if by_step else None
        self._training = training_of(batches, output, features)
        losses = self._training(self.model)[0]
        _, grads, self.steps_reached = self._training(self.subject)
        self.gradients_found = gradients_of(self.subject, grads)
        return losses

    def trains_alone(self) -> str:
        """Evidence that no batch influences the next in training.

        Raises:
            CheckFailed: One does, or the model does not train as it seems to.
        """
        if isinstance(self.subject, ExternalModel):
            if count := self.model.weights_elsewhere(self.batches, self.layout.output):
                raise CheckFailed(
                    f"it uses {counted(count, 'weight')} that its parameters do not include, as of "
                    "a layer that is a global or in a closure: nothing trains them",
                    "Make each layer in __init__, as an attribute of the module.",
                )
            others = self.changed(np.ones(1, bool))
            found, remedy = self.subject.fault_in_training(self.batches, others, self.layout.output)
            if found:
                raise CheckFailed(found, remedy)
            base = self.run(self.batches, training=True)
            rows = np.arange(self.batches.inputs.shape[1])
            if np.array_equal(base, self.run(self.batches, training=True)):
                for row in rows[[0, -1]]:
                    self.require_rows_apart(rows == row, others, base)
        return "runs"

    def reached_with_others(self, names: Sequence[str]) -> set[str]:
        """Those of these weights that get a gradient with other, larger weights in the model.

        So does an expert that is then chosen.
        """
        reached: set[str] = set()
        for seed in range(_DRAWS):
            other = with_noise(self.subject, scale=1.0, seed=seed)
            if isinstance(other, ExternalModel):
                found = other.gradients(self.batches, self.layout.output)
            else:
                found = gradients_of(other, self._training(other)[1])
            reached |= {name for name in names if found[name][0]}
            if len(reached) == len(names):
                break
        return reached

    def that_count(self, names: Sequence[str]) -> list[str]:
        """Those of the weights of these names that change an output."""

        def count(some: Sequence[str]) -> bool:
            outputs = self.run(self.batches, with_noise(self.subject, only=some))
            return bool(np.abs(outputs - self.base).max() > NOISE * np.abs(self.base).max())

        with contextlib.suppress(Exception):  # of a value that a model does not take
            return [name for name in names if count([name])] if names and count(names) else []
        return []

    def last_steps_reached(self) -> int | None:
        """How many of the last steps get a gradient, where earlier ones move the last output too.

        None if all do that move it, as far as known. A model without any gradient to its inputs,
        as after rounding them, may still be right.
        """
        steps = self.steps_reached
        if steps is None or steps.all() or not steps[-1]:
            return None
        count = len(steps) - int(steps.argmax())
        earlier = np.arange(len(steps)) < len(steps) - count
        if not steps[~earlier].all() or not earlier.any():
            return None
        return count if self.moved(self.changed(earlier))[0, :, -1].any() else None

    def zeros_are_none(self) -> bool:
        adopted = getattr(self.model, "program", None)
        if adopted is None:  # PyTorch models take None themselves
            return True
        rows = adopted.rows or 2
        inputs = on_device(
            self.rng.standard_normal(adopted.example(rows).shape, np.float32)
            if self.setting.sizes.values is None
            else self.batches.inputs[0][:rows]
        )
        mask = on_device(np.ones(inputs.shape[:2], bool) if adopted.takes_mask else None)
        outputs = [
            self.runner(self.model, inputs, mask, state)[0]
            for state in (None, program.initial_state(self.model, (rows,)))
        ]
        return bool(np.allclose(*outputs, atol=1e-5))
