"""What every answer of a study says of its question, and the rows of its trials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from longlag.answers.format import counted, later_versions
from longlag.trials.environment import distinct, libraries
from longlag.trials.outcome import Outcome, size_and_speed


class About(NamedTuple):
    """The terms of a study, the same for all its trials.

    Attributes:
        kind: The kind of study, as the command is called.
        framing: The label of the framing.
        seeds: The seeds; none where the study chooses their number.
        budget: Largest number of training sequences of a trial.
        solve_at: Skill on fresh sequences from which a trial counts as solved.
        versions: The version of each problem, by its label.
        recipe: The knobs of the recipe that differ from their defaults (`Recipe.details`).
        names: What the names that the user gave to models stand for.
    """

    kind: str
    framing: str
    seeds: tuple[int, ...]
    budget: int
    solve_at: float
    versions: Mapping[str, int] = {}  # never changed
    recipe: str = ""
    names: Mapping[str, str] = {}  # never changed

    def caption(self, subject: str, outcomes: Iterable[Outcome] = ()) -> str:
        """A caption for a paper: the subject, then the terms and the versions of libraries.

        Args:
            subject: What the table has.
            outcomes: The trials behind it.

        >>> About("frontier", "whole", (0, 1), 2000, 0.99).caption("Largest lag solved.")[:52]
        'Largest lag solved. Framing whole; 2 seeds; at most '
        """
        seeds = f" {counted(len(self.seeds), 'seed')};" if self.seeds else ""
        recipe = f" {self.recipe};" if self.recipe else ""
        names = f" {self.names_sentence}" if self.names else ""
        used = libraries(each.environment for each in outcomes)
        return (
            f"{subject}{names} Framing {self.framing};{recipe}{seeds} at most "
            f"{counted(self.budget, 'training sequence')} per trial; solved: skill of "
            f"{self.solve_at:g} or more on fresh sequences (0 is chance, 1 the best possible "
            f"score).{later_versions(self.versions)} {used}."
        )

    @property
    def names_sentence(self) -> str:
        """What the names of models stand for, as a sentence; empty if none was given."""
        every = "; ".join(f"{name} is {model}" for name, model in self.names.items())
        return f"Models: {every}." if every else ""

    @property
    def recipe_sentence(self) -> str:
        """The knobs of the recipe as a sentence and a space; empty where all are the defaults."""
        return f"Recipe: {self.recipe}. " if self.recipe else ""

    def provenance(self, outcomes: Iterable[Outcome]) -> dict[str, Any]:
        """The versions of the problems, and the different environments of outcomes."""
        environments = distinct(outcome.environment for outcome in outcomes)
        return {
            "problem_versions": dict(self.versions),
            "environments": [each.document() for each in environments],
        }


class SeedResult(NamedTuple):
    """A finished trial at one place of a study.

    Attributes:
        seed: The seed.
        outcome: Its outcome.
        reason: Why it fell short, in a word or two; empty where it did not.
    """

    seed: int
    outcome: Outcome
    reason: str

    def row(self, about: About, *, problem: str, **place: Any) -> dict[str, Any]:
        """The trial as a row of a frame: its place, its figures, and why it fell short."""
        outcome, where = self.outcome, self.outcome.environment
        return {
            "problem": problem,
            **place,
            "seed": self.seed,
            "skill": outcome.skill,
            "accuracy": outcome.accuracy,
            "chance": outcome.chance,
            "ceiling": outcome.ceiling,
            "reachable": outcome.reachable,
            "sequences": outcome.sequences,
            "updates": outcome.updates,
            "train_seconds": outcome.seconds.train,
            **size_and_speed([outcome]),
            "reason": self.reason,
            "problem_version": about.versions.get(problem),
            **(where.columns() if where else {}),
        }
