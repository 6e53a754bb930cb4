"""The answer of the suite: a matrix of problems and models, and what stands behind each cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, Cell, Table, cell, number_cell, table, text
from longlag.answers.estimate import Estimate, caveats
from longlag.answers.format import SKILL, counted, span
from longlag.studies.about import About, SeedResult
from longlag.studies.match import COUNTED
from longlag.studies.standing import Standing
from longlag.studies.suite_baselines import LEGEND, SuiteBaselines
from longlag.studies.suite_rows import TIMES, named_at
from longlag.studies.theory import Prediction
from longlag.trials.outcome import ModelSize, Outcome, side_of_chance, size_and_speed, skill

_MAIN = "as trained"
_TESTS = {1: _MAIN, **{times: named_at(times) for times in TIMES}}
_NONE = " Where no trial fits into the time, use a larger `minutes` or a smaller `effort`."


class SuiteCell(NamedTuple):
    """The results of a model on a problem of the suite.

    Attributes:
        problem: The name of the problem.
        model: The label of the model.
        width: The width that the model got; None where it has none.
        rate: The learning rate that was chosen; None where that is not done yet.
        sweep: The skill on the validation stream at each rate, of the seed that chose.
        good: The lowest and the highest rate that work; None where that is not known.
        trials: The finished seeds.
        solve_at: Skill from which a seed counts as having learned a length.
        theory: What theory says; None where it says nothing.
        capacity: The hardest rung that half of the seeds learn, and whether a harder one was tried
            and not learned; None where that does not apply.
        knob: The knob of the rungs.
        missing: Number of seeds that failed, or are not trained yet.
        failures: The number of failed seeds, by reason.
    """

    problem: str
    model: str
    width: int | None
    rate: float | None
    sweep: Mapping[float, float]
    good: tuple[float, float] | None
    trials: tuple[SeedResult, ...]
    solve_at: float
    theory: Prediction | None
    capacity: tuple[int, bool] | None
    knob: str
    missing: int
    failures: Mapping[str, int]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of the finished seeds."""
        return tuple(trial.outcome for trial in self.trials)

    def skill(self, times: int) -> Estimate | None:
        """The skill over seeds at so many times the training length; None without a seed."""
        return skill(list(self.outcomes), _TESTS[times]) if self.trials else None

    @property
    def standing(self) -> Standing | None:
        """Where the model stands; None without a finished seed."""
        if not self.trials:
            return None
        return Standing(
            problem=self.problem,
            model=self.model,
            skills={
                times: tuple(outcome.score(test).skill for outcome in self.outcomes)
                for times, test in _TESTS.items()
            },
            solve_at=self.solve_at,
            side=side_of_chance(list(self.outcomes)),
            excluded=self.theory is not None and not self.theory.can,
            capacity=self.capacity,
            knob=self.knob,
        )

    @property
    def per_seed(self) -> tuple[int, ...]:
        """The longest length of each seed (`Standing.per_seed`)."""
        return self.standing.per_seed if self.standing else ()

    @property
    def longest(self) -> int | None:
        """The longest length that half of the seeds or more solve, as a multiple; None if open."""
        return self.standing.longest if self.standing else None

    @property
    def verdict(self) -> str:
        """In words (`Standing.verdict`); `open` without a finished seed."""
        return self.standing.verdict if self.standing else "open"

    @property
    def against_theory(self) -> bool:
        """Whether it solves every length of a problem that theory says it cannot."""
        return self.standing is not None and self.standing.against_theory

    def in_matrix(self) -> Cell:
        """As a cell of the matrix."""
        if self.standing is None:
            why = ", ".join(self.failures)
            return Cell(f"missing ({why})" if why else "–", kind="open")
        return self.standing.in_matrix()

    @property
    def guesser(self) -> str:
        """The best simple rule and its skill; empty where none beats chance."""
        if not self.outcomes:
            return ""
        first = self.outcomes[0]
        name, best = max(first.shortcuts.items(), key=lambda each: each[1], default=("", 0.0))
        worth = (best - first.chance) / ((first.ceiling - first.chance) or float("inf"))
        return f"{worth:.2f} {name}" if worth > _WORTH else ""

    @property
    def whole(self) -> str:
        """The share of sequences with every target right, as trained."""
        shares = [each.sequence_accuracy for each in self.outcomes]
        return f"{sum(shares) / len(shares):.3f}" if shares else ""

    def notes(self) -> str:
        """Why seeds fell short."""
        reasons: dict[str, int] = {}
        for trial in self.trials:
            if trial.reason:
                reasons[trial.reason] = reasons.get(trial.reason, 0) + 1
        parts = [f"{count} {reason}" for reason, count in reasons.items()]
        failed = sum(self.failures.values())
        parts += [f"{failed} failed"] if failed else []
        not_run = self.missing - sum(self.failures.values())
        parts += [f"{not_run} not run"] if not_run else []
        return "; ".join(parts)


