"""The options that the command line, or its settings file, has given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cyclopts import Argument

flags: dict[str, str] = {}
"""As they were given, `--no-carry` say, by the name of their knob."""

texts: dict[str, str] = {}
"""The text that was given with each."""

files: dict[str, Path] = {}
"""The settings file, if there is one, as an input that no output may replace."""


def remember(arguments: Mapping[str, Argument], settings: Path | None) -> None:
    """Keep those of this command."""
    if settings is not None:
        files["the settings"] = settings
    for name, argument in arguments.items():
        if argument.tokens:
            keyword = argument.tokens[0].keyword or ""
            flags[name] = keyword if keyword[:2] == "--" else f"--{name.replace('_', '-')}"
            texts[name] = argument.tokens[0].value


def forget() -> None:
    """Forget those of a command that has ended."""
    flags.clear()
    texts.clear()
    files.clear()
