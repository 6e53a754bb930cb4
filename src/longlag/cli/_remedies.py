"""Remedies: what an error or an answer tells to change, as flags of the command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from longlag.by_name import option
from longlag.cli import _command_line
from longlag.framings import FRAMINGS
from longlag.problems import PROBLEMS

if TYPE_CHECKING:
    from longlag.knobs import Knobs

_CALL = r"(?P<what>framing |model |problem )?(?P<kind>\w+)\((?P<knobs>(?:[^()]|\([^()]*\))*)\)"
_ARGUMENT = r"\b(?P<name>\w+)=(?P<mark>'?)(?P<value>[\w.+-]*\w|\(\d[\d, ]*\))(?P=mark)"
_WORD = r"(?<![`'\w.])(?P<word>[a-z]+_[a-z_]+)\b"
_TOGETHER = r"(--[a-z][a-z-]*(?: (?:'[^']*'|[^\s,;.]\S*(?<![,;])))?) and (?=--)"
_SUBJECT = "subject"  # what `longlag check` is about
_MODELS = "model", "models", _SUBJECT
_BRACKETS = r"\b(?P<model>[\w-]+)\((?P<knobs>[^)]*)\)"  # of a model on the command line


def as_flags(
    remedy: str,
    known: Collection[str] | None = None,
    given: Mapping[str, str] = _command_line.flags,
) -> str:
    """A remedy of Python arguments as flags of the command line, which can be pasted.

    What belongs together is separated by spaces alone.

    Args:
        remedy: A sentence.
        known: The flags of the command; what it does not have is left as it is.
        given: The flags of the old framing and model, by name of their knob; those that the
            new ones do not have are to be left out.

    >>> as_flags("Use rows='parallel', carry=True and learning_rate=0.01.")
    'Use --rows parallel, --carry --learning-rate 0.01.'
    >>> as_flags("Use Prefix(pad='end') or adopt(…, causal=False).")
    'Use --framing prefix --pad end or adopt(…, causal=False).'
    >>> as_flags("Use framing Whole().", given={"timesteps": "--timesteps"})
    'Use --framing whole without --timesteps.'
    >>> as_flags("Use model Seq2Seq() or problem EchoSubsequence().")
    'Use --model seq2seq or problem echo-subsequence.'
    """

    def replaced(found: re.Match[str]) -> str:
        if found["word"]:
            return option(found["word"]) if option(found["word"]) in (known or ()) else found[0]
        if found["kind"] is None:
            value = f"{found['mark']}{found['value']}{found['mark']}"
            return _in_brackets(found["name"], value) or _argument(found, known)
        return _called(found, known, given)

    text = re.sub(f"{_CALL}|{_ARGUMENT}|{_WORD}", replaced, remedy)
    return re.sub(_TOGETHER, r"\1 ", text)


def as_study_flags(remedy: str, kind: str, given: Mapping[str, str] = _command_line.flags) -> str:
    """A remedy as flags of `longlag train`, or of the command of this kind of study.

    >>> as_study_flags("Use sequences=800 or learning_rate=0.01.", "compare")
    'Use --budget 800 or --learning-rates 0.01.'
    """
    text = as_flags(remedy, given=given)
    if kind == "train":
        return text
    if kind in ("compare", "generalise"):
        text = text.replace("--model ", "--models ")
    rates = "--learning-rates " if kind in ("compare", "profile") else "--learning-rate "
    return text.replace("--sequences ", "--budget ").replace("--learning-rate ", rates)


def _argument(found: re.Match[str], known: Collection[str] | None) -> str:
    """An argument as a flag, where the command has that."""
    name, value = found["name"], found["value"]
    typed = f"--no-{option(name)[2:]}" if value == "False" else option(name)
    if known is not None and typed not in known:
        return found[0]
    value = value.strip("()").replace(" ", "")  # (40, 80) is 40,80
    return typed if value in ("True", "False") else f"{typed} {value}"


def _called(found: re.Match[str], known: Collection[str] | None, given: Mapping[str, str]) -> str:
    """A framing, a problem or a model as the command takes it; as it is where it takes none."""
    kind, what = found["kind"], found["what"] or ""
    knobs = as_flags(found["knobs"], known).replace(", --", " --")
    if (name := _name_in(FRAMINGS, kind)) and (known is None or "--framing" in known):
        return f"--framing {name} {knobs}".rstrip() + _without(name, FRAMINGS, given)
    if name := _name_in(PROBLEMS, kind):
        what = "--problems " if "--problems" in (known or ()) else what
        return f"{what}{name} {knobs}".rstrip()
    flag = _flag_of_models(known)
    if flag is None or not kind[0].isupper():
        return found[0]
    from longlag.models import MODELS  # jax, which has read the model that is left

    if not (name := _name_in(MODELS, kind)):
        return found[0]
    return f"{flag or what}{name} {knobs}".rstrip() + _without(name, MODELS, given)


def _name_in(table: Mapping[str, type[Knobs]], kind: str) -> str:
    """The name of a class in a table; empty if it has none."""
    return next((name for name, each in table.items() if each.__name__ == kind), "")


def _flag_of_models(known: Collection[str] | None) -> str | None:
    """Before the name of a model; None where the command takes no model."""
    if known is None or "--model" in known:
        return "--model "
    return "--models " if "--models" in known else "" if _SUBJECT in _command_line.texts else None


def _without(name: str, table: Mapping[str, type[Knobs]], given: Mapping[str, str]) -> str:
    """The given flags of other classes of a table, to be left out with the class of this name."""
    own = {knob.name for knob in table[name].knobs()}
    others = {knob.name for kind in table.values() for knob in kind.knobs()} - own
    drop = [flag for knob, flag in given.items() if knob in others]
    return f" without {' or '.join(drop)}" if drop else ""


def _in_brackets(knob: str, value: str) -> str:
    """The models of the command line with a knob changed; empty where it stands in no brackets.

    Its flag would be refused beside it.
    """
    given = next((name for name in _MODELS if "(" in _command_line.texts.get(name, "")), None)
    if given is None:
        return ""
    text = _command_line.texts[given]
    calls = [each for each in re.finditer(_BRACKETS, text) if _has(each["model"], knob)]
    # Of several models a flag is for those without brackets.
    calls = [each for each in calls if given != "model" or re.search(_set(knob), each["knobs"])]
    if not calls:
        return ""
    if len(calls) > 1:
        return f"{knob}={value} in the brackets of the model"
    (call,) = calls
    others = [each.strip() for each in call["knobs"].split(",") if each.strip()]
    knobs = [f"{knob}={value}" if re.match(_set(knob), each) else each for each in others]
    if knobs == others:
        knobs.append(f"{knob}={value}")
    changed = f"{call['model']}({', '.join(knobs)})"
    flag = "" if given == _SUBJECT else f"--{given} "
    return flag + shlex.quote(f"{text[: call.start()]}{changed}{text[call.end() :]}")


def _set(knob: str) -> str:
    return rf"\b{knob}\s*="


def _has(model: str, knob: str) -> bool:
    from longlag.models import MODELS  # jax, which has read the model

    return model in MODELS and knob in {each.name for each in MODELS[model].knobs()}
