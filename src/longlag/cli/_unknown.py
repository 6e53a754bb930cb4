"""Words that the command line does not know, such as those of other programs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from longlag.adapters import user_code
from longlag.knobs import lookup
from longlag.other_names import normalized

_SCORES = "longlag train scores what it trains, on fresh sequences"
OTHER_COMMANDS = {
    "fit": "longlag train trains a model and scores it",
    **dict.fromkeys(("evaluate", "eval", "score", "test"), _SCORES),
    "predict": "longlag frame forecasts a series; longlag train --save FILE writes a model, and "
    "ll.load(FILE).predict(values) predicts with it",
    **dict.fromkeys(("tune", "search", "sweep"), "longlag compare tries several learning rates"),
    **dict.fromkeys(
        ("plot", "draw"),
        "longlag report draws what is in a store; audit and train have --figure FILE",
    ),
    **dict.fromkeys(("serve", "ui", "dashboard"), "longlag play opens a live page"),
}
"""Commands of other programs, and what does it here."""

_SHAPES = {"batch-input-shape": 3, "batch-shape": 3, "input-shape": 2}  # numbers in each


def shape(option: str, tokens: Sequence[str]) -> str:
    """A shape of Keras as flags; empty if the option is none, or has no numbers.

    >>> shape("--batch_input_shape", ["audit", "echo-lag", "--batch_input_shape", "1,5,10"])
    'Use --framing chunks --timesteps 5 --batch-size 1. Features follow from problem and encoding.'
    >>> shape("--input-shape", ["--input-shape=(5, 10)"])
    'Use --framing chunks --timesteps 5. Features follow from problem and encoding.'
    """
    count = _SHAPES.get(normalized(option), 0)
    after = " ".join(tokens).partition(option)[2]
    found = re.match(r"[= (\[]*((?:None|\d+)(?:[ ,]+(?:None|\d+))*)", after)
    numbers = re.findall(r"None|\d+", found[1]) if found else []
    if not count or len(numbers) < 2 or numbers[count - 2] == "None":
        return ""
    given = f"--framing chunks --timesteps {numbers[count - 2]}"
    given += f" --batch-size {numbers[0]}" if count == 3 and numbers[0] != "None" else ""
    return f"Use {given}. Features follow from problem and encoding."


def no_problem(name: str) -> str:
    """Why a word in the place of a problem is none; empty if it is one.

    >>> no_problem("lstm")
    'There is no problem `lstm`: it is a model. Use longlag train echo-lag --model lstm.'
    """
    from longlag.by_name import build
    from longlag.models import MODELS
    from longlag.problems import PROBLEMS

    if user_code.is_reference(name) or name in PROBLEMS:
        return ""
    if name.lower() in MODELS:
        use = f"Use longlag train echo-lag --model {name.lower()}."
        return f"There is no problem `{name}`: it is a model. {use}"
    try:
        build("problem", name, PROBLEMS, {})
        lookup("problem", name, PROBLEMS)
    except ValueError as error:
        return str(error)
    return ""
