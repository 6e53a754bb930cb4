"""Common parts of the cards of the newer literature: statements about published figures.

A card has the recipe of its source, as far as it is known, and a tuned one: fresh sequences, and a
learning rate chosen on validation with a seed that is not scored. What it says is settled by its
parts, each a statement about one or two arms. Every figure that a verdict rests on is tested with
its mean and with both ends of its interval (`settle`).
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from longlag.claims.card import (
    BETTER,
    REFUTED,
    REPRODUCED,
    UNSETTLED,
    Arm,
    Card,
    Finding,
    Row,
    Try,
)
from longlag.claims.modern.figure import EQUAL, Figure
from longlag.framings import Whole
from longlag.models import ModelFactory
from longlag.problems import Problem
from longlag.training import Recipe
from longlag.trials.run import Run
from longlag.trials.setting import Setting
from longlag.trials.tuning import Search

DOCUMENT = "modern"

RATES = (1e-3, 3e-3, 1e-2)
"""The learning rates of a tuned arm."""

LEARNED = 0.95
"""Skill from which a model counts as one that learned a problem."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part(abc.ABC):
    """A statement about arms of a card, one of those that settle it.

    Args:
        figure: The figure that it is about.
    """

    figure: Figure = Figure()

    @property
    @abc.abstractmethod
    def main(self) -> str:
        """The arm whose figure is the measured one of a card that begins with this part."""

    @abc.abstractmethod
    def judge(self, attempt: Try) -> tuple[str, str]:
        """The verdict, and the reason as a sentence."""

    def _text(self, run: Run) -> str:
        return f"{self.figure.of(run).mean:.3g}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fails(Part):
    """A model does not learn a problem: so says a published figure.

    Refuted where the tuned arm learns it; `better` where it is clearly above the published figure
    and does not.

    Args:
        literal: The arm with the recipe of the source.
        tuned: The arm with the tuned recipe.
        published: The published figure.
        learned: The figure from which the problem counts as learned; by default `LEARNED` of the
            way from chance to 1.
    """

    literal: str = "as published"
    tuned: str = "tuned"
    published: float
    learned: float | None = None

    @property
    def main(self) -> str:
        return self.tuned

    def judge(self, attempt: Try) -> tuple[str, str]:
        literal, tuned = attempt(self.literal), attempt(self.tuned)
        chance = self.figure.chance(tuned)
        learned = chance + LEARNED * (1 - chance) if self.learned is None else self.learned
        figures = (
            f"{self.figure.name}: published {self.published:.3g}, with the recipe of the source "
            f"{self._text(literal)}, tuned {self._text(tuned)}."
        )
        if self.figure.as_good(self.figure.of(tuned), learned):
            return REFUTED, f"{figures} It is learned: the bar is {learned:.3g}."
        above = self.figure.better_by(
            self.published if self.figure.squared else max(self.published, chance)
        )
        if self.figure.as_good(self.figure.of(tuned), above):
            return BETTER, f"{figures} It is not learned: the bar is {learned:.3g}."
        if self.figure.as_good(self.figure.of(literal), above):
            return UNSETTLED, f"{figures} The tuned recipe is the worse one."
        return REPRODUCED, figures


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learns(Part):
    """A model gets as far as a published figure.

    Refuted only where the budget of the source was spent; else a figure below it settles nothing.

    Args:
        arm: The arm.
        published: The published figure.
        whole_budget: Whether the arm has as many training sequences as the source.
    """

    arm: str
    published: float
    whole_budget: bool = False

    @property
    def main(self) -> str:
        return self.arm

    def judge(self, attempt: Try) -> tuple[str, str]:
        run = attempt(self.arm)
        figures = f"{self.arm}, {self.figure.name}: {self._text(run)}, said {self.published:.3g}."
        if self.figure.as_good(self.figure.of(run), self.figure.worse_by(self.published)):
            return REPRODUCED, figures
        if self.whole_budget:
            return REFUTED, figures
        return UNSETTLED, f"{figures} It may be the budget, smaller than that of the source."


@dataclasses.dataclass(frozen=True, kw_only=True)
class StaysBelow(Part):
    """A model does not get beyond a figure, by theory or as published.

    Args:
        arm: The arm.
        most: The largest figure that agrees with it.
        once: Another figure, at least .95 where the model has learned the problem that it is
            trained on. Without that it settles nothing. None where it is said not to learn that.
    """

    arm: str
    most: float
    once: Figure | None = None

    @property
    def main(self) -> str:
        return self.arm

    def judge(self, attempt: Try) -> tuple[str, str]:
        run = attempt(self.arm)
        figures = (
            f"{self.arm}, {self.figure.name}: {self._text(run)}, said at most {self.most:.3g}."
        )
        if self.figure.as_good(self.figure.of(run), self.most + 2 * EQUAL):
            return REFUTED, figures
        if self.once is not None and not self.once.as_good(self.once.of(run), LEARNED):
            reached = f"{self.once.name} {self.once.of(run).mean:.3g}"
            return UNSETTLED, f"{figures} It was not learned at all: {reached}."
        return REPRODUCED, figures


