"""The checks of a model, by running it untrained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from longlag.adapters import user_code
from longlag.adapters.models import functional, user_model
from longlag.adapters.models.hints import PACKED, hint
from longlag.adapters.models.user_model import UserModel
from longlag.arrays import last_of, scored
from longlag.checks.arrays import (
    device_of,
    digest_of,
    mixed_types,
    non_finite,
    outputs_of,
    sums_to_one,
    takes_mask,
    takes_state,
    training_outputs_of,
    with_noise,
    wrong_axis,
)
from longlag.checks.check import Check, CheckFailed, Preflight
from longlag.framings import Prefix, Samples
from longlag.models import AnyModel, ExternalModel, Model
from longlag.problems.drawing import draw
from longlag.training import Batches, Loss, Recipe, program
from longlag.trials.setting import Setting

_LATER_STEPS = 64  # later steps to test one by one, once an output depends on any

_NOISE = 1e-5  # largest difference of equal outputs, as a share of the largest output


def inspect_model(setting: Setting) -> Preflight:
    """Run the checks of the model of a setting."""
    return _Inspection(setting).all()


class _Inspection:
    def __init__(self, setting: Setting):
        self.setting = setting
        self.layout = setting.layout
        self.rng = np.random.default_rng(0)
        self.module: Any = None
        self.parameters: int | None = None
        self.state: int | None = None
        loss = setting.loss
        self.classifies = isinstance(loss, Loss) and loss.name == "cross-entropy"

    def all(self) -> Preflight:
        """The checks in turn, up to the first that fails."""
        checks: list[Check] = []
        for name, check in _CHECKS.items():
            try:
                evidence = check(self)
            except CheckFailed as failure:
                checks.append(Check(name, False, str(failure), failure.remedy))
                break
            except (Exception, SystemExit) as error:
                checks.append(Check(name, False, f"it {_failure(error)}"))
                break
            if evidence:
                checks.append(Check(name, True, evidence))
        return Preflight(self.setting.model.words, tuple(checks), self.parameters, self.state)

    def make(self) -> str:
        setting = self.setting
        try:
            if isinstance(setting.model, UserModel):
                self.module = setting.model.make(setting.sizes, 0)
                self.before = digest_of(self.module)
            self.model = self.subject = setting.create(0)
        except ValueError as error:
            text = str(error).removeprefix(f"{setting.model.words}: ")
            raise CheckFailed(text.rstrip("."), "") from error
        kind = type(getattr(self.model, "module", self.model)).__name__
        return f"a {kind} on {device_of(self.model)}"

    def weights(self) -> str:
        self.parameters = program.parameters(self.model)
        if not self.parameters:
            raise CheckFailed(
                "it has no trainable parameters", "Give it parameters of the framework's own kind."
            )
        return f"{self.parameters:,} trained weights"

    def outputs(self) -> str:
        rows = self.layout.steps.shape[1]
        self.batches = self._batches(rows if self._fixed_rows is not None else max(2, rows))
        try:
            self.base = self._run(self.batches)
            again = self._run(self.batches, again=True)
        except (Exception, SystemExit) as error:
            if isinstance(error, ValueError) and not user_code.raised_at(error):
                raise CheckFailed(str(error).rstrip("."), "") from error  # an adapter's message
            features = getattr(self.setting.model, "inputs", "features") == "features"
            shape = self.batches.inputs.shape[1:]
            if features and self.batches.inputs.dtype.kind == "i":  # encoded later
                shape = *shape, self.setting.sizes.features
            kind = "floats" if features else "integers"
            failure = f"it {_failure(error)}, for inputs {shape}, {kind}"
            types = mixed_types(self.module) if "dtype" in str(error) else ""
            raise CheckFailed(
                failure, f"{hint(error, features=features)}{types}".strip()
            ) from error
        if len(wrong := np.argwhere(~np.isfinite(self.base))):
            row, step, output = wrong[0, -3:]
            raise CheckFailed(
                f"output {output} at step {step} of row {row} is {self.base[tuple(wrong[0])]}",
                "Look for a division by zero, a log of zero, or a mask without any true step."
                + non_finite(self.module),
            )
        if not np.allclose(self.base, again, atol=_NOISE * np.abs(self.base).max(), rtol=0):
            raise CheckFailed(
                "two different outputs for the same inputs, outside training",
                "Use dropout and noise only in training. Take the state as an argument and "
                "return it; do not store it on the model.",
            )
        self._check_probabilities()
        self.state = self._state_size()
        return f"{self.base.dtype} {self.base.shape[1:]}, all finite"

    def _check_probabilities(self) -> None:
        kind = getattr(getattr(self.model, "program", self.model), "outputs", "")
        if kind != "probabilities":
            kind = getattr(self.setting.model, "outputs", "")
        several = self.classifies and self.base.shape[-1] > 1
        if several and kind == "probabilities" and not sums_to_one(np.exp(self.base)):
            raise CheckFailed(
                "its outputs are declared as probabilities, but they do not sum to 1",
                "Leave outputs='probabilities' out.",
            )
        if self.classifies and (axis := wrong_axis(self.base)):
            raise CheckFailed(
                f"the outputs sum to 1 over {axis}: a softmax over the wrong axis",
                "Leave the softmax out; else let it run over the last axis.",
            )
        if self.classifies and sums_to_one(self.base):
            raise CheckFailed(
                "the outputs of every step are probabilities, not logits",
                "Leave the softmax out, or use adopt(…, outputs='probabilities').",
            )

    def inputs(self) -> str:
        """Add noise to the weights for this and later checks: zeros would hide dependence."""
        shaken = with_noise(self.model)
        try:
            outputs = self._run(self.batches, shaken)
        except (Exception, SystemExit):
            return ""
        if np.isfinite(outputs).all():
            self.subject, self.base = shaken, outputs
            if not self._moved(self._changed(np.ones(1, bool))).any():
                raise CheckFailed(
                    "no output depends on any input",
                    "Look for an input that is not used, or an activation that is all zeros.",
                )
        return ""

    def causal(self) -> str:
        time = self.layout.steps.shape[-1]
        if not self.setting.model.causal:
            return "declared not causal; the audit shows the later inputs that it sees"
        if self.layout.output != "every" or time == 1:
            return "one output per sample, after its last step"
        for start in sorted({1, time // 2, time - 1} - {0}):
            moved = self._moved(self._changed(np.arange(time) >= start))[0, :, :start]
            if not moved.any():
                continue
            step = int(moved.any(axis=0).argmax())
            later = range(step + 1, min(time, step + 1 + _LATER_STEPS))
            moves = (self._moved(self._changed(np.arange(time) == at))[0, :, step] for at in later)
            first = next((at for at, rows in zip(later, moves, strict=True) if rows.any()), None)
            where = "later inputs" if first is None else f"the input at step {first}"
            raise CheckFailed(
                f"the output at step {step} depends on {where}, which comes after it",
                "Mask later steps; swap axes by transpose, not by view or reshape; or use "
                "adopt(…, causal=False) and read the audit.",
            )
        return f"no output of {time} steps moves when later inputs do"

    def rows(self) -> str:
        rows = self.batches.inputs.shape[1]
        if rows < 2:
            return "only one"
        moved = self._moved(self._changed((np.arange(rows) == 0)[:, None]))[:, 1:]
        if moved.any():
            raise CheckFailed(
                f"the outputs of row {int(moved.any(axis=(0, 2)).argmax()) + 1} depend on the "
                "inputs of row 0",
                "Work along time and features only (PyTorch: batch_first=True).",
            )
        return "no row of a batch influences another"

    def other_rows(self) -> str:
        default, fixed = self.batches.inputs.shape[1], self._fixed_rows
        for rows in (2 * default,) if fixed is not None else (1, 2 * default + 1):
            try:
                self._run(self._batches(rows))
            except (Exception, SystemExit) as error:
                raise CheckFailed(
                    f"with {rows} rows rather than {default} it {_failure(error)}",
                    "Leave the number of rows open.",
                ) from error
        return "any" if fixed is None else f"{fixed} at a time"

    def mask(self) -> str:
        masks = self.batches.mask
        if masks is None:
            return "this framing masks no step"
        moved = self._moved(self._changed(~masks)) & scored(self.batches.targets)
        if moved.any():
            _, row, step = np.argwhere(moved)[0]
            raise CheckFailed(
                f"the output at step {step} of row {row} depends on steps that are masked",
                PACKED
                if takes_mask(self.model) and self.setting.framing == Prefix()
                else "Give the model a parameter `mask` (row, time), true where a step counts, and "
                "skip the others (Keras: a layer Masking does); or use a framing without "
                "masked steps.",
            )
        return "masked steps change no scored output"

    def carried_state(self) -> str:
        has_state = takes_state(self.model)
        if has_state and not self._zeros_are_none():
            raise CheckFailed(
                "without a state it does not start from zeros",
                "Let None mean a state of zeros.",
            )
        if not self.layout.carry or len(self.batches.inputs) < 2:
            none = "a sequence is one batch" if self.layout.carry else "this framing carries none"
            return f"{none}{self._returned_state() if has_state else ''}"
        first = np.arange(len(self.batches.inputs)) == 0
        if has_state and self._moved(self._changed(first[:, None, None]))[1:].any():
            return f"carried: {self._state_size()} numbers a row"
        raise CheckFailed(
            "no state reaches the next batch, but the framing carries it",
            "Give the model a parameter `state`, None at first, and return (outputs, state); in "
            "Keras use stateful=True. Or use a framing without carry.",
        )

    def _returned_state(self) -> str:
        """Run the same inputs twice, the second time from the state that the first returned."""
        twice = [None if each is None else np.repeat(each[:1], 2, 0) for each in self.batches[:3]]
        try:
            first, second = self._run(Batches(*twice, np.array([True, False])))  # pyright: ignore
        except (Exception, SystemExit) as error:
            raise CheckFailed(
                f"called with the state that it returned it {_failure(error)}",
                "Accept the state in the form in which it is returned.",
            ) from error
        moved = np.abs(second - first).max() > _NOISE * np.abs(first).max()
        if not moved and self.layout.output == "every":
            raise CheckFailed(
                "the state that it returned, passed to the next call, changes no output",
                "Start from the parameter `state`, or leave it out.",
            )
        effect = "changes" if moved else "does not change"
        return f"; passed on, it {effect} the next outputs: {self._state_size()} numbers a row"

    def training(self) -> str:
        """Run it in training mode, in which rows may interact (batch statistics)."""
        try:
            if isinstance(self.model, ExternalModel):
                twin: Any = self.setting.create(0)
                recipe = Recipe(learning_rate=1e-30)
                train = twin.trainer(recipe, self.setting.loss, self.layout.output)
                losses = train(self.batches, 1)[:, 0]
            else:
                losses = training_outputs_of(self.model, self.batches, self.layout.output)
        except (Exception, SystemExit) as error:
            raise CheckFailed(f"in training it {_failure(error)}", "") from error
        if not np.isfinite(losses).all():
            raise CheckFailed("it returns a non-finite value in training", "")
        return "runs"

    def seeds(self) -> str:
        if not isinstance(self.setting.model, UserModel):
            return "each has its own weights"
        another = self.setting.model.make(self.setting.sizes, 1)
        if another is self.module:
            raise CheckFailed(
                "two seeds get the same module, so that one would train the other",
                "Make a new one in each call.",
            )
        same = digest_of(another) == self.before != digest_of(None)
        return "all begin from the same weights" if same else "each has its own weights"

    def untouched(self) -> str:
        if not isinstance(self.setting.model, UserModel) or self.before == digest_of(None):
            return "the weights are made when the model is used"
        fresh = self.setting.model.make(self.setting.sizes, 0)
        if not digest_of(fresh) == self.before == digest_of(getattr(self.model, "module", fresh)):
            raise CheckFailed(
                "a second call gives other weights", "Let them depend only on `seed`."
            )
        return f"weights unchanged by the check ({self.before[:8]})"

    # Batches and outputs.

    @property
    def _fixed_rows(self) -> int | None:
        program = getattr(self.model, "program", None)
        return None if program is None else program.rows

    def _batches(self, rows: int) -> Batches:
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

    def _changed(self, where: np.ndarray) -> Batches:
        """The batches with other inputs where `where` is true; it broadcasts to the inputs."""
        inputs = self.batches.inputs
        if np.issubdtype(inputs.dtype, np.integer):
            values = self.setting.input_encoding.features
            other = (inputs + 1 + self.rng.integers(values - 1, size=inputs.shape)) % values
            return self.batches._replace(inputs=np.where(where, other, inputs).astype(np.int32))
        other = inputs + self.rng.standard_normal(inputs.shape, np.float32)
        return self.batches._replace(inputs=np.where(where[..., None], other, inputs))

    def _moved(self, changed: Batches) -> np.ndarray:
        """Whether the outputs `(update, row, output step)` differ with these inputs."""
        apart = np.abs(self._run(changed) - self.base).max(axis=-1)
        return apart > _NOISE * np.abs(self.base).max()

    def _run(
        self, batches: Batches, model: AnyModel | None = None, *, again: bool = False
    ) -> np.ndarray:
        """The outputs `(update, row, output step, output)`."""
        model = self.subject if model is None else model
        if isinstance(model, ExternalModel):
            return model.outputs(batches, self.layout.output, again=again)
        return outputs_of(model, batches, self.layout.output)

    def _state_size(self) -> int | None:
        if isinstance(self.model, ExternalModel):
            return self.model.state_size
        if not isinstance(self.model, Model):
            return None
        rows = self.batches.inputs.shape[1]
        return functional.numbers_a_row(self.model.initial_state((rows,)), rows)

    def _zeros_are_none(self) -> bool:
        program = getattr(self.model, "program", None)
        if program is None:  # PyTorch models take None themselves
            return True
        model: Any = self.model
        rows = program.rows or 2
        inputs = jnp.asarray(
            self.rng.standard_normal(program.example(rows).shape, np.float32)
            if self.setting.sizes.values is None
            else self.batches.inputs[0][:rows]
        )
        mask = None if not program.takes_mask else jnp.ones(inputs.shape[:2], bool)
        outputs = [
            model(inputs, mask, state, last=last_of(self.layout.output))[0]
            for state in (None, model.initial_state((rows,)))
        ]
        return bool(np.allclose(*outputs, atol=1e-5))


def _failure(error: BaseException) -> str:
    return user_model.failure_text(error).rstrip(".")


_CHECKS: dict[str, Callable[[_Inspection], str]] = {
    "made": _Inspection.make,
    "weights": _Inspection.weights,
    "outputs": _Inspection.outputs,
    "inputs": _Inspection.inputs,
    "causal": _Inspection.causal,
    "rows": _Inspection.rows,
    "number of rows": _Inspection.other_rows,
    "mask": _Inspection.mask,
    "state": _Inspection.carried_state,
    "training": _Inspection.training,
    "seeds": _Inspection.seeds,
    "untouched": _Inspection.untouched,
}
"""The checks, in order; one without evidence is omitted from the results."""
