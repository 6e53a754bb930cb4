"""The kinds of files that longlag writes, each recognised by its first and last bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

_END = 2**16  # bytes at each end of a file, to recognise its writer

_TRIALS = re.compile(
    r"id,seed,problem,framing,model,skill,verdict,sequences,seconds,finished,(parts|code)(,|$)"
)
"""The first columns of the trials of a store as CSV; `code` of an earlier longlag."""

_COST = "parameters state updates_per_second flops_per_update memory seconds_per_step"

_ANSWERS = (
    (
        "problem model test accuracy chance ceiling verdict",
        f"reachable error chance_error {_COST} recipe problem_version",
    ),
    (
        "problem model knob seed largest_solved smallest_failed open failure",
        f"reason median {_COST} problem_version",
    ),
    (
        "problem model knob seed smallest_solved largest_failed open failure",
        f"reason median {_COST} problem_version",
    ),
    (
        "problem model knob learning_rate reach or_more trials failed why_not",
        f"{_COST} problem_version",
    ),
    (
        "problem model knob level learning_rate verdict skill solved seeds missing "
        "sequences_to_solve why_not",
        f"{_COST} good_rates_low good_rates_high problem_version",
    ),
    (
        "problem model train length skill solved seeds chance ceiling note",
        f"reachable longest_solved {_COST} problem_version",
    ),
    (
        "problem model verdict longest skill_1 skill_2 skill_4 skill_16 chance ceiling rate "
        "capacity against_theory seeds note",
        f"{_COST} problem_version",
    ),
    (
        "problem model verdict longest skill_1 skill_2 skill_4 skill_16 rate capacity "
        "against_theory width seeds effort date note",
        "",
    ),
    ("model step shows unit", "input forget candidate output reset update cell hidden"),
    ("problem target input needs sees learns", ""),
    ("model name passed found remedy", ""),
    ("problem name passed found remedy", ""),
    ("problem model error within", f"ratio {_COST} recipe problem_version"),
)
"""The columns of each answer as CSV, but for the ends of intervals, and those of some answers."""

_HEADS = {
    "text": rb"# longlag \d[\w.+]*: longlag ",
    "JSON": rb'\{\n  "longlag": "\d[\w.+]*",\n',
    "HTML": rb'<!doctype html>\n<html lang="en">\n(<head>\n)?(<meta .*>\n){0,9}'
    rb'<meta name="generator" content="longlag',
    "LaTeX": rb"% longlag \d[\w.+]*\n\\begin\{table\}\n",
    "Markdown": rb"<!-- longlag \d[\w.+]* -->\n",
    "PNG": rb"(?s)\x89PNG.{33}tEXtSoftware\0longlag ",
    "SVG": rb"<svg [^>]*><!-- longlag \d",
    "claims": rb"# [^\n]+\n\n[^\n]*[Ee]ach (is )?checked.* Written by\n`longlag reproduce ",
    "data card": rb"---\npretty_name: .*\ntags: \[longlag, (time-series|synthetic), ",
}
"""How the kinds of files begin that are told by that alone."""

_COMMENT = re.compile(rb"PK\x05\x06.{18}longlag \d[\w.+]*\Z", re.DOTALL)  # of a zip archive


def _begins(start: bytes) -> Callable[[bytes, bytes], bool]:
    return lambda head, _: re.match(start, head) is not None


def _is_csv(head: bytes, _: bytes) -> bool:
    line = head.partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r")
    names = line.split(",")
    ends = {f"{name}_{end}" for name in names for end in ("low", "high")}
    columns = {*names} - ends
    return _TRIALS.match(line) is not None or any(
        {*every.split()} <= columns <= {*every.split(), *some.split()} for every, some in _ANSWERS
    )


def _is_parquet(_: bytes, tail: bytes) -> bool:
    """Whether the metadata at the end of a file have the key `longlag` with a version."""
    size = int.from_bytes(tail[-8:-4], "little") + 8
    pairs = re.finditer(rb"\x18\x07longlag\x18([\x01-\x40])(\d[\w.+]*)\0", tail[-size:], re.DOTALL)
    return tail.endswith(b"PAR1") and any(each[1][0] == len(each[2]) for each in pairs)


KINDS: dict[str, Callable[[bytes, bytes], bool]] = {
    **{kind: _begins(start) for kind, start in _HEADS.items()},
    "safetensors": lambda head, _: head[8:].startswith(b'{"__metadata__":{"longlag":'),
    "CSV": _is_csv,
    "Parquet": _is_parquet,
    "NumPy": lambda head, tail: head.startswith(b"PK") and bool(_COMMENT.search(tail)),
    "bundle": lambda head, tail: head.startswith(b"PK") and tail.endswith(b"longlag bundle"),
}
"""The kinds of files that longlag writes, each with a test of the first and last bytes."""


def holds(path: Path, kind: str) -> bool:
    """Whether a file is empty, or of a kind."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_END)
        file.seek(max(0, path.stat().st_size - _END))
        return not head or KINDS[kind](head, file.read())
