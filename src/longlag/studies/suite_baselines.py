"""Results of the baselines of the suite that come with longlag, to compare with at once."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from longlag import arguments
from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, Table, table, text
from longlag.answers.estimate import Estimate
from longlag.answers.format import listed
from longlag.framings import Whole
from longlag.knobs import lookup
from longlag.studies.match import COUNTED, Match
from longlag.studies.standing import LENGTHS, Standing
from longlag.studies.suite_rows import BASELINES, ROWS, SIZES, rows_of
from longlag.studies.theory import predict
from longlag.trials import identity
from longlag.trials.environment import Environment
from longlag.trials.setting import Setting

FILE = "suite_baselines.json"
"""The file of the results, beside this one."""


class BaselineResult(NamedTuple):
    """The result of a baseline on a problem of the suite.

    Attributes:
        standing: Where it stands.
        skills: The skill over seeds at each length, a multiple of that of training.
        width: The width that it got; None where it has none.
        rate: The learning rate that was chosen.
        sequences: The training sequences of each seed.
        note: Why seeds fell short; empty if none did.
        seeds: The seeds.
        effort: What the training sequences of the problem were multiplied with.
        date: The day on which it was trained.
        environment: The libraries and the machine.
    """

    standing: Standing
    skills: Mapping[int, Estimate]
    width: int | None
    rate: float
    sequences: tuple[int, ...]
    note: str
    seeds: tuple[int, ...]
    effort: float
    date: str
    environment: Environment


@arguments.checked
@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class SuiteBaselines(Answer):
    """Where each baseline stands on each problem of the suite.

    Results of parts that have changed since (`Problem.version`, `ModelFactory.version`) are left
    out.

    Attributes:
        match: What all baselines have equally much of.
        results: The results, problem by problem.
    """

    match: Match
    results: tuple[BaselineResult, ...]

    figures: ClassVar = ("matrix",)

    @property
    def problems(self) -> tuple[str, ...]:
        """The names of the problems."""
        return tuple(dict.fromkeys(each.standing.problem for each in self.results))

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the baselines."""
        found = {each.standing.model for each in self.results}
        return tuple(name for name in BASELINES if name in found)

    def of(self, problems: Iterable[str], models: Iterable[str] | None = None) -> SuiteBaselines:
        """The results on some problems, and of some baselines.

        Args:
            problems: Names of problems of the suite.
            models: Names of baselines; by default all.

        Raises:
            ValueError: There is no such problem of the suite, or no such baseline.
        """
        names = BASELINES if models is None else list(models)
        for name in names:
            lookup("baseline", name, BASELINES)
        rows = rows_of(tuple(problems))
        wanted = {(problem, name) for problem in rows for name in names}
        kept = (r for r in self.results if (r.standing.problem, r.standing.model) in wanted)
        return dataclasses.replace(self, results=tuple(kept))

    @property
    def terms(self) -> str:
        """Size, seeds, effort, day and libraries in a sentence."""
        efforts = listed([f"{each:g}" for each in sorted({r.effort for r in self.results})])
        seeds = listed([str(each) for each in sorted({len(r.seeds) for r in self.results})])
        days = sorted({each.date for each in self.results})
        day = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        libraries = dict.fromkeys(
            f"longlag {each.environment.packages['longlag']}, jax "
            f"{each.environment.packages['jax']}"
            for each in self.results
        )
        size = f"about {SIZES[self.match]:,} {COUNTED[self.match]}"
        return (
            f"Baselines of {size}, {seeds} seeds, effort {efforts}; trained {day} with "
            f"{listed(list(libraries))}."
        )

    @property
    def caption(self) -> str:
        return (
            "The longest length solved, as a multiple of that of training, or the skill where that "
            f"is not solved. {self.terms}"
        )

    def blocks(self) -> Iterator[Block]:
        if not self.results:
            yield text(f"No results at equal {self.match} come with this longlag.", kind="notice")
            return
        yield text(self.terms, kind="strong")
        yield self.table()
        yield text(LEGEND)

    def table(self) -> Table:
        """A row for each problem: which baselines go on, which learn it, and which do not."""
        rows = []
        for problem in self.problems:
            on = [each.standing for each in self.results if each.standing.problem == problem]
            on.sort(key=lambda each: (each.shade, each.skill), reverse=True)
            groups = (
                [each for each in on if each.goes_on],
                [each for each in on if each.longest and not each.goes_on],
                [each for each in on if not each.longest],
            )
            rows.append((problem, *(", ".join(map(_named, group)) for group in groups)))
        return table("", ("problem", "go on", "learn it", "do not learn it"), rows, fold=True)

    def document(self) -> dict[str, Any]:
        return {
            "match": self.match,
            "size": SIZES[self.match],
            "results": [_plain(each) for each in self.results],
        }

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        if level == "cell":
            return [_flat(each) for each in self.results]
        return [
            {
                "problem": each.standing.problem,
                "model": each.standing.model,
                "seed": seed,
                "longest": each.standing.per_seed[index],
                **{f"skill_{n}": skill.per_seed[index] for n, skill in each.skills.items()},
                "rate": each.rate,
                "sequences": each.sequences[index],
            }
            for each in self.results
            for index, seed in enumerate(each.seeds)
        ]


