"""A setup as a command and as Python, to copy."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from longlag.encodings import ENCODINGS
from longlag.knobs import Knobs
from longlag.live.setup import DEFAULTS, ENCODING, NONE, SEEDS, Own, Setup


def as_command(setup: Setup) -> str:
    """The command that trains it, its defaults left out.

    >>> as_command(Setup.of({"lag": "2", "framing": "chunks", "carry": "true", "seeds": "3"}))
    'longlag train echo-lag --lag 2 --framing chunks --carry --seeds 3'
    """
    words = ["longlag", "train", shlex.quote(setup.knobs["problem"])]
    for name, text in setup.own_knobs().items():
        if name == "problem" or text == DEFAULTS.get(name):
            continue
        if text in ("true", "false"):
            words.append(f"--{'no-' if text == 'false' else ''}{name}")
        else:
            words += [f"--{name}", shlex.quote(text)]
    return " ".join(words)


def as_python(setup: Setup, own: Own = NONE) -> str:
    """The same in Python.

    >>> print(as_python(Setup.of({"lag": "2", "seeds": "3"})))
    import longlag as ll
    <BLANKLINE>
    run = ll.train(
        ll.EchoLag(lag=2),
        ll.Whole(),
        ll.LSTM(),
        seeds=3,
    )
    print(run)
    """
    lines = ["import longlag as ll", "", "run = ll.train("]
    problem, model = setup.knobs["problem"], setup.knobs["model"]
    if problem in own.problem:
        file, _, name = problem.rpartition(":")
        lines[1:1] = [f"from {Path(file).stem} import {name}"]
        problem = f"{name}()" if type(setup.problem).__name__ == name else name  # its class, or it
    else:
        problem = _call(setup.problem)
    model = repr(model) if model in own.model else _call(setup.model)
    parts = [problem, _call(setup.framing), model]
    if setup.encoding != ENCODING.default:
        parts.append(f"encoding=ll.{ENCODINGS[setup.encoding].__name__}")
    parts += _arguments(setup.recipe)
    if setup.seeds != SEEDS.default:
        parts.append(f"seeds={setup.seeds}")
    return "\n".join([*lines, *(f"    {part}," for part in parts), ")", "print(run)"])


def label(setup: Setup) -> str:
    """What a strip of runs calls it: what differs from the defaults."""
    own = {name: text for name, text in setup.own_knobs().items() if name not in DEFAULTS}
    words = [setup.knobs["problem"], setup.knobs["framing"], setup.knobs["model"]]
    return ", ".join([*words, *(f"{name} {text}" for name, text in own.items())])


def _call(part: Knobs) -> str:
    return f"ll.{type(part).__name__}({', '.join(_arguments(part))})"


def _arguments(part: Knobs) -> Iterable[str]:
    for knob in part.knobs():
        if (value := getattr(part, knob.name)) != knob.default:
            yield f"{knob.name}={value!r}"
