"""Citations: how to cite longlag, and what was run, for a paper."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from itertools import starmap
from pathlib import Path
from typing import Any, NamedTuple

from longlag.answers.answer import plain
from longlag.answers.format import counted, listed, span, visible
from longlag.answers.writers import latex_text
from longlag.knobs import named_arguments
from longlag.store.records import Record, StoreError
from longlag.store.store import Store
from longlag.trials.outcome import Outcome

_KEY = "longlag"

_SKILL = (
    "Skill is 0 for chance and 1 for the best score possible on the problem, on fresh sequences."
)

_MEANS = (
    "intervals of 95 percent over seeds (Student's t, and no narrower than the noise of the test "
    "sequences by Clopper and Pearson)"
)
_MEDIANS = "intervals for the median over seeds from their order"

INTERVALS = {
    "frontier": _MEDIANS,
    "compare": _MEANS,
    "profile": _MEANS,
    "generalise": f"{_MEANS}, and {_MEDIANS} of the longest length solved",
    "suite": _MEANS,
}
"""The method of the intervals, by kind of study."""

_MOST = 4  # values of a knob that are listed one by one


class Tried(NamedTuple):
    """A problem that models were trained on.

    Attributes:
        problem: Its name.
        version: Its version; None for a trial of an earlier longlag.
        knobs: The values of each knob.
    """

    problem: str
    version: int | None
    knobs: Mapping[str, tuple[Any, ...]]

    def __str__(self) -> str:
        version = [] if self.version is None else [f"version {self.version}"]
        return f"{self.problem} ({', '.join([*version, *starmap(_values, self.knobs.items())])})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ran:
    """The finished trials of a store.

    Attributes:
        trials: Their number.
        kinds: The kinds of their studies, as the commands are called.
        problems: The problems that models were trained on.
        models: The models, by label, with the smallest and the largest number of weights.
        states: The least and the most numbers of state of those that carry any, by label.
        framings: The framings, by label.
        seeds: The seeds.
        budgets: Largest numbers of training sequences of a trial.
        learning_rates: The learning rates.
        optimizers: The optimisers, with the other knobs of their recipes.
        environments: The environments they ran in, as documents.
        libraries: The libraries of each environment, as text, and likewise `machines`.
    """

    trials: int
    kinds: tuple[str, ...]
    problems: tuple[Tried, ...]
    models: Mapping[str, tuple[int, int]]
    states: Mapping[str, tuple[int, int]]
    framings: tuple[str, ...]
    seeds: tuple[int, ...]
    budgets: tuple[int, ...]
    learning_rates: tuple[float, ...]
    optimizers: tuple[str, ...]
    environments: tuple[Mapping[str, Any], ...]
    libraries: tuple[str, ...]
    machines: tuple[str, ...]

    def __str__(self) -> str:
        state = {name: f", state {span(each)}" for name, each in self.states.items()}
        models = (
            f"{name} ({span(each)} weights{state.get(name, '')})"
            for name, each in self.models.items()
        )
        rates = listed(f"{rate:g}" for rate in self.learning_rates)
        methods = listed(dict.fromkeys(INTERVALS[kind] for kind in self.kinds if kind in INTERVALS))
        sentences = [
            f"{counted(self.trials, 'trial')} ({_seeds(self.seeds)}; framing "
            f"{listed(self.framings)}; {listed(self.optimizers)}; learning rate {rates}; at most "
            f"{listed(f'{budget:,}' for budget in self.budgets)} training sequences each)",
            f"Problems: {'; '.join(map(str, self.problems))}",
            f"Models: {'; '.join(models)}",
            f"{methods[:1].upper()}{methods[1:]}",
            f"Libraries: {'; and '.join(self.libraries)}" if self.libraries else "",
            f"Machine: {'; and '.join(self.machines)}" if self.machines else "",
        ]
        text = " ".join(f"{each}." for each in sentences if each)
        return visible(" ".join(text.split()))  # a line, whatever a store has


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Citation:
    """How to cite longlag: prints as BibTeX and a sentence, in LaTeX.

    Attributes:
        bibtex: The entry.
        sentence: A sentence for a methods section, as plain text; `latex` is the same in LaTeX.
        ran: What was run; None without a store.
    """

    bibtex: str
    sentence: str
    ran: Ran | None = None

    @property
    def latex(self) -> str:
        """The sentence in LaTeX."""
        return latex_text(self.sentence).replace(f"[{_KEY}]", f"\\cite{{{_KEY}}}", 1)

    def __str__(self) -> str:
        return f"{self.bibtex}\n\n{self.latex}"

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """The parts as plain values."""
        ran = None
        if self.ran is not None:
            ran = plain(self.ran) | {"problems": [each._asdict() for each in self.ran.problems]}
        return {**{k: getattr(self, k) for k in ("bibtex", "sentence", "latex")}, "ran": plain(ran)}


@named_arguments
def cite(store: str | os.PathLike[str] | None = None, *, study: str | None = None) -> Citation:
    """How to cite longlag in a paper, and what was run.

    Args:
        store: A store of finished trials, to say what was run.
        study: Only its study of this name, or of this kind; the first letters are enough.

    Raises:
        ValueError: There is no such store or study, or it has no finished trial.

    >>> print(cite().bibtex.splitlines()[0])
    @misc{longlag,
    """
    if store is None and study is not None:
        raise ValueError("cite: `study` is one of a store. Name the store, as in 'study.db'.")
    software, ran = _software(), None
    if store is not None:
        with Store(store) as saved:
            ran = _ran(saved, study)
        ran_with = {each["packages"].get("longlag", "") for each in ran.environments}
        if len(ran_with) == 1:  # else the sentence lists them
            software = software._replace(version=ran_with.pop())
    authors = " and ".join(f"{{{author}}}" for author in software.authors)
    bibtex = (
        f"@misc{{{_KEY},\n  author = {{{authors}}},\n  title = {{{{{software.title}}}}},\n"
        f"  note = {{Python package, version {software.version}}}\n}}"
    )
    jax = f" (JAX {metadata.version('jax')})" if ran is None else ""
    sentence = (
        f"Models were trained and scored with longlag {software.version}{jax} [{_KEY}]. {_SKILL}"
    )
    return Citation(
        bibtex=bibtex, sentence=sentence if ran is None else f"{sentence} {ran}", ran=ran
    )


class _Software(NamedTuple):
    title: str
    authors: tuple[str, ...]
    version: str


def _software() -> _Software:
    """What `CITATION.cff` says: it is in the package, in a checkout at its root."""
    package = Path(__file__).parents[1]
    places = package / "CITATION.cff", package.parents[1] / "CITATION.cff"
    text = next(place for place in places if place.is_file()).read_text("utf-8")
    fields = dict(re.findall(r'^([\w-]+): "?(.*?)"?$', text, re.MULTILINE))
    authors = re.findall(r'^ +- name: "(.*)"$', text, re.MULTILINE)
    return _Software(fields["title"], tuple(authors), fields["version"])


def _ran(store: Store, study: str | None) -> Ran:
    one = None if study is None else store.study(study)
    chosen = None if one is None else one.id
    records = store.records(study=chosen)
    if not records:
        raise StoreError(f"There is no finished trial in {store.path}. Run a study first.")
    kinds = [each.kind for each in (store.studies() if one is None else [one])]
    settings = [store.setting(record.id) for record in records]
    documents = [_part(setting, "recipe") for setting in settings]
    recipes = [_recipe(each) for each in documents]
    problems = [_part(setting, "problem") for setting in settings]
    environments, outcomes = store.environments(study=chosen), _outcomes(store, records)
    return Ran(
        trials=len(records),
        kinds=tuple(dict.fromkeys(kinds)),
        problems=tuple(_tried(zip(records, problems, strict=True))),
        models={name: _ends(each.parameters for each in every) for name, every in outcomes.items()},
        states={
            name: _ends(state)
            for name, every in outcomes.items()
            if (state := [each.state for each in every if each.state])
        },
        framings=tuple(sorted({record.framing for record in records})),
        seeds=tuple(sorted({record.seed for record in records})),
        budgets=tuple(sorted({recipe[0] for recipe in recipes})),
        learning_rates=tuple(sorted({recipe[1] for recipe in recipes})),
        optimizers=tuple(sorted({_optimizer(each) for each in documents})),
        environments=tuple(each.document() for each in environments),
        libraries=tuple(dict.fromkeys(each.libraries for each in environments)),
        machines=tuple(dict.fromkeys(each.machine for each in environments)),
    )


def _part(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A part of the document of a setting; empty where a damaged one has none."""
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _recipe(recipe: Mapping[str, Any]) -> tuple[int, float]:
    """The budget and the learning rate of a recipe; stores of earlier versions say `epochs`."""
    budget, rate = recipe.get("sequences", recipe.get("epochs")), recipe.get("learning_rate")
    return budget if isinstance(budget, int) else 0, rate if isinstance(rate, float) else 0.0


def _optimizer(recipe: Mapping[str, Any]) -> str:
    """The optimiser of a recipe, with its batches and its further knobs."""
    named = "kind", "sequences", "epochs", "learning_rate", "stop_at", "optimizer", "batch_size"
    rest = (f"{name} {_short(value)}" for name, value in recipe.items() if name not in named)
    name, batch = (recipe.get(each, "unknown") for each in ("optimizer", "batch_size"))
    return ", ".join([f"{name} with batches of {batch}", *rest])


def _ends(numbers: Iterable[int]) -> tuple[int, int]:
    every = sorted(numbers)
    return every[0], every[-1]


def _outcomes(store: Store, records: Iterable[Record]) -> dict[str, list[Outcome]]:
    """An outcome of every problem and framing of each model."""
    found: dict[str, list[Outcome]] = {}
    for record in {(each.problem, each.framing, each.model): each for each in records}.values():
        if outcome := store.outcome(record.id):
            found.setdefault(record.model, []).append(outcome)
    return dict(sorted(found.items()))


def _tried(trials: Iterable[tuple[Record, dict[str, Any]]]) -> Iterator[Tried]:
    """The problems of trials, with all values of each knob."""
    values: dict[tuple[str, int | None], dict[str, set[Any]]] = {}
    for record, document in trials:
        name = record.problem.partition(" ")[0]
        version = re.search(rf"(?:^|, ){re.escape(name)} (\d+)(?:,|$)", record.parts)
        knobs = values.setdefault((name, int(version[1]) if version else None), {})
        for knob, value in (_part(document, "knobs") or document).items():
            if isinstance(value, int | float):
                knobs.setdefault(knob, set()).add(value)
    for (name, version), knobs in sorted(values.items(), key=str):
        ordered = {knob: tuple(sorted(some)) for knob, some in knobs.items()}
        yield Tried(name, version, ordered)


def _values(knob: str, values: tuple[Any, ...]) -> str:
    few = len(values) <= _MOST
    text = listed(map(_short, values)) if few else f"{_short(values[0])} to {_short(values[-1])}"
    return f"{knob} {text}"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _seeds(seeds: tuple[int, ...]) -> str:
    if len(seeds) > 1 and seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seed{'s' * (len(seeds) > 1)} {listed(seeds)}"