_WORTH = 0.005  # skill of a simple rule that is worth a word


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class SuiteAnswer(Answer):
    """What each model learns of each problem, and up to which length it goes on.

    Attributes:
        about: The terms of the study; its budget is that of the largest problem.
        problems: The problems, in the order of the suite.
        separates: What a model must do to learn each.
        lengths: The number of inputs of a training sequence of each.
        models: The labels of the models.
        match: What all models have equally much of.
        size: How much of it.
        effort: What the training sequences were multiplied with.
        rates: The learning rates to choose from.
        cells: The results, problem by problem.
        left: The number of trials still to run.
        baselines: Results of baselines that come with longlag, on the same problems.
    """

    about: About
    problems: tuple[str, ...]
    separates: Mapping[str, str]
    lengths: Mapping[str, int]
    models: tuple[str, ...]
    match: str
    size: int
    effort: float
    rates: tuple[float, ...]
    cells: tuple[SuiteCell, ...]
    left: int
    baselines: SuiteBaselines

    figures: ClassVar = ("matrix",)

    @property
    def failed(self) -> Mapping[str, str]:
        return {
            f"{each.model} on {each.problem}": "; ".join(each.failures)
            for each in self.cells
            if each.failures
        }

    def cell(self, problem: str, model: str) -> SuiteCell:
        """The results of a model on a problem, by their labels."""
        return next(c for c in self.cells if (c.problem, c.model) == (problem, model))

    @property
    def caption(self) -> str:
        return self.about.caption(
            "The longest length solved, as a multiple of that of training, or the skill where that "
            f"is not solved. Every model has about {self.sizes}.",
            (outcome for each in self.cells for outcome in each.outcomes),
        )

    @property
    def sizes(self) -> str:
        """What every model has about as much of."""
        return f"{self.size:,} {COUNTED[self.match]}"

    @property
    def legend(self) -> str:
        """How to read the matrix."""
        lengths = ", ".join(f"{times} ×" for times in _TESTS)
        return (
            f"{lengths}: the longest length that half of the seeds or more solve, as a multiple of "
            "that of training; else the skill there, and how many seeds learned it, if any. "
            f"Solved: skill of {self.about.solve_at:g} or more on fresh sequences. Skill: {SKILL}. "
            "* theory says that it cannot at every length; ! it does at all that were tried."
        )

    def blocks(self) -> Iterator[Block]:
        scored = sum(bool(each.trials) for each in self.cells)
        heading = f"{counted(len(self.problems), 'problem')}, {counted(len(self.models), 'model')}"
        yield text(f"{heading} of about {self.sizes}", kind="strong")
        yield self.table()
        yield text(self.legend)
        if self.baselines.results:
            yield text(f"Beside: {self.baselines.terms}", kind="strong")
            yield self.baselines.table()
            yield text(LEGEND)
        yield self.details()
        yield text(
            "By length: mean skill over seeds with its interval. Whole: share of sequences with "
            "every target right. Simple rule: the best, with its skill."
        )
        yield self.size_table()
        yield text(self.about.names_sentence)
        lost = [f"{where}: {why}." for where, why in self.failed.items()]
        yield text(points=lost, title="Failed" if lost else "")
        yield text(points=self.theory, title="Theory" if self.theory else "")
        if self.left or scored < len(self.cells):
            yield text(
                f"The suite is not complete: {counted(self.left, 'trial')} or more are left. The "
                f"same command goes on with them.{'' if scored else _NONE}",
                kind="notice",
            )
        estimates = (cell.skill(1) for cell in self.cells)
        yield text(
            f"Rates were chosen among {', '.join(f'{rate:g}' for rate in self.rates)} on the "
            "validation stream by a seed that is not scored. "
            f"{caveats(each for each in estimates if each is not None)}".strip()
        )

    def table(self) -> Table:
        """The matrix: a row for each problem, a column for each model."""
        rows = [
            (
                name,
                number_cell(str(self.lengths[name])),
                *(self.cell(name, model).in_matrix() for model in self.models),
                self.separates[name],
            )
            for name in self.problems
        ]
        return table("", ("problem", "length", *self.models, "asks for"), rows)

    def details(self) -> Table:
        """A row for each cell of the matrix."""
        rows = []
        for each in self.cells:
            skills = (each.skill(times) for times in _TESTS)
            rows.append(
                (
                    each.problem,
                    each.model,
                    number_cell("" if each.rate is None else f"{each.rate:g}"),
                    *("" if skill is None else cell(skill, 2) for skill in skills),
                    number_cell(each.whole),
                    each.guesser,
                    each.notes(),
                )
            )
        times = (f"{times} ×" for times in _TESTS)
        head = ("problem", "model", "rate", *times, "whole", "simple rule", "note")
        return table("", head, rows, fold=True)

    @property
    def theory(self) -> list[str]:
        """What theory says of each model, a sentence for each reason."""
        found = dict[tuple[str, str, str], list[str]]()
        for each in self.cells:
            if each.theory is not None and not each.theory.can:
                key = each.model, each.theory.because, each.theory.source
                found.setdefault(key, []).append(each.problem)
        return [
            f"{model} cannot do {' and '.join(problems)} at every length: {because} ({source})."
            for (model, because, source), problems in found.items()
        ]

    def size_table(self) -> Table:
        """The width, the weights and the state that each model got, over the problems."""
        rows = []
        for model in self.models:
            cells = [each for each in self.cells if each.model == model]
            widths = [each.width for each in cells if each.width is not None]
            outcomes = [outcome for each in cells for outcome in each.outcomes]
            if outcomes:
                sizes = map(number_cell, ModelSize.of(outcomes))
                rows.append((model, number_cell(span(widths) if widths else ""), *sizes))
        return table("", ("model", "width", "weights", "state"), rows)

    def document(self) -> dict[str, Any]:
        return {
            "match": self.match,
            "size": self.size,
            "effort": self.effort,
            "rates": self.rates,
            "left": self.left,
            "baselines": self.baselines.document()["results"],
            "cells": [self._plain(each) for each in self.cells],
            **self.about.provenance(o for each in self.cells for o in each.outcomes),
        }

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        if level == "trial":
            return [
                trial.row(self.about, problem=each.problem, model=each.model, rate=each.rate)
                | {"longest": longest}
                for each in self.cells
                for trial, longest in zip(each.trials, each.per_seed, strict=True)
            ]
        return [
            {**_flat(each), "note": each.notes(), **size_and_speed(each.outcomes)}
            | {"problem_version": self.about.versions.get(each.problem)}
            for each in self.cells
        ]

    def _plain(self, each: SuiteCell) -> dict[str, Any]:
        outcomes = each.outcomes
        return {
            **_flat(each),
            "width": each.width,
            "longest_per_seed": list(each.per_seed),
            "validation_by_rate": {f"{rate:g}": skill for rate, skill in each.sweep.items()},
            "rates_that_work": each.good,
            "sequences": [outcome.sequences for outcome in outcomes],
            "reasons": [trial.reason for trial in each.trials],
            "missing": each.missing,
            "failures": dict(each.failures),
            "theory": each.theory and each.theory._asdict(),
            **size_and_speed(outcomes),
        }


def _flat(each: SuiteCell) -> dict[str, Any]:
    """The figures of a cell, as plain values."""
    first = each.outcomes[0] if each.outcomes else None
    return {
        "problem": each.problem,
        "model": each.model,
        "verdict": each.verdict,
        "longest": each.longest,
        **{f"skill_{times}": each.skill(times) for times in _TESTS},
        "chance": first and first.chance,
        "ceiling": first and first.ceiling,
        "rate": each.rate,
        "capacity": each.capacity and each.capacity[0],
        "against_theory": each.against_theory,
        "seeds": len(each.outcomes),
    }
