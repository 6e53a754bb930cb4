"""The flags of a setting, shared by the commands that train, and training itself."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from longlag.adapters import user_code
from longlag.adapters.models import user_model
from longlag.by_name import build, build_all, option
from longlag.cli._cache import keep_compiled_programs
from longlag.cli._flags import (
    EncodingName,
    FramingFlags,
    FramingName,
    ProblemFlags,
    flag_values,
    flags,
    problem_and_framing,
    problems_from_names,
    shown_name,
)
from longlag.cli._output import stdout_to_stderr
from longlag.cli._progress import training_progress
from longlag.encodings import ENCODINGS, IntegerEncoding
from longlag.events import Event
from longlag.framings import FRAMINGS, Framing
from longlag.knobs import lookup
from longlag.models import MODELS, ModelFactory
from longlag.models.by_name import by_name, parse
from longlag.problems import Problem
from longlag.scores.evaluation import seed_list
from longlag.stop import StopToken, ctrl_c_stops
from longlag.studies.labels import SeveralModels
from longlag.studies.ladder import ladder_of
from longlag.studies.study import words
from longlag.training import Recipe
from longlag.trials.fit import finish, fit
from longlag.trials.run import Run
from longlag.trials.setting import Setting

if TYPE_CHECKING:  # the type is created at run time, from the table
    ModelFlags = Any
else:
    ModelFlags = flags("Model", MODELS)

DEFAULT_MODEL, DEFAULT_DECODER = "lstm", "seq2seq"
_OWN = "path/to/file.py:make_model for your own"
NAMES = f"{', '.join(MODELS)}, with knobs as in 'lstm(hidden_size=64)', or {_OWN}"

Model = Annotated[
    str | None,
    Parameter(
        name="--model",
        help=f"{NAMES}. Default: {DEFAULT_MODEL}, or {DEFAULT_DECODER} for encoder-decoder.",
    ),
]
Models = Annotated[
    str,
    Parameter(
        name="--models",
        group="Study",
        help=f"{NAMES}, separated by commas; ours=MODEL shows one as ours.",
    ),
]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class SettingFlags:
    """A framing and an encoding, and the knobs of problems, framings and models."""

    framing: FramingName = "whole"
    encoding: EncodingName = None
    problem_knobs: ProblemFlags = None
    framing_knobs: FramingFlags = None
    model_knobs: ModelFlags = None

    def setting(self, problem: str, model: str | None, recipe: Recipe) -> Setting:
        """The setting of a problem and a model, by their names."""
        chosen, framing = problem_and_framing(
            problem, self.problem_knobs, self.framing, self.framing_knobs
        )
        default = DEFAULT_DECODER if framing.output == "decoder" else DEFAULT_MODEL
        return Setting(
            problem=chosen,
            framing=framing,
            model=model_from_name(
                default if model is None else model, flag_values(self.model_knobs)
            ),
            encoding=self.encoding_class(),
            recipe=recipe,
        )

    def encoding_class(self) -> type[IntegerEncoding] | None:
        """The encoding of this name."""
        return None if self.encoding is None else lookup("encoding", self.encoding, ENCODINGS)

    def framing_object(self) -> Framing:
        """The framing of this name."""
        return build("framing", self.framing, FRAMINGS, flag_values(self.framing_knobs))

    def models(self, text: str) -> SeveralModels:
        """The models of these names; those of longlag get the flags that they have as knobs."""
        shown, every = _names_and_models(outside_brackets(text))
        models = self._models(every)
        if not any(shown):
            return models
        labels = [name or words(model) for name, model in zip(shown, models, strict=True)]
        if twice := next((name for name in labels if labels.count(name) > 1), None):
            raise ValueError(
                f"`--models`: the name {twice} stands for two models. Use another for one of "
                f"them, as other={every[len(labels) - 1 - labels[::-1].index(twice)]}."
            )
        return dict(zip(labels, models, strict=True))

    def _models(self, every: list[str]) -> list[ModelFactory]:
        values = flag_values(self.model_knobs)
        own = {
            name: model_from_name(name, {})
            for name in every
            if user_code.is_reference(name) or "(" in name
        }
        plain = [name for name in every if name not in own]
        if every and not plain and values:
            model_from_name(every[0], values)  # which refuses them
        built = iter(build_all("model", plain, MODELS, values) if plain else [])
        return [own[name] if name in own else next(built) for name in every]

    def problems(self, text: str) -> list[Problem]:
        """The problems of these names, whose difficulty no flag sets."""
        values = flag_values(self.problem_knobs)
        problems = problems_from_names(names(text), values)
        for problem in problems:
            check_difficulty_is_free(problem, values)
        return problems


SETTING = SettingFlags()


def model_from_name(name: str, values: Mapping[str, Any]) -> ModelFactory:
    """The model of this name, with the flags as its knobs."""
    if (model := shown_name(name))[0]:
        raise ValueError(f"`{name}` names one model; names are for several. Use {model[1]}.")
    if len(several := outside_brackets(name)) > 1 and not user_code.is_reference(name):
        raise ValueError(
            f"`--model` takes one model, got {name}. Use --model {several[0]}; longlag compare "
            "takes several."
        )
    if not user_code.is_reference(name):
        plain, knobs = parse(name)
        if twice := next((knob for knob in knobs if knob in values), None):
            raise ValueError(f"`{option(twice)}` is given twice, in {name} too. Leave one out.")
        if knobs and plain in MODELS:
            by_name(name)  # whose errors have the names of knobs, not of flags
        return build("model", plain, MODELS, {**values, **knobs})
    if values:
        flag = option(next(iter(values)))
        raise ValueError(f"`{flag}` is for longlag's models; {name} has its own settings inside.")
    return user_model.from_reference(name)


@contextmanager
def training(
    setting: Setting, seeds: int, *, quiet: bool, save: Path | None = None
) -> Iterator[Run]:
    """Train a valid setting; within the context Ctrl-C stops the training in order.

    Args:
        setting: The setting.
        seeds: Number of seeds.
        quiet: Show no progress.
        save: Where to write the model of the first seed.
    """
    keep_compiled_programs()
    every_seed, chance = seed_list(seeds), setting.problem.chance(setting.scored)
    stop = StopToken(grace=30.0 if save else None)  # scoring and saving takes some seconds
    with ctrl_c_stops(stop), training_progress(quiet=quiet) as follow:

        def listen(event: Event) -> None:
            follow("train", len(every_seed), chance, event)

        with stdout_to_stderr():
            run = finish(fit(setting, every_seed, stop=stop), listen)
        if save is not None:
            run.save(save)
        yield run


def outside_brackets(text: str) -> list[str]:
    """Texts separated by commas, but for those in brackets."""
    parts = re.findall(r"(?:[^,(]|\([^)]*\)?)+", text)
    return [part.strip() for part in parts if part.strip()]


def _names_and_models(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """The name to show of each model, empty if none is given, and the model."""
    pairs = [shown_name(text) for text in texts]
    given = [name for name, _ in pairs if name]
    if twice := next((name for name in given if given.count(name) > 1), None):
        raise ValueError(f"`--models`: the name {twice} is given twice. Use another.")
    return [name for name, _ in pairs], [model for _, model in pairs]


def names(text: str) -> list[str]:
    """Names separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def numbers(text: str, flag: str, kind: type, example: str) -> list[Any]:
    """Numbers separated by commas."""
    try:
        return [kind(number) for number in names(text)]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise ValueError(
            f"`{flag}` must be {what} separated by commas, got {text}. Use {flag} {example}."
        ) from None


def check_difficulty_is_free(problem: Problem, values: Mapping[str, Any]) -> None:
    """Refuse the option that a study varies itself."""
    if (knob := ladder_of(problem).knob) in values:
        raise ValueError(
            f"`{option(knob)}` is what a study of {problem.title()} varies, so it cannot be set. "
            "Leave it out, or name other problems."
        )
