"""Models by name: `lstm`, or `lstm(hidden_size=64)`."""

from __future__ import annotations

import ast
import re
from typing import Any

from longlag.knobs import lookup
from longlag.models import MODELS, ModelFactory
from longlag.other_names import own_name


def parse(text: str, *, words: bool = True) -> tuple[str, dict[str, Any]]:
    """The name and the knobs of a text.

    Args:
        text: A name, or a name with knobs in brackets.
        words: Whether a value may be a word without quotes, which a shell takes away.

    Raises:
        ValueError: It is neither a name nor a name with knobs.

    >>> parse("lstm(hidden_size=64)"), parse("gru"), parse("bidirectional(cell=gru)")
    (('lstm', {'hidden_size': 64}), ('gru', {}), ('bidirectional', {'cell': 'gru'}))
    >>> parse("min-gru(hidden-size=8)")
    ('min-gru', {'hidden_size': 8})
    """
    name, bracket, _ = text.partition("(")
    shown, equals, model = (part.strip() for part in text.partition("="))
    if call := as_in_tables(text):
        raise ValueError(f"`{text:.80}` is no model. Write its knobs in brackets: {call}.")
    if equals and "(" not in shown:
        raise ValueError(f"`{text:.80}` is no model. Show it by a name: {{{shown!r}: {model!r}}}.")
    if not bracket:
        return text.strip(), {}
    try:
        code = name.strip().replace("-", "_") + text.strip()[len(name.strip()) :]
        call = ast.parse(_HYPHENS.sub("_", code), mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args:
            knobs = {str(each.arg): _value(each.value, words) for each in call.keywords}
            if len(knobs) == len(call.keywords) and "None" not in knobs:  # None: of `**`
                return name.strip(), knobs
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass  # a TypeError is of a key that cannot be one
    known = next((each for each in MODELS if each == name.strip().lower()), name.strip() or "lstm")
    size = number[0] if (number := re.findall(r"\(\s*(\d{1,6})\s*\)", text)) else 64
    raise ValueError(
        f"`{text:.80}` is no model. Write its knobs by name: {known}(hidden_size={size})."
    )


_HYPHENS = re.compile(r"(?<=[a-z])-(?=[a-z-]+=)")  # of the names of flags

_WORDS = {"true": True, "false": False, "none": None}


def _value(node: ast.expr, words: bool) -> Any:
    """The value of a knob."""
    if words and isinstance(node, ast.Name):
        return _WORDS.get(node.id.lower(), node.id)
    return ast.literal_eval(node)


def as_in_tables(text: str) -> str:
    """The text of a model that is written as in tables, `lstm hidden_size=4`; or empty.

    >>> as_in_tables("lstm units=4"), as_in_tables("lstm 4"), as_in_tables("lstm(hidden_size=4)")
    ('lstm(hidden_size=4)', 'lstm(hidden_size=4)', '')
    """
    name, *words = re.sub(r"\s*=\s*", "=", text).split() or [""]
    knobs = [f"hidden_size={word}" if word.isdecimal() else word for word in words]
    if name not in MODELS or not knobs or any("=" not in each or "(" in each for each in knobs):
        return ""
    names = [knob.name for knob in MODELS[name].knobs()]
    pairs = (each.partition("=") for each in knobs)
    return f"{name}({', '.join(f'{own_name(knob, names)}={value}' for knob, _, value in pairs)})"


def by_name(text: str) -> ModelFactory:
    """The model of a text.

    Raises:
        ValueError: There is no such model, or a knob is out of range.
        TypeError: There is no such knob.

    >>> by_name("lstm(hidden_size=64)")
    LSTM(hidden_size=64, chrono=None)
    """
    name, knobs = parse(text)
    return lookup("model", name, MODELS)(**knobs)
