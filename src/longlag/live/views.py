"""What the page shows of a setup before training, and of a snapshot of its training."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from longlag import streams
from longlag.arrays import unmasked
from longlag.audit_answer import Audit
from longlag.live import code, describe, remedies
from longlag.live.setup import Own, Setup
from longlag.models import AnyModel
from longlag.problems import Episodes, Integers, Problem
from longlag.problems.drawing import draw
from longlag.trials.run import Run
from longlag.trials.sensitivity import sensitivity
from longlag.trials.setting import Setting
from longlag.trials.trace import Trace, trace
from longlag.visible import Map

_RANGES = {
    **dict.fromkeys(("input", "forget", "output", "reset", "update"), (0.0, 1.0)),
    **dict.fromkeys(("candidate", "hidden"), (-1.0, 1.0)),
}


def audited(setup: Setup, own: Own) -> dict[str, Any]:
    """The maps of a setup, with its verdict, its remedy, and the same as a command.

    Raises:
        ValueError: The parts do not fit together.
    """
    setting = setup.setting()
    audit, problem = setting.audit(), setting.problem
    lines = audit.nothing_to_learn, audit.not_causal
    return {
        "knobs": setup.knobs,
        "task": describe.task(problem),
        "chance": _number(audit.chance),
        "chanceText": f"{audit.chance:.3g}",
        "best": _number(audit.ceiling),
        "bestText": audit.best,
        "ceiling": _number(problem.ceiling(audit.scored)),
        "steps": problem.steps,
        "inputSteps": audit.needs.shape[1],
        "scored": _bits(audit.scored),
        **_example(problem, audit.scored),
        **{name: _map(getattr(audit, name)) for name in ("needs", "sees", "learns")},
        "verdict": audit.verdict,
        "meaning": _meaning(audit),
        "warnings": [line for line in lines if line],
        "remedy": audit.remedy,
        "apply": applied(audit.remedy),
        "command": code.as_command(setup),
        "python": code.as_python(setup, own),
    }


def _meaning(audit: Audit) -> str:
    """The verdict as a sentence."""
    text = audit.meaning if audit.shares.unseen < 1 else audit.meaning.replace("some ", "the ")
    return f"{text[0].upper()}{text[1:]}."


def why(run: Run) -> dict[str, Any] | None:
    """Why a run fell short, of which seed, with the changes of the remedy."""
    if run.shortfall is None:
        return None
    seed, reason = run.shortfall
    audit = run.setting.audit()
    cause = f"; {audit.meaning}" if audit.verdict == "state-only" else ""
    return {
        **reason._asdict(),
        "evidence": f"{reason.evidence}{cause}",
        "seed": seed,
        "apply": applied(reason.remedy),
    }


def viewed(
    setting: Setting, model: AnyModel, seed: int, inputs: list[Any] | None
) -> dict[str, Any]:
    """A model on one sequence: inputs, expected, predicted, and its gates and states.

    Args:
        setting: The setting.
        model: The model of one moment of training.
        seed: The seed, of which the sequence is the first fresh one.
        inputs: Values to show in place of that sequence.

    Raises:
        TypeError: They are not values of the problem.
        ValueError: One is not allowed.
    """
    problem = setting.problem
    if inputs is None:
        episodes = draw(problem.for_part("evaluation"), streams.evaluation(seed), 1)
        values = episodes.inputs[0, : problem.steps - problem.answers]
    else:
        if len(inputs) != problem.steps - problem.answers:
            count = problem.steps - problem.answers
            raise ValueError(f"The sequence has {count} values, got {len(inputs)}.")
        values = unmasked("The sequence is", inputs)
        problem.inputs.validate(values, "The sequence")
        _, episodes = problem.episode(values)
    found = trace(setting, model, values, seed)
    expected = problem.oracle(episodes.inputs)[0]
    scored = found.scored
    right = problem.targets.matches(found.predicted, expected)
    spec = problem.inputs
    plain = isinstance(spec, Integers) or not spec.shape
    return {
        "inputs": _values(episodes.inputs[0], _shown(problem, episodes)),
        "expected": _values(expected, scored),
        "predicted": _values(found.predicted, scored),
        "right": [bool(r) if s else None for r, s in zip(right, scored, strict=True)],
        "editable": plain and not problem.varies,
        "values": spec.values if isinstance(spec, Integers) else None,
        **_chains(found),
    }


def used(setting: Setting, model: AnyModel, seed: int) -> dict[str, Any]:
    """How much each output depends on each input, as shares of the largest of its row."""
    try:
        norms = sensitivity(setting, model, seed, sequences=8)
    except ValueError as error:
        return {"uses": None, "why": str(error)}
    largest = norms.max(axis=1, keepdims=True)
    shares = np.divide(norms, largest, out=np.zeros_like(norms), where=largest > 0)
    return {"uses": np.round(shares, 3).tolist(), "why": ""}


def _example(problem: Problem, scored: np.ndarray) -> dict[str, Any]:
    """The first fresh sequence of seed 0, for a page that has trained nothing yet."""
    episodes = draw(problem.for_part("evaluation"), streams.evaluation(0), 1)
    return {
        "inputs": _values(episodes.inputs[0], _shown(problem, episodes)),
        "expected": _values(episodes.targets[0], scored & episodes.scored[0]),
    }


def _chains(found: Trace) -> dict[str, Any]:
    """The runs of steps that lead to the outputs, with gates and states as bytes."""
    names = list(found.chains[0].maps) if found.chains else []
    ranges = {name: _range(name, [c.maps[name] for c in found.chains]) for name in names}
    return {
        "units": found.chains[0].maps[names[0]].shape[1] if names else 0,
        "names": names,
        "why": found.why,
        "ranges": ranges,
        "chains": [
            {
                "steps": chain.steps.tolist(),
                "starts": list(map(int, chain.starts)),
                "maps": {name: _bytes(chain.maps[name], *ranges[name]) for name in names},
            }
            for chain in found.chains
        ],
        "chainOf": [int(c) if c >= 0 else None for c in found.chain_of],
        "positionOf": [int(p) if p >= 0 else None for p in found.position_of],
    }


def _range(name: str, maps: list[np.ndarray]) -> tuple[float, float]:
    """The values between which a map lies: known ones of gates, else those that it has."""
    if name in _RANGES:  # which a layer of a user's with a gate of that name may leave
        low, high = _RANGES[name]
        return float(min(low, *(m.min() for m in maps))), float(max(high, *(m.max() for m in maps)))
    most = max(float(np.abs(m).max(initial=0.0)) for m in maps) or 1.0
    return -most, most


def _bytes(values: np.ndarray, low: float, high: float) -> str:
    scaled = np.clip(np.nan_to_num((values - low) / (high - low)), 0, 1)
    return base64.b64encode(np.rint(255 * scaled).astype(np.uint8).tobytes()).decode()


def _shown(problem: Problem, episodes: Episodes) -> np.ndarray:
    """The steps that show a value, `(step,)`."""
    blank = problem.inputs.is_blank(episodes.inputs[0])
    present = np.ones(problem.steps, bool) if episodes.present is None else episodes.present[0]
    return present & ~np.asarray(blank)


def _values(values: np.ndarray, shown: np.ndarray) -> list[Any]:
    return [_plain(value) if there else None for value, there in zip(values, shown, strict=True)]


def _plain(value: Any) -> Any:
    value = value.tolist()
    return round(value, 4) if isinstance(value, float) else value


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _bits(flags: np.ndarray) -> str:
    return "".join("1" if each else "0" for each in flags)


def _map(cells: Map) -> list[str]:
    return [_bits(row) for row in cells]


def applied(remedy: str) -> list[dict[str, Any]]:
    """The changes of a remedy, each as a button."""
    return [change._asdict() for change in remedies.changes(remedy)]
