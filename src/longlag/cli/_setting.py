"""The flags of a setting, which the commands that train share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from longlag.cli._cache import keep_compiled_programs
from longlag.cli._flags import build, flags, given
from longlag.cli._framed import FramingFlags, FramingName, ProblemFlags, framed, problems_from_names
from longlag.cli._models import model_from_name, models_from_names
from longlag.cli._output import others_aside
from longlag.cli._progress import following
from longlag.encodings import ENCODINGS, IntegerEncoding
from longlag.events import ctrl_c_stops
from longlag.framings import FRAMINGS, Framing
from longlag.knobs import lookup
from longlag.models import MODELS, ModelFactory
from longlag.problems import Problem
from longlag.scores.evaluation import seed_list
from longlag.training import Recipe
from longlag.trials.fit import finish, fit
from longlag.trials.run import Run
from longlag.trials.setting import Setting

if TYPE_CHECKING:  # the type is made at run time, out of the table
    ModelFlags = Any
else:
    ModelFlags = flags("Model", MODELS)

Model = Annotated[
    str | None,
    Parameter(
        name="--model",
        help="lstm, gru, rnn, bidirectional, seq2seq or mlp, or path/to/file.py:make_model for "
        "your own. Default: lstm, or seq2seq for the framing encoder-decoder.",
    ),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettingFlags:
    """A framing and an encoding, and the knobs of problems, framings and models."""

    framing: FramingName = "whole"
    encoding: Annotated[
        str | None,
        Parameter(
            help="Integers as one-hot vectors or scaled to 0 … 1: one-hot (default) or scaled."
        ),
    ] = None
    problem_knobs: ProblemFlags = None
    framing_knobs: FramingFlags = None
    model_knobs: ModelFlags = None

    def setting(self, problem: str, model: str | None, recipe: Recipe) -> Setting:
        """The setting of a problem and a model of these names."""
        posed, laid = framed(problem, self.problem_knobs, self.framing, self.framing_knobs)
        usual = "seq2seq" if laid.output == "decoder" else "lstm"
        return Setting(
            problem=posed,
            framing=laid,
            model=model_from_name(model or usual, given(self.model_knobs)),
            encoding=self.encodes(),
            recipe=recipe,
        )

    def encodes(self) -> type[IntegerEncoding] | None:
        """The encoding that was named."""
        return None if self.encoding is None else lookup("encoding", self.encoding, ENCODINGS)

    def frames(self) -> Framing:
        """The framing that was named."""
        return build("framing", self.framing, FRAMINGS, given(self.framing_knobs))

    def models(self, listed: str) -> list[ModelFactory]:
        """The models of these names."""
        return models_from_names(names(listed), given(self.model_knobs))

    def problems(self, listed: str) -> list[Problem]:
        """The problems of these names, whose ladders are free."""
        posed = problems_from_names(names(listed), given(self.problem_knobs))
        for problem in posed:
            unladdered(problem, given(self.problem_knobs))
        return posed


def trained(setting: Setting, seeds: int, *, quiet: bool) -> Run:
    """Train a setting of which all has been checked, its progress in sight.

    Args:
        setting: The setting.
        seeds: Number of seeds.
        quiet: Show no progress.
    """
    keep_compiled_programs()
    places, chance = seed_list(seeds), setting.problem.chance(setting.scored)
    with following(quiet=quiet) as follow, others_aside(), ctrl_c_stops() as stop:
        fitting = fit(setting, places, stop=stop)
        return finish(fitting, lambda event: follow("train", len(places), chance, event))


SettingParameters = Annotated[SettingFlags, Parameter(name="*")]
SETTING = SettingFlags()


def names(listed: str) -> list[str]:
    """Names separated by commas."""
    return [name.strip() for name in listed.split(",") if name.strip()]


def unladdered(problem: Problem, typed: Mapping[str, Any]) -> None:
    """Refuse the knob that a study moves itself."""
    if (knob := problem.ladder.knob) in typed:
        raise ValueError(
            f"`{knob}` is what the ladder of {problem.title()} moves, so it cannot be set. Leave "
            "it out, or name other problems."
        )
