"""`longlag suite`: what layers can do, on twelve problems."""

from __future__ import annotations

import time
from typing import Annotated

from cyclopts import Parameter

from longlag.cli._flags import Count
from longlag.cli._output import ANSWER, AnswerFlags
from longlag.cli._setting import SETTING, outside_brackets
from longlag.cli._study import RUN, Rates, RunFlags, Seeds
from longlag.cli._study import learning_rates as rates_of
from longlag.models.by_name import as_in_tables
from longlag.studies.labels import SeveralModels
from longlag.studies.match import Match
from longlag.studies.profile import AT_THE_END
from longlag.studies.suite_baselines import suite_baselines
from longlag.studies.suite_rows import BASELINES, RATES, ROWS, rows_of
from longlag.studies.suite_study import Suite

_BASELINES, _PROBLEMS = ",".join(BASELINES), ",".join(ROWS)
_RATES = ",".join(f"{rate:g}" for rate in RATES)


def suite(
    *,
    models: Annotated[str, Parameter(name=("--models", "--model"), group="Study")] = _BASELINES,
    problems: Annotated[str, Parameter(group="Study")] = _PROBLEMS,
    match: Annotated[Match, Parameter(group="Study")] = "parameters",
    learning_rates: Rates = _RATES,
    seeds: Seeds = 5,
    effort: Annotated[float, Parameter(group="Study")] = 1.0,
    minutes: Annotated[float | None, Parameter(group="Study")] = None,
    baselines: Annotated[bool, Parameter(negative="", group="Baselines")] = False,
    check: Annotated[bool, Parameter(negative="", group="Baselines")] = False,
    sample: Annotated[Count | None, Parameter(group="Baselines")] = None,
    study: RunFlags = RUN,
    output: AnswerFlags = ANSWER,
) -> int:
    """Say what layers can do: twelve problems, beside baselines of equal size.

    Each model is trained at one length of each problem and scored at 1, 2, 4 and 16 times that
    length. The answer is a matrix of problems and models. Run the same command again and it
    continues from the saved trials. Beside it stand results of the baselines that come with
    longlag.

    Args:
        models: Baselines by name, or as for the other commands, separated by commas: lstm, gru and
            rnn are the cells in residual blocks, as all others; lstm() is the bare layer.
        problems: Problems of the suite, separated by commas.
        match: What all models have equally much of: parameters, or numbers of state.
        effort: Multiplies the training sequences of every problem: 0.1 for a first look.
        minutes: Time limit; what is finished then is the answer. Default: none.
        baselines: Train nothing: print the results of the baselines that come with longlag.
        check: Train some of these results again and compare. Exit code 1 if one differs.
        sample: Of a check: number of results, by default 5, of as many models and problems as
            there can be, the cheapest of them.
    """
    if baselines or check:
        if baselines and check:
            raise ValueError("`--check` and `--baselines` exclude each other. Use one.")
        terms = {"learning-rates": learning_rates == _RATES, "seeds": seeds == 5}
        terms |= {"effort": effort == 1.0, "minutes": minutes is None}
        for name in (name for name, unused in terms.items() if not unused):
            flag = "check" if check else "baselines"
            raise ValueError(f"`--{name}` is not used with `--{flag}`. Leave it out.")
        named = rows_of(tuple(name.strip() for name in problems.split(",")))
        results = suite_baselines(match).of(
            named, None if models == _BASELINES else [name.strip() for name in models.split(",")]
        )
        if check:
            from longlag.cli._suite_check import check_baselines

            return check_baselines(results, sample, output)
        output.check()
        output.write_answer(results)
        return 0
    if sample is not None:
        raise ValueError("`--sample` is for `--check`. Leave it out, or add --check.")
    if minutes is not None and not 0 < minutes < 1e6:
        raise ValueError(f"`minutes` must be above 0, got {minutes:g}. Use minutes=10.")
    until = None if minutes is None else time.monotonic() + 60 * minutes - AT_THE_END

    def question() -> Suite:
        return Suite(
            _models(models),
            [name.strip() for name in problems.split(",")],
            match=match,
            rates=rates_of(learning_rates),
            seeds=seeds,
            effort=effort,
            solve_at=study.solve_at,
        )

    return study.run(question, output, code=(models,), until=until)


def _models(text: str) -> SeveralModels:
    """The models of these names; a bare name of a baseline stands for that."""
    return SETTING.models(",".join(map(_baseline, outside_brackets(text))))


def _baseline(name: str) -> str:
    model = BASELINES.get(name.strip())
    if model is None or model.title() == name.strip():
        return name
    return f"{name.strip()}={as_in_tables(model.words) or model.words}"