LEGEND = (
    "Go on: half of the seeds or more solve sequences 4 times as long as those of training or "
    "longer; learn it: the training length, or twice as long; do not learn it: with the skill "
    "there, and how many seeds do, if any. * theory says that it cannot at every length; ! it does "
    "at all that were tried."
)
"""How to read the table."""


def _named(standing: Standing) -> str:
    cell = standing.in_matrix().text.replace(" (", ", ").replace(")", "")
    if standing.longest:
        cell = standing.stored + standing.mark
    return f"{standing.model} ({cell.strip()})" if cell else standing.model


def suite_baselines(match: Match = "parameters") -> SuiteBaselines:
    """The results of the baselines of the suite that come with longlag; nothing is trained.

    Args:
        match: `parameters` or `state`: what all baselines have equally much of.

    Returns:
        Where each baseline stands on each problem; those of parts that have changed are left out.

    Raises:
        ValueError: There is no such size.

    >>> (found,) = suite_baselines().of(["parity"], ["lstm"]).results
    >>> found.standing.verdict
    'generalises'
    """
    lookup("match", match, COUNTED)
    return SuiteBaselines(match=match, results=_read(match))


@functools.cache
def _read(match: Match) -> tuple[BaselineResult, ...]:
    here = importlib.resources.files("longlag.studies").joinpath(FILE)
    document = json.loads(here.read_text(encoding="utf-8"))
    return tuple(
        result
        for problem in ROWS
        for name in BASELINES
        for run in document["runs"]
        if run["match"] == match
        for cell in run["cells"]
        if (cell["problem"], cell["model"]) == (problem, name)
        if cell["parts"] == parts(problem, name)
        for result in [_result(run, cell)]
    )


def parts(problem: str, model: str) -> str:
    """The versions of the parts of a result."""
    row = ROWS[problem]
    return identity.parts(
        Setting(problem=row.problem, framing=Whole(), model=BASELINES[model], tests=row.tests)
    )


def _result(run: Mapping[str, Any], cell: Mapping[str, Any]) -> BaselineResult:
    row, capacity = ROWS[cell["problem"]], cell["capacity"]
    skills = {times: _estimate(cell["skills"][str(times)]) for times in LENGTHS}
    theory = predict(BASELINES[cell["model"]], row.name, row.longer(max(LENGTHS)).steps)
    standing = Standing(
        problem=row.name,
        model=cell["model"],
        skills={times: skill.per_seed for times, skill in skills.items()},
        solve_at=run["solve_at"],
        side=cell["side"],
        excluded=theory is not None and not theory.can,
        capacity=None if capacity is None else (capacity[0], capacity[1]),
        knob=row.problem.ladder.knob,
    )
    return BaselineResult(
        standing=standing,
        skills=skills,
        width=cell["width"],
        rate=cell["rate"],
        sequences=tuple(cell["sequences"]),
        note=cell["note"],
        seeds=tuple(run["seeds"]),
        effort=run["effort"],
        date=run["date"],
        environment=Environment.read(run["environment"]),
    )


def _estimate(document: Mapping[str, Any]) -> Estimate:
    low, high = document["interval"]
    return Estimate(document["mean"], (low, high), tuple(document["per_seed"]), document["caveat"])


def _flat(result: BaselineResult) -> dict[str, Any]:
    """The figures of a result, as plain values."""
    standing = result.standing
    return {
        "problem": standing.problem,
        "model": standing.model,
        "verdict": standing.verdict,
        "longest": standing.longest,
        **{f"skill_{times}": skill for times, skill in result.skills.items()},
        "rate": result.rate,
        "capacity": standing.capacity and standing.capacity[0],
        "against_theory": standing.against_theory,
        "width": result.width,
        "seeds": len(result.seeds),
        "effort": result.effort,
        "date": result.date,
        "note": result.note,
    }


def _plain(result: BaselineResult) -> dict[str, Any]:
    return {
        **_flat(result),
        "longest_per_seed": result.standing.per_seed,
        "sequences": result.sequences,
        "seeds": result.seeds,
        "libraries": result.environment.libraries,
    }
