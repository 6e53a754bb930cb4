"""The answer of a generalisation study: skill by length, and the longest solved length."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from longlag.adapters.models.user_model import MakeModel
from longlag.answers.answer import Answer, Level
from longlag.answers.blocks import Block, Table, cell, number_cell, table, text
from longlag.answers.estimate import Estimate, caveats, no_interval
from longlag.answers.format import SKILL
from longlag.models import ModelFactory
from longlag.studies import differences, labels
from longlag.studies.about import About, SeedResult
from longlag.studies.differences import Skills
from longlag.studies.lower_bound import LowerBound
from longlag.trials.outcome import ModelSize, Outcome, size_and_speed


def name_at(length: int) -> str:
    """The name of the test at a length."""
    return f"length {length}"


class LengthScore(NamedTuple):
    """The score of the seeds of a model at one length.

    Attributes:
        length: Number of inputs of a sequence.
        skill: Skill over seeds.
        solved: Number of seeds that solve it.
        seeds: Number of scored seeds.
        chance: Accuracy of the best prediction that ignores the inputs.
        ceiling: Best accuracy that any predictor can reach.
        reachable: Best possible score from the inputs that reach the model.
        standing: Whether accuracy is above, at or below chance.
    """

    length: int
    skill: Estimate
    solved: int
    seeds: int
    chance: float
    ceiling: float
    reachable: float
    standing: Literal["above", "at", "below"]

    def figures(self) -> dict[str, Any]:
        """Its figures, without the standing."""
        return {name: each for name, each in self._asdict().items() if name != "standing"}


class ModelAnswer(NamedTuple):
    """The results of a model at each length.

    Attributes:
        model: The label of the model.
        scores: Its score at each length that it can process, from short to long.
        per_seed: For each trained seed the longest length that it solves together with all
            lengths from the training length on; 0 if it does not solve the training length.
        median: The longest length that half of these seeds or more solve; 0 for none.
        interval: Interval for the median, from order statistics.
        coverage: The probability that it covers the median; below 0.95 with few seeds.
        fixed: The number of timesteps of a sample, if the model takes no other; else None.
        unread: Lengths without a score for that reason.
        missing: Number of seeds that failed, or are not trained yet.
        failures: The number of failed seeds, by reason.
        reasons: The number of seeds that did not solve the training length, by reason.
        trials: The finished seeds.
    """

    model: str
    scores: tuple[LengthScore, ...]
    per_seed: tuple[int, ...]
    median: int
    interval: tuple[float, float]
    coverage: float
    fixed: int | None
    unread: tuple[int, ...]
    missing: int
    failures: Mapping[str, int]
    reasons: Mapping[str, int]
    trials: tuple[SeedResult, ...]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of the finished seeds."""
        return tuple(trial.outcome for trial in self.trials)

    def skills(self, lengths: Iterable[int]) -> list[Skills]:
        """The skills of its seeds at some of its lengths."""
        return [Skills.of([o.score(name_at(each)) for o in self.outcomes]) for each in lengths]

    @property
    def why_missing(self) -> str:
        """How many seeds are missing, and why."""
        not_run = self.missing - sum(self.failures.values())
        notes = [f"{count} failed: {why}" for why, count in self.failures.items()]
        return "; ".join([*notes, *([f"{not_run} not run"] if not_run else [])])

    def note(self, score: LengthScore, train: int) -> str:
        """At the training length why seeds failed, and whether the score is at chance."""
        notes = []
        if score.length == train:
            reasons = self.reasons.items()
            notes = ["as trained", *(f"{count} {reason}" for reason, count in reasons)]
            notes += [self.why_missing] if self.missing else []
        if score.standing != "above":
            notes.append(f"together {score.standing} chance")
        return ", ".join(notes)

    def __str__(self) -> str:
        if not self.per_seed:
            why = ", ".join(self.failures)
            return f"missing ({why})" if why else "nothing so far"
        low, high = (f"{bound:g}" if bound else "none" for bound in self.interval)
        # With unscored lengths the limit is the model's own.
        last = self.median == self.scores[-1].length and not self.unread
        median = f"length {self.median}{' or more' if last else ''}" if self.median else "no length"
        few = no_interval(len(self.per_seed))
        return f"{median} {f'({few})' if few else f'[{low}, {high}]'}"

    @property
    def refusal(self) -> str:
        """Why some lengths have no score, in a sentence; else empty."""
        if self.fixed is None:
            return ""
        lengths = "length" if len(self.unread) == 1 else "lengths"
        return (
            f"{self.model} reads samples of exactly {self.fixed} timesteps: it cannot run at "
            f"{lengths} {', '.join(map(str, self.unread))}."
        )


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class GeneralisationAnswer(Answer):
    """The results of each model at lengths other than that of training.

    Attributes:
        about: The terms of the study.
        problem: The label of the problem.
        train: The training length.
        test: The test lengths, from short to long.
        models: The models, in the order of the question.
        complete: Whether every seed of every model was scored.
        lower_bound: The trials still learning when the budget ended; None if there are none.
    """

    about: About
    problem: str
    train: int
    test: tuple[int, ...]
    models: tuple[ModelAnswer, ...]
    complete: bool
    lower_bound: LowerBound | None

    figures: ClassVar = ("skill",)

    @property
    def failed(self) -> Mapping[str, str]:
        return {model.model: model.why_missing for model in self.models if model.missing}

    @property
    def caption(self) -> str:
        sizes = (
            f"{each.model}: {ModelSize.of(each.outcomes)}" for each in self.models if each.outcomes
        )
        return self.about.caption(
            f"Skill on {self.problem} by length of the sequences, trained at length {self.train}. "
            f"{'; '.join(sizes) or 'No seed is trained'}."
            f"{'' if self.complete else f' {_OPEN}'}",
            (outcome for each in self.models for outcome in each.outcomes),
        )

    def blocks(self) -> Iterator[Block]:
        parts = self.problem, self.about.framing, self.about.recipe
        heading = f"{', '.join(filter(None, parts))}: trained at length {self.train}"
        yield text(heading, kind="strong")
        yield self.table()
        yield table(
            "",
            ("model", "weights", "state", "longest length solved", "seed by seed"),
            (
                (
                    each.model,
                    *map(number_cell, ModelSize.of(each.outcomes)),
                    str(each),
                    ", ".join(str(n or "none") for n in each.per_seed),
                )
                for each in self.models
            ),
        )
        yield text(self.about.names_sentence)
        yield text(*(model.refusal for model in self.models))
        if self.lower_bound:
            yield text(self.lower_bound.advice(flags=False), kind="notice")
        if not self.complete:
            yield text(_OPEN, kind="notice")
        intervals = self._intervals()
        skills = (score.skill for model in self.models for score in model.scores)
        scores = (each for each in skills if each.left_out not in intervals)
        yield text(
            f"Skill: {SKILL}; {self.about.solve_at:g} counts as "
            f"solved. Longest: all lengths from {self.train} up to it are solved; "
            f"{', '.join(intervals) or 'no seed'}. At most {self.about.budget:,} sequences "
            f"per trial. {caveats(scores)}".strip()
        )

    def _intervals(self) -> dict[str, None]:
        """What the intervals of the longest lengths are, each once."""
        every = dict[str, None]()
        for model in self.models:
            if count := len(model.per_seed):
                interval = f"interval of {model.coverage:.1%} for the median of {count} seeds"
                every[no_interval(count) or interval] = None
        return every

    def table(self) -> Table:
        rows = []
        for model in self.models:
            if not model.scores:
                rows.append((model.model, *[""] * 5, model.why_missing))
            for index, score in enumerate(model.scores):
                kind = "bad" if score.standing != "above" else "part"
                kind = "good" if score.skill.mean >= self.about.solve_at else kind
                rows.append(
                    (
                        "" if index else model.model,
                        number_cell(str(score.length)),
                        cell(str(score.skill))._replace(kind=kind),
                        f"{score.solved} of {score.seeds}",
                        number_cell(f"{score.chance:.3g}"),
                        f"{score.reachable:.3g}",
                        model.note(score, self.train),
                    )
                )
        head = ("model", "length", "skill", "solved", "chance", "best possible", "note")
        return table("", head, rows)

    def difference(
        self,
        model: ModelFactory | MakeModel | str,
        other: ModelFactory | MakeModel | str,
        *,
        length: int | None = None,
        pairs: int = 1,
    ) -> Estimate | None:
        """The mean skill of one model less that of another, paired by seed.

        Args:
            model: A model: its label, or as the study got it.
            other: Another.
            length: A test length; by default the mean over all that both can read.
            pairs: The number of differences that are looked at together, as of a comparison.

        Returns:
            The difference; None where a trial of either is missing (`failed` says which), or one
            cannot read the length.

        Raises:
            ValueError: There is no such model or length.
        """
        models = {each.model: each for each in self.models}
        ours, theirs = (models[labels.label(models, each)] for each in (model, other))
        if length is not None and length not in self.test:
            every = ", ".join(map(str, self.test))
            raise ValueError(f"difference: `length` must be one of {every}, got {length}.")
        read = {each.length for each in ours.scores} & {each.length for each in theirs.scores}
        lengths = [each for each in self.test if each in read and length in (None, each)]
        if ours.missing or theirs.missing or not lengths:
            return None
        return differences.difference(ours.skills(lengths), theirs.skills(lengths), pairs)

    def differences(self, *, length: int | None = None) -> dict[tuple[str, str], Estimate]:
        """The difference of every pair of models that has one, corrected for all."""
        return differences.every_pair(
            [each.model for each in self.models],
            lambda *pair: self.difference(*pair[:2], length=length, pairs=pair[2]),
        )

    def document(self) -> dict[str, Any]:
        return {
            "train": self.train,
            "test": self.test,
            "complete": self.complete,
            "lower_bound": self.lower_bound and self.lower_bound._asdict(),
            "models": list(map(_plain, self.models)),
            **self.about.provenance(o for model in self.models for o in model.outcomes),
        }

    def rows(self, level: Level = "cell") -> list[dict[str, Any]]:
        if level == "trial":
            return [
                trial.row(
                    self.about,
                    problem=self.problem,
                    model=model.model,
                    train=self.train,
                    longest_solved=longest,
                )
                for model in self.models
                for trial, longest in zip(model.trials, model.per_seed, strict=True)
            ]
        return [
            {
                "problem": self.problem,
                "model": model.model,
                "train": self.train,
                **(score.figures() if score else _NOTHING),
                "note": model.note(score, self.train) if score else model.why_missing,
                **_longest(model),
                **size_and_speed(model.outcomes),
                "problem_version": self.about.versions.get(self.problem),
            }
            for model in self.models
            for score in model.scores or (None,)
        ]


_NOTHING = {name: None for name in LengthScore._fields if name != "standing"}


_OPEN = "The study is not complete."


def _longest(model: ModelAnswer) -> dict[str, float | None]:
    """The longest length that it solves, as columns."""
    low, high = (None, None) if no_interval(len(model.per_seed)) else model.interval
    return {
        "longest_solved": model.median if model.per_seed else None,
        "longest_solved_low": low,
        "longest_solved_high": high,
    }


def _plain(model: ModelAnswer) -> dict[str, Any]:
    longest = {
        "median": model.median,
        "interval": None if no_interval(len(model.per_seed)) else model.interval,
        "coverage": model.coverage,
    }
    return {
        "model": model.model,
        "missing": model.missing,
        "failures": model.failures,
        "reasons": model.reasons,
        "cannot_run_at": model.unread,
        "because": model.refusal or None,
        **size_and_speed(model.outcomes),
        "longest": {
            **{name: value if model.per_seed else None for name, value in longest.items()},
            "per_seed": model.per_seed,
        },
        "scores": [
            {**score.figures(), "stands": f"{score.standing} chance"} for score in model.scores
        ],
    }
