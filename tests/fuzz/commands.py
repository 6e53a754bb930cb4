"""Random command lines: a small one that works, and what nobody would write."""

from __future__ import annotations

import functools
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from . import world
from .cases import pick

BASES = {
    "problems": "",
    "show": "echo-lag",
    "audit": "echo-lag --framing chunks --carry",
    "train": "echo-lag --values 4 --length 6 --hidden-size 3 --sequences 4 --batch-size 2 "
    "--seeds 1",
    "frontier": "echo-lag --values 4 --hidden-size 3 --budget 20 --seeds 2 --limit 2 "
    "--store new.db",
    "compare": "--models lstm,mlp --problems echo-value,ramp --rungs 2 --seeds 2 --budget 20 "
    "--hidden-size 3 --learning-rates 0.01,0.1 --store new.db",
    "profile": "--problems echo-value --minutes 0.02 --budget 20 --hidden-size 3 --store new.db",
    "generalise": "echo-value --values 3 --seeds 2 --budget 20 --hidden-size 3 --store new.db",
    "suite": "--models lstm --problems parity --learning-rates 0.01 --seeds 1 --effort 0.0001 "
    "--store new.db",
    "runs": "--store store.db",
    "report": "--store store.db --out new.html",
    "gates": "trained.safetensors",
    "export": "echo-lag --out exported --train 2 --validation 1 --test 1",
    "frame": "good.csv --timesteps 3",
    "check": "echo-lag",
    "reproduce": "echo/encode --seeds 1",
    "cite": "--store store.db",
}
WEIGHTS = {"problems": 1, "check": 2, "train": 2, "reproduce": 1, "report": 2, "cite": 1}
"""How often a command comes; 4 where it is not named here: some take more time than others."""

TRAINED = "--model mlp --hidden-size 3 --sequences 4 --seeds 1 --batch-size 2"

PROBLEMS = (
    *("echo-lag", "echo-value", "ramp", "memorization", "echo-subsequence"),
    *("cumulative-threshold", "cumulative-sum", "problem.py:Mine", "problem.py:", "model.py:make"),
)
WORDS = (
    *("", " ", "x", "[red]", "[/b]", "[/]", "\\[", "\x1b[31mred", "a\nb", "\r", "\t", "%s", "{0}"),
    *("ünïcode", "漢字", "\U0001f600", "\udcff", "‮abc", "a" * 5000, "--", "-", "--json", "'", '"'),
    *("lstm", "gru", "mlp", "rnn", "whole", "window", "vector", "prefix", "one-hot", "solved", "0"),
    *("lstm,mlp", ",", "lstm,,mlp", "1,2", "1e-3,nan", "0.1," * 50, "NaN", "None", "true", "a:b"),
)
WHOLE = (
    *("0", "-1", "1", "2", "3", "7", "25", "1000", "+5", " 5", "1_000", "٣", "5.0", "1e5", "nan"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616"),
    *("2147483648", "1" + "0" * 400, "1" + "0" * 5000, "0x10", "", "1048576", "1048577", "65536"),
)
REAL = (
    *("0", "-0.0", "1", "-1", "0.5", "0.999", "1e-320", "1e308", "-1e308", "1e309", "inf", "-inf"),
    *("nan", "1e-8", "1e8", "1e400", "", ".", "1,5", "1" + "0" * 400, "0." + "3" * 5000),
)
LONG = "--sequences --budget --seeds --minutes --rungs --train --validation --test".split()
"""Flags whose large values mean a long time, which is no fault."""

SAVED = "--output --out --save --export --tensorboard --figures --report".split()


@functools.cache
def flags(command: str) -> dict[str, Any]:
    """The flags of a command and the type of their values, as the command line declares them."""
    from longlag.cli.app import app

    found: dict[str, Any] = {}
    for argument in app[command].assemble_argument_collection():
        named = [name for name in argument.names if name.startswith("--")]
        found |= dict.fromkeys(named, argument.hint)
    return found


def random_command(rng: np.random.Generator) -> list[str]:
    """A command with one to four things changed."""
    names = list(BASES)
    weights = np.array([WEIGHTS.get(name, 4) for name in names], float)
    command = str(rng.choice(names, p=weights / weights.sum()))
    arguments = BASES[command].split()
    if command == "frame" and rng.random() < 0.2:
        arguments += TRAINED.split()
    for _ in range(int(rng.integers(1, 5))):
        change(rng, command, arguments)
    if command == "check" and ":" in "".join(arguments[:1]) and rng.random() < 0.7:
        arguments += ["--problem", pick(rng, PROBLEMS)]
    return [command, *arguments]


def change(rng: np.random.Generator, command: str, arguments: list[str]) -> None:
    """Change one thing of a command line."""
    draw = rng.random()
    if draw < 0.65:
        name = pick(rng, list(flags(command)))
        arguments += flag(rng, name, flags(command)[name])
    elif draw < 0.75:
        saved = [name for name in flags(command) if name in SAVED]
        if saved:
            arguments += [pick(rng, saved), pick(rng, world.NAMES)]
    elif draw < 0.9 and arguments and not arguments[0].startswith("--"):
        paths = {"frame": world.NAMES, "reproduce": WORDS}
        arguments[0] = pick(rng, paths.get(command, PROBLEMS) if rng.random() < 0.7 else WORDS)
    elif draw < 0.94 and arguments:
        del arguments[int(rng.integers(len(arguments)))]
    elif draw < 0.97:
        arguments.insert(int(rng.integers(len(arguments) + 1)), pick(rng, WORDS))
    else:
        arguments.append(pick(rng, ("--help", "--version", "--no-such", "--valeus", "-h")))


def flag(rng: np.random.Generator, name: str, hint: Any) -> list[str]:
    """A flag with a value that its type has, or one that it has not."""
    kinds = list(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else [hint]
    kind = next(each for each in kinds if each is not type(None))
    if get_origin(kind) in (list, tuple):
        kind = get_args(kind)[0]
    if kind is bool:
        return [name] if rng.random() < 0.9 else [f"{name}={pick(rng, WORDS)}"]
    if name in LONG:
        return [name, pick(rng, WHOLE if rng.random() < 0.05 else ("0", "1", "2", "3", "-1", "x"))]
    if kind is int:
        value = str(rng.integers(1, 12)) if rng.random() < 0.5 else pick(rng, WHOLE)
    elif kind is float:
        value = f"{rng.random():.3g}" if rng.random() < 0.4 else pick(rng, REAL)
    elif kind is Path:
        value = pick(rng, world.NAMES)
    elif get_origin(kind) is Literal:
        value = pick(rng, get_args(kind)) if rng.random() < 0.8 else pick(rng, WORDS)
    else:
        plain = {"--problem": PROBLEMS, "--problems": PROBLEMS, "--column": ("a", "b", "größe")}
        value = pick(rng, plain.get(name, WORDS) if rng.random() < 0.7 else WORDS)
    return [f"{name}={value}"] if rng.random() < 0.1 else [name, str(value)]
