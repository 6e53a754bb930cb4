"""The setup of the page: problem, framing, model and recipe, from the texts of their knobs."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from longlag.by_name import build
from longlag.encodings import ENCODINGS
from longlag.framings import FRAMINGS, Framing
from longlag.knobs import Knob, Knobs, lookup, unknown_name
from longlag.models import MODELS, ModelFactory
from longlag.problems import PROBLEMS, Problem
from longlag.training import Recipe
from longlag.trials.setting import Setting

Texts = Mapping[str, str]
"""The value of each knob as text, by its name on the command line: `hidden-size`."""

MOST_SEEDS = 8
MOST_STEPS = 400
"""Steps of an episode whose maps can be drawn."""

TABLES: dict[str, Mapping[str, type[Knobs]]] = {
    "problem": PROBLEMS,
    "framing": FRAMINGS,
    "model": MODELS,
}
DEFAULTS = {"problem": "echo-lag", "framing": "whole", "model": "lstm"}

ENCODING = Knob(
    name="encoding",
    kind=str,
    default=next(iter(ENCODINGS)),
    help="Integers as features.",
    choices=tuple(ENCODINGS),
)
SEEDS = Knob(
    name="seeds", kind=int, default=1, help="Random seeds.", at_least=1, at_most=MOST_SEEDS
)


class Own(NamedTuple):
    """The user's own problems and models, by their names: `path/to/file.py:MyProblem`."""

    problem: Mapping[str, Problem] = {}
    model: Mapping[str, ModelFactory] = {}

    def of(self, kind: str) -> Mapping[str, Any]:
        """Those of a kind; there are no framings of one's own."""
        return self.problem if kind == "problem" else self.model if kind == "model" else {}


NONE = Own()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setup:
    """A setting and its number of seeds, from the texts of a page.

    Attributes:
        problem, framing, model, encoding, recipe: As of a `longlag.Setting`.
        seeds: Number of seeds.
        knobs: The knobs of everything chosen, as texts.
    """

    problem: Problem
    framing: Framing
    model: ModelFactory
    encoding: str
    recipe: Recipe
    seeds: int
    knobs: dict[str, str]

    @classmethod
    def of(cls, texts: Texts, own: Own = NONE) -> Setup:
        """The setup of these texts; what is not among them has its default.

        A knob of an option that is not chosen, as `rows` of chunks under `whole`, is left out.

        Raises:
            ValueError: A name does not exist, or a value is out of range.

        >>> setup = Setup.of({"lag": "3", "framing": "chunks", "carry": "true", "timesteps": "5"})
        >>> setup.problem.lag, setup.framing
        (3, Chunks(timesteps=5, carry=True, rows='parallel'))
        """
        given = {name.replace("-", "_"): text for name, text in texts.items()}
        _refuse_unknown(given)
        names = {kind: given.get(kind, default) for kind, default in DEFAULTS.items()}
        chosen, knobs = {}, {}
        for kind, table in TABLES.items():
            if names[kind] in own.of(kind):
                chosen[kind], known = own.of(kind)[names[kind]], ()
            else:
                known = lookup(kind, names[kind], table).knobs()
                chosen[kind] = build(kind, names[kind], table, _values(known, given))
            knobs |= {kind: names[kind]} | _texts(known, chosen[kind])
        recipe = build("recipe", "recipe", {"recipe": Recipe}, _values(Recipe.knobs(), given))
        knobs |= _texts(Recipe.knobs(), recipe)
        encoding = lookup("encoding", given.get("encoding", str(ENCODING.default)), ENCODINGS)
        seeds = _seeds(given.get("seeds", "1"))
        knobs |= {"encoding": encoding.title(), "seeds": str(seeds)}
        if chosen["problem"].steps > MOST_STEPS:
            raise ValueError(
                f"The page draws sequences of at most {MOST_STEPS} steps, got "
                f"{chosen['problem'].steps}. Use fewer, or longlag audit on the command line."
            )
        return cls(**chosen, encoding=encoding.title(), recipe=recipe, seeds=seeds, knobs=knobs)

    def setting(self) -> Setting:
        """The setting to train.

        Raises:
            ValueError: The parts do not fit together.
        """
        encoding = None if self.encoding == ENCODING.default else ENCODINGS[self.encoding]
        setting = Setting(
            problem=self.problem,
            framing=self.framing,
            model=self.model,
            encoding=encoding,
            recipe=self.recipe,
        )
        _ = setting.layout  # refuses a batch size that does not fit
        return setting

    def own_knobs(self) -> dict[str, str]:
        """The knobs that differ from their defaults, and the three names."""
        texts: dict[str, str] = {}
        for kind in (*TABLES, "recipe"):
            texts |= {kind: self.knobs[kind]} if kind in TABLES else {}
            for knob in getattr(self, kind).knobs():
                name = option_text(knob.name)  # of the user's own there is none to choose
                if name in self.knobs and self.knobs[name] != as_text(knob.default):
                    texts[name] = self.knobs[name]
        for each in (ENCODING, SEEDS):
            if self.knobs[each.name] != str(each.default):
                texts[each.name] = self.knobs[each.name]
        return texts


def option_text(name: str) -> str:
    """The name of a knob on the command line, without its hyphens before."""
    return name.replace("_", "-")


def as_text(value: object) -> str:
    """The value of a knob as text: `true`, `0.001`, and nothing for None."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def named_knob(message: str) -> str | None:
    """The knob that a message is about, by its name on the command line; None if it names none.

    >>> named_knob("EchoLag: `lag` must be below `length` (25), got 30.")
    'lag'
    """
    known = _known()
    words = re.findall(r"`-{0,2}([\w-]+)`", message)
    return next((option_text(w) for w in words if w.replace("-", "_") in known), None)


def _known() -> dict[str, Knob]:
    """Every knob that the page has, by name."""
    kinds = [each for table in TABLES.values() for each in table.values()]
    knobs = [knob for kind in (*kinds, Recipe) for knob in kind.knobs()]
    return {knob.name: knob for knob in (*knobs, ENCODING, SEEDS)}


def _refuse_unknown(given: Texts) -> None:
    known = [*_known(), *TABLES]
    for name in given:
        if name not in known:
            raise ValueError(
                unknown_name("There is no knob", option_text(name), sorted(map(option_text, known)))
            )


def _values(known: tuple[Knob, ...], given: Texts) -> dict[str, str]:
    """The given values of these knobs; empty text is the default of one that may be left out."""
    return {
        knob.name: given[knob.name]
        for knob in known
        if knob.name in given and (given[knob.name] or not knob.optional)
    }


def _texts(known: tuple[Knob, ...], owner: object) -> dict[str, str]:
    return {option_text(knob.name): as_text(getattr(owner, knob.name)) for knob in known}


def _seeds(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_SEEDS:
        return int(text)
    raise ValueError(f"`seeds` must be a whole number from 1 to {MOST_SEEDS}, got {text[:40]}.")
