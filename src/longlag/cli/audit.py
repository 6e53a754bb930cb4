"""`longlag audit`: the three maps, the verdict and the remedy, before any training."""

from __future__ import annotations

import re

import numpy as np
from rich.columns import Columns
from rich.console import Group
from rich.text import Text

from longlag.cli._flags import Count, Json, Output
from longlag.cli._framed import FramingFlags, FramingName, ProblemFlags, framed
from longlag.cli._output import others_aside, print_rich, refusing, writable, write_json
from longlag.framings import Framing
from longlag.knobs import BATCH_SIZE
from longlag.maps import RECURRENT, Audit, Map, Reach
from longlag.maps import audit as compare

MEANING = {
    "learnable": "a gradient reaches the inputs that the outputs need",
    "state-only": "only the carried state can bring the inputs that some outputs need, and no "
    "gradient trains it to",
    "unreachable": "the inputs that some outputs need never get to the model's output",
}
_DRAWN = 400
_LARGE = f"Maps of more than {_DRAWN} steps are not drawn; --json has them."
_LEGEND = (
    "needs: inputs that an output depends on; sees: inputs that can reach it; learns: inputs that "
    "a gradient reaches.\nOne row per output step, from the top; one column per input step. "
    "One character is two rows: ▀ upper, ▄ lower, █ both."
)
_STYLES = {"learnable": "green", "state-only": "yellow", "unreachable": "red"}


def audit(
    problem: str,
    /,
    *,
    framing: FramingName = "whole",
    problem_knobs: ProblemFlags = None,
    framing_knobs: FramingFlags = None,
    batch_size: Count = BATCH_SIZE,
    model: str | None = None,
    context: Count | None = None,
    json: Json = False,
    output: Output = None,
) -> None:
    """Check, without training, whether the model can get the inputs it needs.

    It draws which inputs each output needs, which can reach it, and which a gradient reaches.

    Args:
        problem: A name from `longlag problems`.
        batch_size: Samples in a batch; it matters with --carry.
        model: Model name, as in `longlag train`; the check assumes that only the inputs which
            such a model can use count. Default: a recurrent network.
        context: For mlp: how many of the latest steps of a sample it gets.
    """
    writable(output)
    with refusing(), others_aside():
        posed, laid = framed(problem, problem_knobs, framing, framing_knobs)
        default = model is None and context is None
        reach = RECURRENT if default else _reach(laid, model or "lstm", context)
        found = compare(posed, laid, batch_size=batch_size, reach=reach)
    if json:
        document = {
            "problem": repr(posed),
            "framing": repr(laid),
            "batch_size": batch_size,
            "verdict": found.verdict,
            "remedy": found.remedy,
            "shares": found.shares._asdict(),
            "ceiling": found.ceiling,
            "ahead": found.ahead,
            "scored": found.scored.tolist(),
            "needs": found.needs.tolist(),
            "sees": found.sees.tolist(),
            "learns": found.learns.tolist(),
        }
        return write_json(document, output)
    style = _STYLES[found.verdict]
    shares = (
        f"Scored outputs: {found.scored.sum()}. A gradient reaches their inputs: "
        f"{found.shares.gradient:.0%}. Only the carried state can bring them: "
        f"{found.shares.state:.0%}. Out of reach: {found.shares.unseen:.0%}.\nBest score possible: "
        f"{found.ceiling:.3g}; by guessing: {posed.chance(found.scored):.3g}."
    )
    return print_rich(
        Text(f"{posed!r}, {laid!r}, batch_size={batch_size}"),
        Text(),
        maps(found) if posed.steps <= _DRAWN else Text(_LARGE),
        Text(_LEGEND, style="dim"),
        Text(),
        Text.assemble((found.verdict, f"bold {style}"), f": {MEANING[found.verdict]}."),
        Text(shares),
        *([Text(ahead(found))] if found.ahead else []),
        *([Text(remedy(found))] if found.remedy else []),
        path=output,
        width=max(120, 3 * (posed.steps + 1)),  # a map must not be cut
    )


def remedy(found: Audit) -> str:
    """What would make the setup work, as flags."""
    text = found.remedy.replace("framing Whole()", "--framing whole").replace(
        "carry=True", "--carry"
    )
    return re.sub(r"(\w+)='?(\w+)'?", r"--\1 \2", text)


def ahead(found: Audit) -> str:
    """What it means that a model sees what comes later."""
    return (
        f"The model is not causal: {found.ahead:.0%} of its outputs can see inputs of later steps, "
        "so its score does not say what it remembers."
    )


def maps(found: Audit) -> Columns:
    """The three maps side by side, or one below the other where the terminal is narrow."""
    drawn = {"needs": found.needs, "sees": found.sees, "learns": found.learns}
    return Columns([Group(Text(name, style="bold"), draw(map)) for name, map in drawn.items()])


def draw(map: Map) -> Text:
    """A map in block characters, two target steps to a line."""
    glyphs = {(False, False): "·", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    even = np.pad(map, ((0, len(map) % 2), (0, 0)))
    pairs = (zip(*lines, strict=True) for lines in zip(even[::2], even[1::2], strict=True))
    return Text(
        "\n".join("".join(glyphs[bool(up), bool(down)] for up, down in line) for line in pairs)
    )


def _reach(framing: Framing, model: str, context: int | None) -> Reach:
    from longlag.cli._models import model_from_name
    from longlag.trials.setting import check_decoder  # jax, needed for no other audit

    typed = {} if context is None else {"context": context}
    made = model_from_name(model, typed)
    check_decoder(framing, made)
    return Reach(made.window, made.remembers, not made.causal)
