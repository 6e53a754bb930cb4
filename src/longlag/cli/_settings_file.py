"""The settings file: the options of a command, in TOML."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from cyclopts import App, Argument, Token
from cyclopts.utils import UNSET

from longlag.knobs import unknown_name

_LARGEST = 2**15  # bytes of a file: a name in very many parts takes the square of its length
_WRITES = "print_config"
_RULES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
    Path: "a path in quotes",
}


class Settings:
    """The settings file of a command line, if it names one.

    Args:
        tokens: The arguments of the command line.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        named = len(tokens) > 1 and re.search(r"\w\.toml$", tokens[1]) and tokens[1][0] != "-"
        self.path = Path(tokens[1]) if named else None
        self.rest = [tokens[0], *tokens[2:]] if named else list(tokens)
        self.arguments: dict[str, Argument] = {}

    def __call__(self, app: App, commands: tuple[str, ...], arguments: Iterable[Argument]) -> None:
        """Add the settings that are not on the command line."""
        del app
        self.arguments = {name: each for each in arguments for name in _names(each)}
        if self.path is None:
            return
        if _WRITES not in self.arguments:
            raise ValueError(
                f"longlag {commands[0]} takes no settings file. Leave out {self.path}."
            )
        known = [name for name in self.arguments if name != _WRITES]
        text = _text(self.path)
        spellings: dict[int, str] = {}
        for name, value in _parsed(self.path, text).items():
            line = _line(text, name)
            if (key := name.replace("-", "_")) not in known:
                rule = f"longlag {commands[0]} has no setting"
                where = f"`{name}` ({self.path}, line {line})"
                text = unknown_name(rule, name, known)
                raise ValueError(text.replace(f"`{name}`", where, 1))
            argument = self.arguments[key]
            source = f"{self.path}, line {line}"
            if (other := spellings.setdefault(id(argument), name)) != name:
                raise ValueError(f"{source}: `{name}` is `{other}` again. Leave one of them out.")
            if not argument.tokens:
                for each in _texts(value, argument.hint, f"{source}: `{name}`"):
                    argument.append(Token(keyword=argument.name, value=each, source=source))

    @property
    def wanted(self) -> bool:
        """Whether the file is to be printed, and nothing run."""
        return _WRITES in self.arguments and bool(self.arguments[_WRITES].value)

    def text(self, command: str, documented: Iterable[Argument]) -> str:
        """The settings of the command line as a file.

        Args:
            command: The name of the command.
            documented: Its arguments with their help.
        """
        helps = {name: each for each in documented for name in _names(each)}
        groups: dict[str, list[str]] = {}
        for name, argument in self.arguments.items():
            if name == _WRITES:
                continue
            titles: Any = argument.parameter.group or ()
            group = next((each.name for each in titles), "")
            groups.setdefault(group, []).extend(_lines(name, argument, helps[name]))
        head = f"# longlag {command} FILE.toml"
        return "\n".join([head, *(line for each in groups.values() for line in each)]) + "\n"


def _names(argument: Argument) -> Iterator[str]:
    for name in argument.names:
        if name not in argument.negatives and name != "*":
            yield name.lstrip("-").replace("-", "_").lower()


def _text(path: Path) -> str:
    if not path.exists():
        raise ValueError(f"There is no settings file {path}. Write one with --print-config.")
    if not path.is_file():
        raise ValueError(f"{path} is no regular file. Name a file of settings.")
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{path} is no file of settings: it has more than 32 KiB.")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: no UTF-8. Save the file as UTF-8.") from None


def _parsed(path: Path, text: str) -> Mapping[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except ValueError as error:
        why, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        line = found[1] if found else text.count("\n") + 1
        raise ValueError(f"{path}, line {line}: no TOML: {why.rstrip('.')}.") from None


def _line(text: str, name: str) -> int:
    """The line in which a setting, or a table of that name, stands."""
    key = rf"^[ \t]*(?:\[+[ \t]*)?[\"']?{re.escape(name)}[\"']?[ \t]*[=.\]]"
    found = re.search(key, text, re.MULTILINE)
    return text.count("\n", 0, found.end()) + 1 if found else 1


def _kinds(hint: Any) -> set[Any]:
    """The types of values that an option takes."""
    if typing.get_origin(hint) is Literal:
        return {str}
    inner = typing.get_args(hint)
    several = {list} if typing.get_origin(hint) is list else set()
    return several.union(*map(_kinds, inner)) if inner else {hint}


def _texts(value: Any, hint: Any, rule: str) -> list[str]:
    """A value as the texts that the command line has, one for each time the option is given."""
    kinds = _kinds(hint)
    if isinstance(value, list) and {list, str} & kinds:
        texts = [text for each in value for text in _texts(each, hint, rule)]
        return texts if list in kinds else [",".join(texts)]
    # Where an option takes text, that may be of numbers, such as learning rates.
    fitting = {bool: {bool}, str: {str, Path}, int: {int, float, str}, float: {float, str}}
    if not fitting.get(type(value), set()) & kinds:
        rules = [words for kind, words in _RULES.items() if kind in kinds]
        raise ValueError(f"{rule} must be {' or '.join(rules)}, got {_toml(value)[:60]}.")
    return [_toml(value) if isinstance(value, bool) else str(value)]


def _lines(name: str, argument: Argument, documented: Argument) -> Iterator[str]:
    """A setting with its help, as a comment where it has no value."""
    yield ""
    choices = " | ".join(documented.get_choices() or ())
    for line in [*re.split(r"\s{2,}", str(documented.parameter.help or "").strip()), choices]:
        if line:
            yield f"# {' '.join(line.split())}"
    given = argument.value is not UNSET
    value = argument.value if given else argument.field_info.default
    absent = value is None or value is argument.field_info.empty
    setting = f"{name} = {'' if absent else _toml(value)}".rstrip()
    yield setting if given or not (absent or value is False) else f"# {setting}"


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return "a table"
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return str(value)
