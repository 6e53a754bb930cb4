"""The checks of a model, by running it untrained."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable

import numpy as np

from longlag.adapters import user_code
from longlag.adapters.models.hints import REALS, TOO_SHORT, VALUES, hint
from longlag.adapters.models.user_model import UserModel
from longlag.answers.format import counted
from longlag.checks.arrays import (
    device_of,
    digest_of,
    mixed_types,
    non_finite,
    random_changed,
    takes_mask,
    with_noise,
)
from longlag.checks.check import Check, CheckFailed, Preflight
from longlag.checks.embeddings import remedy_for_high_values, require_values_apart
from longlag.checks.gradients import gradients
from longlag.checks.masking import kept_mask, skipping
from longlag.checks.outputs import bounded, require_logits
from longlag.checks.positions import remedy_past_end, require_positions
from longlag.checks.runs import NOISE, Runs, error_text, first_rows
from longlag.checks.state import carried_state
from longlag.models import ExternalModel
from longlag.training import Batches, program
from longlag.trials.setting import Setting

_LARGE = 10.0  # standard deviation of weights that saturate an activation

_LATER_STEPS = 64  # later steps to test one by one, once an output depends on any


def inspect_model(setting: Setting) -> Preflight:
    """Run the checks of the model of a setting."""
    return _Inspection(setting).all()


class _Inspection(Runs):
    def all(self) -> Preflight:
        """The checks in turn, up to the first that fails; and warnings of libraries, each once."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            checks = self._checks()
        found: dict[str, None] = {}
        for each in caught:
            if not issubclass(each.category, UserWarning):
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
            elif "does not support masking" not in str(each.message):  # a check looks at that
                found[" ".join(str(each.message).split())] = None
        texts = [*self.warnings, *(text[:160] for text in found)]
        checks += [Check("warning", True, text) for text in texts]
        model, setting = self.setting.model.words, self.setting
        return Preflight(model, tuple(checks), self.parameters, self.state, setting)

    def _checks(self) -> list[Check]:
        checks: list[Check] = []
        for name, check in _CHECKS.items():
            try:
                evidence = check(self)
            except CheckFailed as failure:
                checks.append(Check(name, False, str(failure), failure.remedy))
                break
            except (Exception, SystemExit) as error:
                checks.append(Check(name, False, f"it {error_text(error)}"))
                break
            if evidence:
                checks.append(Check(name, True, evidence))
        return checks

    def make(self) -> str:
        setting = self.setting
        try:
            self.model = self.subject = setting.create(0)
            if isinstance(setting.model, UserModel):
                self.module = setting.model.make(setting.sizes, 0)
                self.before = digest_of(self.module)
        except ValueError as error:
            text = str(error).removeprefix(f"{setting.model.words}: ")
            raise CheckFailed(text.rstrip("."), "") from error
        made = getattr(self.model, "module", self.model)
        kind = type(made[0] if isinstance(made, tuple) else made).__name__  # with eqx.nn.State
        return f"{kind} on {device_of(self.model)}"

    def weights(self) -> str:
        self.parameters = program.parameters(self.model)
        if not self.parameters:
            self.batches = self._shown()
            layer = ""
            with contextlib.suppress(Exception, SystemExit):  # of what does not run either
                layer = self.layer_made_in_call()
            if layer:
                raise _made_in_call(layer)
            raise CheckFailed(
                "it has no trainable parameters", "Give it parameters of the framework's own kind."
            )
        return f"{self.parameters:,} trained weights"

    def outputs(self) -> str:
        self.batches = self._shown()
        try:
            self.base = self.run(self.batches)
            others = [self.run(self.batches, again=True), self.run(self.batches, self.called())]
        except (Exception, SystemExit) as error:
            features = getattr(self.setting.model, "inputs", "features") == "features"
            reals = self.setting.sizes.values is None
            remedy = hint(error, features=features, reals=reals)
            if remedy == TOO_SHORT:
                remedy = remedy_for_high_values(self) or remedy
            if isinstance(error, ValueError) and not user_code.raised_at(error):
                raise CheckFailed(str(error).rstrip("."), remedy) from error  # of an adapter
            shape = self.batches.inputs.shape[1:]
            if features and self.batches.inputs.dtype.kind == "i":  # encoded later
                shape = *shape, self.setting.sizes.features
            kind = "floats" if features else "integers"
            failure = f"it {error_text(error)}, for inputs {shape}, {kind}"
            types = mixed_types(self.module) if "dtype" in str(error) else ""
            raise CheckFailed(failure, f"{remedy}{types}".strip()) from error
        if len(wrong := np.argwhere(~np.isfinite(self.base))):
            row, step, output = wrong[0, -3:]
            weight = non_finite(self.module)
            remedy = "" if weight else remedy_for_high_values(self) or remedy_past_end(self)
            raise CheckFailed(
                f"output {output} at step {step} of row {row} is {self.base[tuple(wrong[0])]}",
                remedy or f"{_NON_FINITE}{weight}",
            )
        if layer := self.layer_made_in_call():
            raise _made_in_call(layer)
        apart = [np.abs(each - self.base).max() for each in others]
        if max(apart) > NOISE * np.abs(self.base).max():
            text = "two different outputs for the same inputs, outside training"
            if stream := random_changed(self.model, self.called()):
                raise CheckFailed(f"{text}: each call draws from `{stream}`", _RANDOM)
            if isinstance(self.model, ExternalModel) and not apart[1]:  # with an equal seed
                raise CheckFailed(f"{text}: each call draws random numbers", _RANDOM)
            place = self.stored_in()
            raise CheckFailed(
                f"{text}{f': each call changes `{place}`' if place else ''}",
                f"{'' if place else 'Use dropout and noise only in training. '}Take the state as "
                "an argument `state` and return it; do not store it on the model.",
            )
        found = getattr(getattr(self.model, "program", self.model), "outputs", "")
        chosen = getattr(self.setting.model, "outputs", "")
        require_logits(self.base, classifies=self.classifies, found=str(found), chosen=chosen)
        if self.classifies and self.base.shape[-1] > 1 and "probabilities" not in (found, chosen):
            self._warn_of_bounds()
        self.state = self.model.state_size
        return f"{self.base.dtype} {self.base.shape[1:]}, all finite"

    def _shown(self) -> Batches:
        """The batches that the checks show: of two rows at least, to tell them apart."""
        rows = self.layout.steps.shape[1]
        return self.batches_of(rows if self.fixed_rows is not None else max(2, rows))

    def _warn_of_bounds(self) -> None:
        with contextlib.suppress(Exception):  # of weights so large
            large = self.run(self.batches, with_noise(self.model, scale=_LARGE))
            if text := bounded(self.base, large):
                self.warnings.append(text)

    def inputs(self) -> str:
        """Add noise to the weights for this and later checks: zeros would hide dependence."""
        shaken = with_noise(self.model)
        try:
            outputs = self.run(self.batches, shaken)
        except (Exception, SystemExit):
            return ""
        if np.isfinite(outputs).all():
            self.subject, self.base = shaken, outputs
            require_values_apart(self)
            require_positions(self)
            if self.reads_whole_numbers():
                raise CheckFailed(
                    "the outputs depend only on the whole part of inputs that are real numbers, as "
                    "those of an embedding do",
                    VALUES if self.setting.sizes.values else REALS,
                )
            if not self.moved(self.changed(np.ones(1, bool))).any():
                if outputs.shape[-1] == 1 and (outputs == 1).all():
                    raise CheckFailed("every output is 1, as of a softmax over one output", _NONE)
                raise CheckFailed(
                    "no output depends on any input",
                    skipping(self)
                    if self.batches.mask is not None and takes_mask(self.model)
                    else "Look for an input that is not used, or an activation that is all zeros.",
                )
        return ""

    def causal(self) -> str:
        time = self.layout.steps.shape[-1]
        if not self.setting.model.causal:
            return "declared not causal; the audit shows the later inputs that it sees"
        if self.batches.mask is None and time > 1:
            self._warn_of_shift(time)
        if self.layout.output != "every" or time == 1:
            return "one output per sample, after its last step"
        self._require_causal(time)
        if isinstance(self.subject, ExternalModel):  # PyTorch has faster, other code for evaluation
            try:
                base, again = (self.run(self.batches, training=True) for _ in range(2))
            except (Exception, SystemExit):
                return f"no output of {time} steps moves when later inputs do"
            if np.array_equal(base, again):
                self._require_causal(time, base)
        return f"no output of {time} steps moves when later inputs do"

    def _warn_of_shift(self, time: int) -> None:
        """Warn where an output depends on earlier inputs, but not on that of its own step."""
        every = self.layout.output == "every"
        for step in {time // 2, time - 1} if every else {time - 1}:
            place = step if every else -1
            if self.moved(self.changed(np.arange(time) == step))[0, :, place].any():
                return
        self.warnings.append(
            "no output depends on the input of its own step, as if shifted: look for outputs that "
            "are stored before the step, or begin with the first state"
            if every
            else "the output does not depend on the last input: return that after the last step"
        )

    def _require_causal(self, time: int, base: np.ndarray | None = None) -> None:
        for start in sorted({1, time // 2, time - 1} - {0}):
            changed = self.changed(np.arange(time) >= start)
            moved = self.moved(changed, base)[0, :, :start]
            if not moved.any():
                continue
            others = np.arange(len(moved)) != moved.any(axis=1).argmax()
            self.require_rows_apart(others, changed, base)
            step = int(moved.any(axis=0).argmax())
            later = range(step + 1, min(time, step + 1 + _LATER_STEPS))
            alone = (self.changed(np.arange(time) == at) for at in later)
            moves = (self.moved(each, base)[0, :, step] for each in alone)
            first = next((at for at, rows in zip(later, moves, strict=True) if rows.any()), None)
            where = "later inputs" if first is None else f"the input at step {first}"
            in_training = "" if base is None else ", in training,"
            raise CheckFailed(
                f"the output at step {step}{in_training} depends on {where}, which comes after it",
                "Mask later steps (an added mask: -inf); pad, normalise and scan with earlier "
                "steps alone; swap axes by transpose, not by view or reshape; or use adopt(…, "
                "causal=False) and read the audit.",
            )

    def rows(self) -> str:
        rows = self.batches.inputs.shape[1]
        if rows < 2:
            return "only one"
        for row in 0, rows - 1:
            self.require_rows_apart(np.arange(rows) == row, self.changed(np.ones(1, bool)))
        if self.place_counts():
            remedy = "Look for positions added, or sums made, along the axis of rows."
            raise CheckFailed("the place of a row in its batch changes its outputs", remedy)
        return "no row of a batch influences another"

    def other_rows(self) -> str:
        default, fixed = self.batches.inputs.shape[1], self.fixed_rows
        counts = (2 * default,) if fixed is not None else (1, 2 * default + 1)
        batches = self.batches_of(counts[-1])
        usual = first_rows(batches, default)
        for rows in counts:
            try:
                outputs = self.run(first_rows(batches, rows))
            except (Exception, SystemExit) as error:
                raise CheckFailed(
                    f"with {counted(rows, 'row')} rather than {default} it {error_text(error)}",
                    f"Leave the number of rows open.{self._squeezing(batches, rows)}",
                ) from error
            self.require_same(usual, outputs)
        return "any" if fixed is None else f"{fixed} at a time"

    def _squeezing(self, several: Batches, failed: int) -> str:
        """The usual reason where one row alone fails; empty where several rows fail too."""
        if failed > 1:
            return ""
        with contextlib.suppress(Exception, SystemExit):
            self.run(several)
            return _SQUEEZE
        return ""

    def training(self) -> str:
        """Run it in training mode, in which rows may interact (batch statistics)."""
        try:
            losses = self.train_once()
        except (Exception, SystemExit) as error:
            remedy = hint(error, features=False)
            raise CheckFailed(f"in training it {error_text(error)}", remedy) from error
        if not np.isfinite(losses).all():
            raise CheckFailed("it returns a non-finite value in training", "")
        return self.trains_alone()

    def seeds(self) -> str:
        if not isinstance(self.setting.model, UserModel):
            return _OWN
        another = self.setting.model.make(self.setting.sizes, 1)
        if another is self.module:
            raise CheckFailed(
                "two seeds get the same module, so that one would train the other",
                "Make a new one in each call.",
            )
        same = digest_of(another) == self.before != digest_of(None)
        return "all begin from the same weights: no interval covers others" if same else _OWN

    def untouched(self) -> str:
        if not isinstance(self.setting.model, UserModel) or self.before == digest_of(None):
            return "the weights are made when the model is used"
        fresh = self.setting.model.make(self.setting.sizes, 0)
        if not digest_of(fresh) == self.before == digest_of(getattr(self.model, "module", fresh)):
            raise CheckFailed(
                "a second call gives other weights", "Let them depend only on `seed`."
            )
        return f"weights unchanged by the check ({self.before[:8]})"


def _made_in_call(layer: str) -> CheckFailed:
    return CheckFailed(
        f"its call makes a layer, a {layer}, whose weights nothing trains",
        "Make it in __init__, and store it on the model.",
    )


_RANDOM = (
    "Begin a state from zeros, and use dropout and noise only in training: leave "
    "deterministic=False out (NNX), give the call a parameter `train` and Dropout "
    "deterministic=not train (Linen), or torch.nn.functional.dropout training=self.training."
)

_NON_FINITE = "Look for a division by zero, a log of zero, or a mask without any true step."

_SQUEEZE = (
    " More rows do not fail: look for squeeze() without a dimension, which takes away the axis of "
    "a single row."
)

_OWN = "each has its own weights"

_NONE = "Leave the softmax out; for a number between 0 and 1 use a sigmoid."

_CHECKS: dict[str, Callable[[_Inspection], str]] = {
    "made": _Inspection.make,
    "weights": _Inspection.weights,
    "outputs": _Inspection.outputs,
    "inputs": _Inspection.inputs,
    "rows": _Inspection.rows,  # before `causal`: what mixes rows would be taken for a later step
    "causal": _Inspection.causal,
    "number of rows": _Inspection.other_rows,
    "mask": kept_mask,
    "state": carried_state,
    "training": _Inspection.training,
    "gradients": gradients,
    "seeds": _Inspection.seeds,
    "untouched": _Inspection.untouched,
}
"""The checks, in order; one without evidence is omitted from the results."""