@dataclasses.dataclass(frozen=True, kw_only=True)
class Worse(Part):
    """A model is worse than another one, also where both are tuned.

    Args:
        literal: Both arms with the recipe of the source, the worse one first.
        tuned: Both arms with the tuned recipe, likewise.
        published: Both published figures, likewise.
    """

    literal: tuple[str, str]
    tuned: tuple[str, str]
    published: tuple[float, float]

    @property
    def main(self) -> str:
        return self.tuned[0]

    def judge(self, attempt: Try) -> tuple[str, str]:
        both = [tuple(map(attempt, pair)) for pair in (self.literal, self.tuned)]
        literal, tuned = (" and ".join(map(self._text, pair)) for pair in both)
        said = " and ".join(f"{each:.3g}" for each in self.published)
        figures = (
            f"{self.figure.name}: published {said}, with the recipe of the source {literal}, tuned "
            f"{tuned}."
        )
        worse, other = map(self.figure.of, both[1])
        if self.figure.as_good(worse, other.mean):
            return REFUTED, f"{figures} Tuned, it is not the worse one."
        return REPRODUCED, figures


def card(
    name: str,
    claim: str,
    *,
    source: str,
    arms: Mapping[str, Arm],
    parts: Sequence[Part],
    why: str = "",
    figures: Sequence[Figure] = (),
    recorded: str = UNSETTLED,
    long: bool = False,
) -> Card:
    """A row of the newer literature.

    Args:
        name: The last part of its name.
        claim: The claim.
        source: Where its figures are from.
        arms: Its settings, by name.
        parts: The statements that settle it; the figure of the first is the measured one.
        why: How the settings differ from those of the source.
        figures: What is shown of every arm, besides the figures of the parts.
        recorded: The verdict on record.
        long: Whether it takes more than about ten minutes.
    """

    def test(attempt: Try, _: Sequence[int]) -> Finding:
        judged = [part.judge(attempt) for part in parts]
        verdict = total([each for each, _ in judged])
        reasons = [f"{words} ({each})" if len(judged) > 1 else words for each, words in judged]
        first = parts[0]
        shown = {each.name: each for each in (*figures, *(part.figure for part in reversed(parts)))}
        rows = [
            Row(arm if figure.test is None else f"{arm}, {figure.name}", figure.of(run), note)
            for arm, run in ((arm, attempt(arm)) for arm in arms)
            for place, figure in enumerate(each for each in shown.values() if each.is_there(run))
            for note in [_note(run, "" if place else figure.name)]
        ]
        run = attempt(first.main)
        return Finding(
            measured=first.figure.of(run),
            what=f"{first.figure.name}, {first.main}",
            chance=first.figure.chance(run),
            verdict=verdict,
            because=" ".join([*reasons, why]).strip(),
            rows=tuple(rows),
            shortcuts=_shortcuts(run, first.figure),
        )

    return Card(
        id=f"{DOCUMENT}/{name}",
        document=DOCUMENT,
        source=source,
        claim=claim,
        arms=dict(arms),
        settle=test,
        recorded=recorded,
        long=long,
    )


def total(verdicts: Sequence[str]) -> str:
    """The verdict on a statement of several parts: one that is refuted is enough.

    >>> total(["reproduced", "better"]), total(["reproduced", "not settled", "refuted"])
    ('reproduced', 'refuted')
    """
    for verdict in (REFUTED, UNSETTLED, REPRODUCED):
        if verdict in verdicts:
            return verdict
    return BETTER


def setting(
    problem: Problem,
    model: ModelFactory,
    *,
    sequences: int,
    batch_size: int = 32,
    rate: float = 1e-3,
    tests: Mapping[str, Problem] | None = None,
    stop_at: float | None = None,
    clip_norm: float | None = 1.0,
    weight_decay: float | None = None,
) -> Setting:
    """An arm with one learning rate, framing `Whole`."""
    recipe = Recipe(
        sequences=sequences,
        batch_size=batch_size,
        learning_rate=rate,
        stop_at=stop_at,
        clip_norm=clip_norm,
        optimizer="adam" if weight_decay is None else "adamw",
        weight_decay=weight_decay,
    )
    return Setting(problem=problem, framing=Whole(), model=model, recipe=recipe, tests=tests or ())


def tuned(chosen: Setting, rates: Sequence[float] = RATES) -> Search:
    """The same with the best of some learning rates."""
    width = chosen.model.hidden_size  # pyright: ignore[reportAttributeAccessIssue]
    return Search(setting=chosen, hidden_sizes=(width,), learning_rates=tuple(rates))


def _note(run: Run, name: str) -> str:
    """How a run was made: its rate, its sequences, and what it is scored by."""
    if not name:
        return ""
    recipe, counts = run.setting.recipe, run.sequences
    model = run.setting.model.words
    trained = (
        f"{min(counts):,} to {max(counts):,}" if min(counts) < max(counts) else f"{counts[0]:,}"
    )
    rate = "" if run.remarks else f"learning rate {recipe.learning_rate:g}, "
    chosen = f"; {run.remarks[0]}" if run.remarks else ""
    return f"{name}; {model}; {rate}batches of {recipe.batch_size}, {trained} sequences{chosen}"


def _shortcuts(run: Run, figure: Figure) -> dict[str, float]:
    """Scores of simple rules, where they are of the measured figure."""
    score = run.scores[figure.test or next(iter(run.scores))]
    if figure.squared or figure.whole or figure.last not in (None, int(score.scored.sum())):
        return {}
    return {name: float(np.mean(share)) for name, share in score.shortcuts.items()}
