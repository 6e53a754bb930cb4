"""What a model does, found out by running it untrained."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from longlag.adapters.models import user_model
from longlag.adapters.models.user_model import UserModel
from longlag.arrays import scored
from longlag.checks.arrays import (
    device_of,
    digest_of,
    non_finite,
    outputs_of,
    sums_to_one,
    takes_state,
    training_outputs_of,
    with_noise,
)
from longlag.checks.check import Check
from longlag.framings import Samples
from longlag.models import AnyModel, ExternalModel, Model
from longlag.training import Batches, Loss, Recipe, program
from longlag.trials.setting import Setting

_SEARCHED = 64  # steps of the future that are looked at one by one, once some of it is seen

_NOISE = 1e-5  # share of the largest output by which it may move and count as unmoved


@dataclasses.dataclass(frozen=True)
class Preflight:
    """What a model was found to do.

    Attributes:
        model: The model, in words.
        checks: All that was looked at; the last one failed where any did that ends the rest.
        parameters: Number of trained weights; None where the model could not be made.
        state: Numbers that a row carries from step to step, as far as can be seen from outside.
    """

    model: str
    checks: tuple[Check, ...]
    parameters: int | None
    state: int | None

    @property
    def passed(self) -> bool:
        """Whether all is as it must be."""
        return all(check.passed for check in self.checks)

    def require_valid(self) -> None:
        """Refuse a model that did not pass.

        Raises:
            ValueError: It did not; the first failure, and what to do.
        """
        for check in self.checks:
            if not check.passed:
                remedy = f" {check.remedy}" if check.remedy else ""
                raise ValueError(f"{self.model}: {check.found}.{remedy}")


def inspect_model(setting: Setting) -> Preflight:
    """Look at the model of a setting."""
    return _Inspection(setting).all()


class _Fault(Exception):  # noqa: N818 - what was found, not a fault
    def __init__(self, check: Check):
        self.check = check


class _Inspection:
    @property
    def _is_choice(self) -> bool:
        """Whether outputs choose one of several values."""
        loss = self.setting.loss
        return isinstance(loss, Loss) and loss.name == "cross-entropy"

    def __init__(self, setting: Setting):
        self.setting = setting
        self.layout = setting.layout
        self.rng = np.random.default_rng(0)
        self.every = self.layout.output == "every"
        self.module: Any = None

    def all(self) -> Preflight:
        checks: list[Check] = []
        parameters = state = None
        try:
            checks.append(self.made())
            parameters = program.parameters(self.model)
            checks.append(self.weights(parameters))
            checks.append(self.outputs())
            state = self._state_size()
            self._shake()
            rest = [self.causal, self.rows, self.other_rows, self.mask, self.state]
            checks.extend(map(self._tried, [*rest, self.training, self.seeds, self.untouched]))
        except _Fault as failed:
            checks.append(failed.check)
        return Preflight(self.setting.model.words, tuple(checks), parameters, state)

    def _tried(self, inspect_model: Callable[[], Check]) -> Check:
        try:
            return inspect_model()
        except _Fault:
            raise
        except (Exception, SystemExit) as error:
            name = inspect_model.__name__.replace("_", " ")
            found = f"it {user_model.described_failure(error)}".rstrip(".")
            raise _Fault(Check(name, False, found)) from error

    def _shake(self) -> None:
        """From here on with noise in its weights: what begins from 0 would hide what it does."""
        shaken = with_noise(self.model)
        try:
            usual = self._say(self.batches, shaken)
        except (Exception, SystemExit):
            return
        if not np.isfinite(usual).all():
            return
        self.looked, self.usual = shaken, usual
        if not self._moved(self._changed(np.ones(1, bool))).any():
            found = "no output depends on any input"
            remedy = "Look for an input that is not used, or an activation that is all zeros."
            raise _Fault(Check("inputs", False, found, remedy))

    def made(self) -> Check:
        setting, name = self.setting, "made"
        try:
            if isinstance(setting.model, UserModel):
                self.module = setting.model.make(setting.sizes, 0)
                self.before = digest_of(self.module)
            self.model = self.looked = setting.create(0)
        except ValueError as error:
            said = str(error).removeprefix(f"{setting.model.words}: ")
            raise _Fault(Check(name, False, said.rstrip("."))) from error
        kind = type(getattr(self.model, "module", self.model)).__name__
        return Check(name, True, f"a {kind} on {device_of(self.model)}")

    def weights(self, parameters: int) -> Check:
        if not parameters:
            remedy = "Give it parameters of the framework's own kind."
            raise _Fault(Check("weights", False, "there is nothing to train in it", remedy))
        return Check("weights", True, f"{parameters:,} trained weights")

    def outputs(self) -> Check:
        name = "outputs"
        rows = self.layout.steps.shape[1]
        self.batches = self._drawn(rows if self._fixed_rows is not None else max(2, rows))
        try:
            self.usual = self._say(self.batches)
            again = self._say(self.batches, again=True)
        except (Exception, SystemExit) as error:
            said = (
                str(error)
                if isinstance(error, ValueError)
                else f"it {user_model.described_failure(error)}"
            )
            shape = self.batches.inputs.shape[1:]
            where = "" if isinstance(error, ValueError) else f", shown inputs {shape}"
            raise _Fault(Check(name, False, said.rstrip(".") + where)) from error
        wrong = np.argwhere(~np.isfinite(self.usual))
        if len(wrong):
            row, said, place = wrong[0, -3:]
            found = f"output {place} at step {said} of row {row} is {self.usual[tuple(wrong[0])]}"
            remedy = "Look for a division by zero, a log of zero, or a mask that leaves nothing."
            raise _Fault(Check(name, False, found, f"{remedy}{non_finite(self.module)}"))
        if not np.allclose(self.usual, again, atol=_NOISE * np.abs(self.usual).max(), rtol=0):
            found = "two different outputs for the same inputs, outside training"
            remedy = "Use dropout and noise only in training. Take the state as an argument and "
            remedy += "return it; do not store it on the model."
            raise _Fault(Check(name, False, found, remedy))
        shape = self.usual.shape[1:]
        said = getattr(getattr(self.model, "program", self.model), "outputs", "")
        if said != "probabilities":
            said = getattr(self.setting.model, "outputs", "")
        choices = self._is_choice and self.usual.shape[-1] > 1
        if choices and said == "probabilities" and not sums_to_one(np.exp(self.usual)):
            found = "its outputs are said to be probabilities, but they do not sum to 1"
            raise _Fault(Check(name, False, found, "Leave outputs='probabilities' out."))
        if self._is_choice and sums_to_one(self.usual):
            found = "the outputs of every step are probabilities, not logits"
            remedy = "Leave the softmax out, or use adopt(…, outputs='probabilities')."
            raise _Fault(Check(name, False, found, remedy))
        return Check(name, True, f"{self.usual.dtype} {shape}, all of them numbers")

    def causal(self) -> Check:
        name, time = "causal", self.layout.steps.shape[-1]
        if not self.setting.model.causal:
            return Check(name, True, "said not to be; the audit says what it sees ahead")
        if not self.every or time == 1:
            return Check(name, True, "one output per sample, after its last step")
        for cut in sorted({1, time // 2, time - 1} - {0}):
            moved = self._moved(self._changed(np.arange(time) >= cut))[0]
            if len(seen := np.flatnonzero(moved[:, :cut].any(axis=0))):
                raise _Fault(self._leak(int(seen[0]), time))
        return Check(name, True, f"no output of {time} steps moves when later inputs do")

    def _leak(self, step: int, time: int) -> Check:
        later = range(step + 1, min(time, step + 1 + _SEARCHED))
        sees = [
            each
            for each in later
            if self._moved(self._changed(np.arange(time) == each))[0, :, step].any()
        ]
        where = f"the input at step {sees[0]}" if sees else "later inputs"
        return Check(
            "causal",
            False,
            f"the output at step {step} depends on {where}, which comes after it",
            "Mask what comes later, or use adopt(…, causal=False) and read what the audit says.",
        )

    def rows(self) -> Check:
        rows = self.batches.inputs.shape[1]
        if rows < 2:
            return Check("rows", True, "there is but one")
        only = np.zeros(rows, bool)
        only[0] = True
        moved = self._moved(self._changed(only[:, None]))[:, 1:]
        if moved.any():
            row = int(np.flatnonzero(moved.any(axis=(0, 2)))[0]) + 1
            found = f"the outputs of row {row} depend on the inputs of row 0"
            remedy = "Work along time and features only (PyTorch: batch_first=True)."
            raise _Fault(Check("rows", False, found, remedy))
        return Check("rows", True, "no row of a batch influences another")

    def other_rows(self) -> Check:
        usual, fixed = self.batches.inputs.shape[1], self._fixed_rows
        for rows in (2 * usual,) if fixed is not None else (1, 2 * usual + 1):
            try:
                self._say(self._drawn(rows))
            except (Exception, SystemExit) as error:
                failure = user_model.described_failure(error).rstrip(".")
                found = f"with {rows} rows rather than {usual} it {failure}"
                remedy = "Leave the number of rows open."
                raise _Fault(Check("number of rows", False, found, remedy)) from error
        return Check("number of rows", True, "any" if fixed is None else f"{fixed} at a time")

    def mask(self) -> Check:
        masks = self.batches.mask
        if masks is None:
            return Check("mask", True, "this framing passes over no step")
        moved = self._moved(self._changed(~masks)) & scored(self.batches.targets)
        if moved.any():
            _, row, said = np.argwhere(moved)[0]
            found = f"the output at step {said} of row {row} depends on steps that are masked"
            remedy = (
                "Give the model a parameter `mask` (row, time), true where a step counts, and pass "
                "over the others; or use a framing that leaves such rows out."
            )
            raise _Fault(Check("mask", False, found, remedy))
        return Check("mask", True, "steps that are masked move no output that counts")

    def state(self) -> Check:
        name, takes = "state", takes_state(self.model)
        if takes and not self._zeros_are_none():
            found = "without a state it does not start from zeros"
            raise _Fault(Check(name, False, found, "Let None stand for a state of zeros."))
        if not self.layout.carry:
            return Check(name, True, "this framing carries none")
        remedy = (
            "Give the model a parameter `state`, None at first, and return (outputs, state); in "
            "Keras use stateful=True. Or use a framing without carry."
        )
        if len(self.batches.inputs) < 2:
            return Check(name, True, "a sequence is one batch: there is nothing to carry")
        if takes:
            first = np.arange(len(self.batches.inputs)) == 0
            moved = self._moved(self._changed(first[:, None, None]))[1:]
            if moved.any():
                return Check(name, True, f"carried: {self._state_size()} numbers a row")
        found = "no state reaches the next batch, but the framing carries it"
        raise _Fault(Check(name, False, found, remedy))

    def training(self) -> Check:
        """It must also run as it does in training; there rows may meet (batch statistics)."""
        try:
            if isinstance(self.model, ExternalModel):
                recipe = Recipe(learning_rate=1e-30)
                twin: Any = self.setting.create(0)
                trained = twin.trainer(recipe, self.setting.loss, self.layout.output)
                losses = trained(self.batches, 1)[:, 0]
            else:
                losses = training_outputs_of(self.model, self.batches, self.layout.output)
        except (Exception, SystemExit) as error:
            found = f"in training it {user_model.described_failure(error)}".rstrip(".")
            raise _Fault(Check("training", False, found)) from error
        if not np.isfinite(losses).all():
            raise _Fault(Check("training", False, "it returns a non-finite value in training"))
        return Check("training", True, "runs")

    def seeds(self) -> Check:
        if not isinstance(self.setting.model, UserModel):
            return Check("seeds", True, "each has weights of its own")
        another = self.setting.model.make(self.setting.sizes, 1)
        if another is self.module:
            found = "two seeds get the same module, so that one would train the other"
            raise _Fault(Check("seeds", False, found, "Make a new one each time."))
        other = digest_of(another)
        same = other == self.before and other != digest_of(None)
        found = "all begin from the same weights" if same else "each has weights of its own"
        return Check("seeds", True, found)

    def untouched(self) -> Check:
        if not isinstance(self.setting.model, UserModel) or self.before == digest_of(None):
            return Check("untouched", True, "the model is made as it is used")
        fresh = self.setting.model.make(self.setting.sizes, 0)
        same = digest_of(fresh) == self.before == digest_of(getattr(self.model, "module", fresh))
        if not same:
            found = "made again with the same seed it has other weights"
            remedy = "Draw them from `seed` alone."
            raise _Fault(Check("untouched", False, found, remedy))
        return Check("untouched", True, f"weights unchanged by the check ({self.before[:8]})")

    # What the model says.

    @property
    def _fixed_rows(self) -> int | None:
        program = getattr(self.model, "program", None)
        return None if program is None else program.rows

    def _drawn(self, rows: int) -> Batches:
        """Blocks side by side until there are so many rows; two updates where state is carried."""
        setting, layout = self.setting, self.layout
        updates, batch, _ = layout.steps.shape
        blocks = -(-rows // batch)
        episodes = setting.problem.draw(self.rng, blocks * layout.sequences)

        def side_by_side(array: np.ndarray) -> np.ndarray:
            shaped = array.reshape(blocks, updates, batch, *array.shape[1:]).swapaxes(0, 1)
            joined = shaped.reshape(updates, blocks * batch, *array.shape[1:])
            return joined[: 2 if layout.carry else 1, :rows]

        samples = Samples(*map(side_by_side, layout.gather(episodes)))
        reset = np.arange(len(samples.inputs)) == 0 if layout.carry else None
        return setting.arrays(samples, reset)

    def _changed(self, where: np.ndarray) -> Batches:
        """The batches with other inputs where it says, an array that broadcasts to them."""
        inputs = self.batches.inputs
        if np.issubdtype(inputs.dtype, np.integer):
            values = self.setting.input_encoding.features
            other = (inputs + 1 + self.rng.integers(values - 1, size=inputs.shape)) % values
            return self.batches._replace(inputs=np.where(where, other, inputs).astype(np.int32))
        other = inputs + self.rng.standard_normal(inputs.shape, np.float32)
        return self.batches._replace(inputs=np.where(where[..., None], other, inputs))

    def _moved(self, changed: Batches) -> np.ndarray:
        """Which outputs `(update, row, said)` move when the inputs are changed so."""
        apart = np.abs(self._say(changed) - self.usual).max(axis=-1)
        return apart > _NOISE * np.abs(self.usual).max()

    def _say(
        self, batches: Batches, model: AnyModel | None = None, *, again: bool = False
    ) -> np.ndarray:
        """Outputs `(update, row, said, output)`."""
        looked = self.looked if model is None else model
        if isinstance(looked, ExternalModel):
            return looked.outputs(batches, self.layout.output, again=again)
        return outputs_of(looked, batches, self.layout.output)

    def _state_size(self) -> int | None:
        rows = self.batches.inputs.shape[1]
        if isinstance(self.model, ExternalModel):
            return None
        if not isinstance(self.model, Model):
            return None
        state = self.model.initial_state((rows,))
        return sum(leaf.size for leaf in jax.tree.leaves(state)) // rows

    def _zeros_are_none(self) -> bool:
        program = getattr(self.model, "program", None)
        if program is None:  # PyTorch is given None itself
            return True
        model: Any = self.model
        rows = program.rows or 2
        inputs = jnp.asarray(
            self.rng.standard_normal(program.example(rows).shape, np.float32)
            if self.setting.sizes.values is None
            else self.batches.inputs[0][:rows]
        )
        mask = None if not program.takes_mask else jnp.ones(inputs.shape[:2], bool)
        given = [
            model(inputs, mask, state, last=not self.every)[0]
            for state in (None, model.initial_state((rows,)))
        ]
        return bool(np.allclose(*given, atol=1e-5))
