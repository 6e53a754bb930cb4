"""The answer of a comparison."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from longlag.adapters.models.user_model import MakeModel
from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, Table, number_cell, table, text
from longlag.answers.blocks import cell as as_cell
from longlag.answers.estimate import Estimate, caveats
from longlag.answers.format import OPEN, SKILL, causes, counted
from longlag.models import ModelFactory
from longlag.studies import differences, labels
from longlag.studies.about import About
from longlag.studies.comparison_cell import Cell, plain
from longlag.studies.differences import Skills
from longlag.studies.lower_bound import LowerBound
from longlag.studies.match import Match, Sized, words
from longlag.studies.rates import BEYOND, RateSearch
from longlag.trials.outcome import COST, ModelSize, cost_cells, size_and_speed

_KINDS = {"solved": "good", "solved by some": "part", "above chance": "part"}
_SUBJECT = "Skill of each model at each level of each problem."
_PARTIAL = "* Of the other seeds alone: some failed or are not run (why not)."


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class ComparisonAnswer(Answer):
    """Several models at each level of several problems.

    Attributes:
        about: The terms of the study.
        problems: The labels of the problems, in their order.
        models: The labels of the models, in their order.
        rates: The learning rates that every model tried at the first rung.
        cells: Every model at every rung of every problem, at its chosen rate.
        ladder: Every model at the first rung of every problem, at every rate.
        searches: For every model and problem, the rates tried beyond `rates`, and which work.
        match: What the models have as many of as the first: `parameters`, `state` or None.
        sizes: The widths that were found for it.
        left: Number of trials not yet run, at most.
        lower_bound: The trials still learning when the budget ended; None if there are none.
    """

    about: About
    problems: tuple[str, ...]
    models: tuple[str, ...]
    rates: tuple[float, ...]
    cells: tuple[Cell, ...]
    ladder: tuple[Cell, ...]
    searches: tuple[RateSearch, ...]
    match: Match | None
    sizes: tuple[Sized, ...]
    left: int
    lower_bound: LowerBound | None

    figures: ClassVar = ("skill", "learning rates")

    @property
    def complete(self) -> bool:
        """Whether all trials have ended."""
        return not self.left

    @property
    def failed(self) -> Mapping[str, str]:
        return {
            f"{cell.problem}, {cell.knob} {cell.rung}, {cell.model}": causes(cell.absences)
            for cell in self.cells
            if cell.missing
        }

    @property
    def caption(self) -> str:
        return self.about.caption(
            " ".join(filter(None, [_SUBJECT, self.matched, self.partial, self.open])),
            (outcome for cell in self.cells for outcome in cell.outcomes),
        )

    @property
    def open(self) -> str:
        """How many trials are left, as a sentence; empty if none is."""
        return OPEN.format(what=f"at most {counted(self.left, 'trial')} left") if self.left else ""

    @property
    def partial(self) -> str:
        """What the mark of a verdict means; empty if there is none."""
        return _PARTIAL if any(cell.marked != cell.verdict for cell in self.cells) else ""

    @property
    def matched(self) -> str:
        """The widths of models of equal size, as a sentence; empty if sizes are as given."""
        return words(self.match, self.models[0], self.sizes) if self.match else ""

    def blocks(self) -> Iterator[Block]:
        for problem in self.problems:
            yield text(problem, kind="strong")
            yield text("; ".join(self._sizes(problem)))
            yield self._table(cell for cell in self.cells if cell.problem == problem)
        yield self._rates_table()
        yield self._cost_table()
        yield text(self.partial, kind="notice")
        yield text(self.about.names_sentence)
        yield text(self.matched)
        yield text(self.widened)
        if self.lower_bound:
            yield text(self.lower_bound.advice(flags=False), kind="notice")
        yield text(self.open, kind="notice")
        doubt = caveats(cell.skill for cell in self.cells if cell.skill)
        yield text(
            f"Skill: {SKILL}. Solved: {self.about.solve_at:g} or "
            f"more. {counted(len(self.about.seeds), 'seed')}, at most {self.about.budget:,} "
            "sequences per trial. Sequences to solve: mean over seeds; an unsolved seed counts as "
            f"the whole budget. {self.about.recipe_sentence}{doubt}".strip()
        )

    def _sizes(self, problem: str) -> Iterator[str]:
        """The size of each model on a problem, over its levels."""
        for model in self.models:
            place = problem, model
            cells = [cell for cell in self.cells if (cell.problem, cell.model) == place]
            if every := [outcome for cell in cells for outcome in cell.outcomes]:
                yield f"{model}: {ModelSize.of(every)}"

    def table(self) -> Table:
        every = self._table(self.cells)
        rows = (
            (as_cell(cell.problem), level, as_cell(cell.model), *sizes, *row)
            for cell, (level, _, *row) in zip(self.cells, every.rows, strict=True)
            for sizes in [map(number_cell, ModelSize.of(cell.outcomes))]
        )
        head = "problem", "level", "model", "weights", "state", *every.head[2:]
        return dataclasses.replace(every, head=head, rows=tuple(rows))

    def _table(self, cells: Iterable[Cell]) -> Table:
        head = "", "model", "verdict", "skill", "solved", "sequences to solve", "rate", "why not"
        rows, before = [], None
        for cell in cells:
            solved = f"{cell.time.solved} of {cell.time.count + cell.missing}" if cell.time else ""
            rows.append(
                (
                    f"{cell.knob} {cell.rung}",
                    cell.model if (cell.problem, cell.model) != before else "",
                    as_cell(cell.marked)._replace(kind=_KINDS.get(cell.verdict, "bad")),
                    str(cell.skill or ""),
                    solved,
                    f"{cell.time.mean.mean:,.0f}" if cell.time else "",
                    f"{cell.rate:g}",
                    causes(cell.shortfalls.elements()),
                )
            )
            before = cell.problem, cell.model
        return table("", head, rows)

    @property
    def widened(self) -> str:
        """The rates tried beyond those of all, as a sentence; empty if there are none."""
        parts = []
        for problem, model, beyond, _ in self.searches:
            if beyond:
                parts.append(f"{' and '.join(map('{:g}'.format, beyond))} for {model} on {problem}")
        why = "Rates widened, since the best was at the edge of those tried"
        return f"{why}: {'; '.join(parts)}.{self._edge}" if parts else ""

    @property
    def _edge(self) -> str:
        """Where the best rate is still at the edge, though all were tried; empty if nowhere."""
        chosen = {(each.problem, each.model): each.rate for each in self.cells if each.chosen}
        edges = []
        for problem, model, beyond, _ in self.searches:
            tried, best = {*self.rates, *beyond}, chosen.get((problem, model))
            if len(beyond) == BEYOND and best in (min(tried), max(tried)):
                edges.append(f"{best:g} for {model} on {problem}")
        more = "Give other learning rates to look further"
        return f" The best is still at the edge: {'; '.join(edges)}. {more}." if edges else ""

    def _rates_table(self) -> Table:
        if len(self.rates) == 1 or not self.ladder:
            return table("", (), ())
        rates = sorted({cell.rate for cell in self.ladder} | {*self.rates})
        head = "first level, skill at rate", *(f"{rate:g}" for rate in rates), "rates that work"
        skills = {
            (cell.problem, cell.model, cell.rate): f"{cell.skill.mean:.3f}"
            if cell.skill
            else "missing"
            for cell in self.ladder
        }
        rows = []
        for each in self.searches:
            problem, model, _, good = each
            work = " to ".join(f"{rate:g}" for rate in dict.fromkeys(good or ()))
            every = (skills.get((problem, model, rate), "") for rate in rates)
            rows.append((f"{problem}, {model}", *every, work))
        return table("", head, rows)

    def _cost_table(self) -> Table:
        """What each model took at the largest level of a problem."""
        rows = []
        for place in itertools.product(self.problems, self.models):
            cells = (cell for cell in self.cells if (cell.problem, cell.model) == place)
            if found := [cell.outcomes for cell in cells if cell.outcomes]:
                names = place if len(self.problems) > 1 else place[1:]
                rows.append((", ".join(names), *cost_cells(found[-1])))
        return table("", ("cost at the largest level", *COST), rows)

    def document(self) -> dict[str, Any]:
        return {
            "cells": list(map(plain, self.cells)),
            "learning_rates": list(map(plain, self.ladder)),
            "rate_searches": [each._asdict() for each in self.searches],
            "match": self.match,
            "sizes": [each._asdict() for each in self.sizes],
            "complete": self.complete,
            "lower_bound": self.lower_bound and self.lower_bound._asdict(),
            **self.about.provenance(o for c in (*self.cells, *self.ladder) for o in c.outcomes),
        }

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        rows = []
        good = {(each.problem, each.model): each.good for each in self.searches}
        for cell in self.cells:
            low, high = good.get((cell.problem, cell.model)) or (None, None)
            place = {
                "problem": cell.problem,
                "model": cell.model,
                "knob": cell.knob,
                "level": cell.rung,
                "learning_rate": cell.rate,
            }
            if level == "trial":
                rows += [trial.row(self.about, **place) for trial in cell.trials]
                continue
            rows.append(
                {
                    **place,
                    "verdict": cell.verdict,
                    "skill": cell.skill,
                    "solved": cell.time.solved if cell.time else 0,
                    "seeds": len(cell.trials),
                    "missing": cell.missing,
                    "sequences_to_solve": cell.time.mean if cell.time else None,
                    **size_and_speed(cell.outcomes),
                    "good_rates_low": low,
                    "good_rates_high": high,
                    "why_not": causes(cell.shortfalls.elements()),
                    "problem_version": self.about.versions.get(cell.problem),
                }
            )
        return rows

    def mean_skill(self, model: str) -> Estimate | None:
        """The mean skill of a model over all problems and rungs; None where one is missing.

        Its interval covers the spread between seeds and the noise of the test sequences.
        """
        places = self._skills_of(model)
        return None if places is None else differences.mean_skill(places)

    def difference(
        self,
        model: ModelFactory | MakeModel | str,
        other: ModelFactory | MakeModel | str,
        *,
        pairs: int = 1,
    ) -> Estimate | None:
        """The mean skill of one model less that of another, over all problems and rungs.

        Paired by seed, since both train and are scored on the same sequences. The interval covers
        the spread between seeds and the noise of the test sequences.

        Args:
            model: A model: its label, or as the comparison got it.
            other: Another.
            pairs: The number of differences that are looked at together: each interval is so much
                wider that all of them hold with the confidence of one (Bonferroni).

        Returns:
            The difference; None where a trial of either is missing (`failed` says which).

        Raises:
            ValueError: There is no such model.
        """
        ours, theirs = (self._skills_of(labels.label(self.models, m)) for m in (model, other))
        if ours is None or theirs is None:
            return None
        return differences.difference(ours, theirs, pairs)

    def differences(self) -> dict[tuple[str, str], Estimate]:
        """The difference of every pair of models without missing trials, corrected for all."""
        return differences.every_pair(
            self.models, lambda model, other, pairs: self.difference(model, other, pairs=pairs)
        )

    def _skills_of(self, model: str) -> list[Skills] | None:
        """The skills of a model in its cells; None where a trial is missing."""
        cells = [cell for cell in self.cells if cell.model == model]
        if not (cells and self.complete and all(c.skill and not c.missing for c in cells)):
            return None
        return [Skills.of([each.score() for each in cell.outcomes]) for cell in cells]
